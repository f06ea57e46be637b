//! `hotpool profile`: what clients look like on the wire.

mod arguments;
mod captures;
mod check;
mod diff;
mod from_hello;
mod grease;
mod hello;
mod list;
mod merged;
mod show;
mod stock;

use hotpool::profile::Profile;

use crate::failure::{Failure, Status};
use crate::output;

use arguments::Command;
pub(crate) use arguments::ProfileArguments;

pub(crate) fn run(arguments: ProfileArguments) -> Result<Status, Failure> {
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Diff { one, other } => diff::run(&one, &other),
        Command::FromHello { files } => from_hello::run(&files),
        Command::Hello(arguments) => hello::run(arguments),
        Command::List { json } => list::run(json),
        Command::Show { profile } => show::run(&profile),
    }
}

/// The profile of this name or in this file. Standard error says so if its time is over.
fn load(text: &str) -> Result<Profile, Failure> {
    let profile = Profile::named_or_file(text)?;
    warn_if_expired(&profile);
    Ok(profile)
}

fn warn_if_expired(profile: &Profile) {
    if let Some(last) = profile.provenance().expires
        && profile.is_expired()
    {
        output::complain(&format!(
            "{} expired on {last}: its client may send something else by now",
            profile.name()
        ));
    }
}
