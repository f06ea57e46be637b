//! `hotpool profile hello`: hellos that a profile's client could send.

use hotpool::profile::{ClientHello, HelloCapture, Profile, SampleOptions};

use super::arguments::HelloArguments;
use super::merged::fixes_a_hello;
use super::{load, stock};
use crate::failure::{Failure, Status, with_sources};
use crate::{hex, output};

pub(super) fn run(arguments: HelloArguments) -> Result<Status, Failure> {
    let profile = load(&arguments.profile)?;
    let mut options = SampleOptions::default();
    options.host = arguments.sni;
    options.protocols = arguments.alpn;
    options.resumed = arguments.resumed;
    options.retry = arguments.retry;
    for _ in 0..arguments.count.get() {
        for records in draw(&profile, &options)? {
            output::line(&hex::encode(&records))?;
        }
    }
    Ok(Status::Done)
}

/// The JA4 of a fresh hello.
pub(super) fn ja4(profile: &Profile) -> Result<String, Failure> {
    let options = SampleOptions::default();
    let capture = if fixes_a_hello(profile) {
        let sampled = profile.sample(&options, &mut rand::rng())?;
        sampled
            .capture()
            .map_err(|error| Failure::Usage(with_sources(&error)))?
    } else {
        stock::capture(&options)?
    };
    Ok(capture.hello.ja4())
}

/// The records of one hello, or of the two around a HelloRetryRequest.
fn draw(profile: &Profile, options: &SampleOptions) -> Result<Vec<Vec<u8>>, Failure> {
    if !fixes_a_hello(profile) {
        return Ok(vec![stock::hello(options)?]);
    }
    let sampled = profile.sample(options, &mut rand::rng())?;
    let capture = sampled
        .capture()
        .map_err(|error| Failure::Usage(with_sources(&error)))?;
    check(profile, options, &capture)?;
    Ok([Some(sampled.first), sampled.retry]
        .into_iter()
        .flatten()
        .collect())
}

/// A hello that no server could have caused is none of the client's.
fn check(
    profile: &Profile,
    options: &SampleOptions,
    capture: &HelloCapture,
) -> Result<(), Failure> {
    let name = profile.name();
    let hello = &capture.hello;
    if options.resumed && hello.extension(PRE_SHARED_KEY).is_none() {
        return Err(Failure::Usage(format!(
            "{name} says nothing of resumption: its extensions have no pre_shared_key"
        )));
    }
    let asked = capture.retry.as_ref().map(ClientHello::key_share_groups);
    if let (Some(group), Some([asked, ..])) = (&options.retry, asked) {
        if !hello.supported_groups().contains(asked) {
            return Err(Failure::Usage(format!(
                "{name} does not offer {group}, so no server can ask for it"
            )));
        }
        if hello.key_share_groups().contains(asked) {
            return Err(Failure::Usage(format!(
                "{name} sends a key share of {group} at once, so no server may ask for it (RFC 8446 section 4.1.4)"
            )));
        }
    }
    Ok(())
}

const PRE_SHARED_KEY: u16 = 41;
