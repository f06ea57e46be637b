//! `hotpool profile from-hello`: a client's profile from what it sent.

use std::path::PathBuf;

use hotpool::profile::{HelloCapture, Profile};

use super::captures;
use crate::failure::{Failure, Status};
use crate::output;

pub(super) fn run(files: &[PathBuf]) -> Result<Status, Failure> {
    let found = captures::read_all(files)?;
    let captures: Vec<HelloCapture> = found.into_iter().map(|found| found.capture).collect();
    let profile = Profile::from_captures(NAME, &captures)?;
    output::line(&profile.to_json())?;
    Ok(Status::Done)
}

/// What the profile is called until its owner writes something better.
const NAME: &str = "captured";
