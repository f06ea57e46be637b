//! `hotpool profile check`: could a profile's client have sent this?

use std::path::Path;

use hotpool::profile::{Http2Opening, Profile};

use super::arguments::CheckArguments;
use super::captures::{self, Found};
use super::load;
use super::merged::fixes_a_hello;
use crate::failure::{Failure, Status};
use crate::{hex, output};

/// All input is read before anything is said.
pub(super) fn run(arguments: &CheckArguments) -> Result<Status, Failure> {
    let profile = load(&arguments.profile)?;
    if !fixes_a_hello(&profile) {
        return Err(Failure::Usage(format!(
            "{} fixes no hello, so none can be checked against it",
            profile.name()
        )));
    }
    let found = captures::read_all(&arguments.hello)?;
    let opening = arguments.opening.as_deref().map(opening).transpose()?;
    let mut all_fit = true;
    for found in &found {
        all_fit &= fits(&profile, found)?;
    }
    if let Some(openings) = opening {
        for opening in openings {
            output::complain(&format!(
                "{} says nothing of HTTP/2, so the opening {} is not checked",
                profile.name(),
                opening.akamai()
            ));
        }
    }
    Ok(Status::of(all_fit))
}

/// Prints the verdict on one capture.
fn fits(profile: &Profile, found: &Found) -> Result<bool, Failure> {
    let Found { place, capture } = found;
    let differences = profile.differences(&capture.hello, capture.retry.as_ref());
    for difference in &differences {
        output::line(&format!("{place}: {difference}"))?;
    }
    if differences.is_empty() {
        output::line(&format!(
            "{place}: could have been sent by {}",
            profile.name()
        ))?;
    }
    Ok(differences.is_empty())
}

/// The openings in a file: one as bytes, or one on each line in hex.
fn opening(file: &Path) -> Result<Vec<Http2Opening>, Failure> {
    let content = captures::read(file)?;
    let name = captures::name(file);
    if content.starts_with(PREFACE) {
        return Ok(vec![complete(&format!("{name}:1"), &content)?]);
    }
    let text = std::str::from_utf8(&content)
        .map_err(|_| Failure::Usage(format!("{name}: neither hex nor an HTTP/2 opening")))?;
    let mut openings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("{name}:{number}");
        let bytes =
            hex::decode(line).map_err(|fault| Failure::Usage(format!("{place}: {fault}")))?;
        openings.push(complete(&place, &bytes)?);
    }
    if openings.is_empty() {
        return Err(Failure::Usage(format!("{name}: there is no opening in it")));
    }
    Ok(openings)
}

fn complete(place: &str, bytes: &[u8]) -> Result<Http2Opening, Failure> {
    let opening = Http2Opening::parse(bytes);
    if opening.is_complete() {
        return Ok(opening);
    }
    let fault = if bytes.starts_with(PREFACE) {
        "the opening is cut short or broken: there is no whole HEADERS in it"
    } else {
        "no HTTP/2 opening: it does not begin with the preface"
    };
    Err(Failure::Usage(format!("{place}: {fault}")))
}

/// What HTTP/2 begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
