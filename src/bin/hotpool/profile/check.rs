//! `hotpool profile check`: is a profile one client, and could that have sent this?

use std::path::Path;

use hotpool::profile::{Difference, Http2Opening, Profile};

use super::arguments::CheckArguments;
use super::captures::{self, Found};
use super::load;
use super::merged::fixes_a_hello;
use crate::failure::{Failure, Status};
use crate::{hex, output};

/// All input is read before anything is said.
pub(super) fn run(arguments: &CheckArguments) -> Result<Status, Failure> {
    let profile = load(&arguments.profile)?;
    if !arguments.hello.is_empty() && !fixes_a_hello(&profile) {
        return Err(Failure::Usage(format!(
            "{} fixes no hello, so none can be checked against it",
            profile.name()
        )));
    }
    let found = captures::read_all(&arguments.hello)?;
    let openings = arguments.opening.as_deref().map(openings).transpose()?;
    let contradictions = profile.contradictions();
    for contradiction in &contradictions {
        output::line(&format!("{}: {contradiction}", profile.name()))?;
    }
    if profile.leaves_http2_open() {
        output::complain(&format!(
            "{} offers HTTP/2 and says nothing of it: stock h2's opening would be sent, which is no other client's",
            profile.name()
        ));
    }
    let mut all_fit = contradictions.is_empty();
    if all_fit && found.is_empty() && openings.is_none() {
        output::line(&format!("{}: does not contradict itself", profile.name()))?;
    }
    for found in &found {
        all_fit &= fits(&profile, found)?;
    }
    for (place, opening) in openings.unwrap_or_default() {
        if profile.akamai().is_some() {
            let differences = profile.opening_differences(&opening);
            all_fit &= verdict(&profile, &place, &differences)?;
        } else {
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
    verdict(profile, place, &differences)
}

fn verdict(profile: &Profile, place: &str, differences: &[Difference]) -> Result<bool, Failure> {
    for difference in differences {
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

/// The openings in a file, each with its place: one as bytes, or one on each line in hex.
fn openings(file: &Path) -> Result<Vec<(String, Http2Opening)>, Failure> {
    let content = captures::read(file)?;
    let name = captures::name(file);
    if content.starts_with(PREFACE) {
        let place = format!("{name}:1");
        let opening = complete(&place, &content)?;
        return Ok(vec![(place, opening)]);
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
        let opening = complete(&place, &bytes)?;
        openings.push((place, opening));
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
