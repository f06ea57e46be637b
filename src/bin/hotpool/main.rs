//! The `hotpool` command: requests and load through a pool of hot connections, and what clients look like on the wire.
//!
//! Exit status: 0 when everything asked for was done, 1 when some of it failed, 2 for a command line or an input that cannot be
//! used.

mod arguments;
mod bench;
mod capture;
mod client;
mod demo;
mod exchange;
mod failure;
mod get;
mod hex;
mod interrupt;
mod output;
mod preheat;
mod profile;
mod record;
mod request;
mod summary;
mod tally;
mod url;
mod values;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::{Failure, Status};

/// How long the runtime's own threads may take to end, once everything of ours has.
const LAST_GRACE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(status) => status.into(),
        Err(failure) => {
            if let Some(message) = failure.message() {
                output::complain(&message);
            }
            failure.status().into()
        }
    }
}

fn run(arguments: Arguments) -> Result<Status, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(async {
        match arguments.command {
            Command::Bench(arguments) => bench::run(arguments).await,
            Command::Capture(arguments) => capture::run(arguments).await,
            Command::Demo(arguments) => demo::run(&arguments).await,
            Command::Get(arguments) => get::run(arguments).await,
            Command::Profile(arguments) => profile::run(arguments),
        }
    });
    runtime.shutdown_timeout(LAST_GRACE);
    outcome
}
