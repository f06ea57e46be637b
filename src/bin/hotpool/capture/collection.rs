//! What has been captured, and the files that it goes to.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use hotpool::profile::{HelloCapture, Profile};

use super::arguments::CaptureArguments;
use super::seen::Caught;
use super::watch::Settled;
use crate::failure::Failure;
use crate::{hex, output};

/// Hellos that a profile is learned from: all of them are learned anew when there are more, and a thousand show whatever a client draws.
const MAXIMUM_LEARNED: usize = 1_000;

/// What the profile is called until its owner writes something better.
const NAME: &str = "captured";

#[derive(Debug)]
pub(super) struct Collection {
    profile_file: Option<PathBuf>,
    hellos: Option<Appended>,
    openings: Option<Appended>,
    captures: Vec<HelloCapture>,
    /// How many of them the profile is learned from.
    learned: usize,
    profile: Option<Profile>,
    captured: u64,
}

impl Collection {
    /// Finds out before anybody is waited for whether the files can be written.
    pub(super) fn open(arguments: &CaptureArguments) -> Result<Self, Failure> {
        if let Some(path) = &arguments.out {
            open(path, OpenOptions::new().write(true).truncate(false))?;
        }
        let appended = |path: &Option<PathBuf>| path.as_deref().map(Appended::open).transpose();
        Ok(Self {
            profile_file: arguments.out.clone(),
            hellos: appended(&arguments.hello_out)?,
            openings: appended(&arguments.opening_out)?,
            captures: Vec::new(),
            learned: 0,
            profile: None,
            captured: 0,
        })
    }

    /// Whether there was a hello in what a connection sent.
    pub(super) fn add(&mut self, settled: Settled) -> Result<bool, Failure> {
        let Settled { from, outcome, .. } = settled;
        match outcome {
            None => output::complain(&format!("{from} sent nothing")),
            Some(Err(error)) => output::complain(&format!("{from}: {error}")),
            Some(Ok(caught)) => {
                self.captured += 1;
                self.keep(&from, *caught)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the profile to standard output, unless there is a file for it. Whether there was any hello.
    pub(super) fn finish(&self) -> Result<bool, Failure> {
        match &self.profile {
            Some(profile) if self.profile_file.is_none() => output::line(&profile.to_json())?,
            Some(_) => {}
            None => output::complain("no client has sent a hello"),
        }
        Ok(self.captured > 0)
    }

    fn keep(&mut self, from: &str, caught: Caught) -> Result<(), Failure> {
        if let Some(file) = &mut self.hellos {
            file.append(&caught.records)?;
        }
        if let (Some(file), Some(opening)) = (&mut self.openings, &caught.opening) {
            file.append(std::slice::from_ref(opening))?;
        }
        let opening = caught.hello.opening.as_ref();
        let http = opening.map_or_else(String::new, |opening| {
            let requests = match opening.requests().len() {
                1 => "1 request".to_owned(),
                count => format!("{count} requests"),
            };
            format!(", HTTP/2 {}, {requests}", opening.akamai())
        });
        let again = match caught.hello.retry {
            Some(_) => ", and a hello after a HelloRetryRequest",
            None => "",
        };
        let ja4 = caught.hello.hello.ja4();
        output::complain(&format!("{from}: JA4 {ja4}{http}{again}"));
        self.admit(from, caught.hello);
        Ok(())
    }

    /// Takes it among those that are learned from, if it is of the same client.
    fn admit(&mut self, from: &str, capture: HelloCapture) {
        if self.captures.len() >= MAXIMUM_LEARNED {
            return;
        }
        let first = self.captures.first().unwrap_or(&capture).clone();
        if let Err(error) = Profile::from_captures(NAME, &[first, capture.clone()]) {
            output::complain(&format!("{from} is left out of the {error}"));
            return;
        }
        self.captures.push(capture);
        if self.captures.len() == MAXIMUM_LEARNED {
            output::complain(&format!(
                "{MAXIMUM_LEARNED} hellos are enough: nothing is learned from others"
            ));
        }
    }

    /// Learns from what is new, and writes the profile if it has a file.
    pub(super) fn learn(&mut self) -> Result<(), Failure> {
        let fresh = self.captures.len().saturating_sub(self.learned);
        if fresh == 0 {
            return Ok(());
        }
        match Profile::from_captures(NAME, &self.captures) {
            Ok(profile) => self.profile = Some(profile),
            Err(error) => {
                self.captures.truncate(self.learned);
                output::complain(&format!(
                    "the last {fresh} hellos are left out of the {error}"
                ));
                return Ok(());
            }
        }
        self.learned = self.captures.len();
        match (&self.profile_file, &self.profile) {
            (Some(path), Some(profile)) => std::fs::write(path, format!("{}\n", profile.to_json()))
                .map_err(|error| Failure::Output(path.display().to_string(), error)),
            _ => Ok(()),
        }
    }
}

/// A file of hex lines.
#[derive(Debug)]
struct Appended {
    file: File,
    name: String,
}

impl Appended {
    fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            file: open(path, OpenOptions::new().append(true))?,
            name: path.display().to_string(),
        })
    }

    fn append(&mut self, lines: &[Vec<u8>]) -> Result<(), Failure> {
        let lines: String = lines
            .iter()
            .map(|line| format!("{}\n", hex::encode(line)))
            .collect();
        self.file
            .write_all(lines.as_bytes())
            .map_err(|error| Failure::Output(self.name.clone(), error))
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<File, Failure> {
    options
        .create(true)
        .open(path)
        .map_err(|error| Failure::Usage(format!("cannot write to {}: {error}", path.display())))
}
