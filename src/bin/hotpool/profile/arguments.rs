//! The command line of `hotpool profile`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rustls_pki_types::ServerName;

#[derive(Args, Debug)]
pub(crate) struct ProfileArguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The profiles that are compiled in: names, where they come from, until when they hold, JA4, Akamai fingerprint, with --json the
    /// kinds of requests
    List {
        /// Print one JSON array of objects
        #[arg(long)]
        json: bool,
    },
    /// A profile as JSON, all that it extends written out; standard error tells its Akamai fingerprint and kinds of requests, and what of
    /// it cannot be delivered
    Show {
        #[arg(value_name = "NAME|FILE")]
        profile: String,
    },
    /// Fresh ClientHello records of a profile's client: hex, one hello on each line
    Hello(HelloArguments),
    /// A profile (JSON) from captures of one client; several show what it draws at random
    FromHello {
        /// Hex, the TLS records of one hello on each line (the hello after a HelloRetryRequest on the next or the same), or the
        /// records themselves; - is standard input
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Where a profile contradicts itself, and whether its client could have sent these hellos and this HTTP/2, and where not
    Check(CheckArguments),
    /// Where two profiles differ, all that they extend written out; their names and provenance do not count
    Diff {
        #[arg(value_name = "A")]
        one: String,
        #[arg(value_name = "B")]
        other: String,
    },
}

#[derive(Args, Debug)]
pub(super) struct HelloArguments {
    #[arg(value_name = "NAME|FILE")]
    pub(super) profile: String,

    /// The host that is dialled: a name, or an address, which is not sent
    #[arg(long, value_name = "HOST", default_value = "www.example.test", value_parser = host)]
    pub(super) sni: String,

    /// The application protocols wanted, such as h2,http/1.1; those of the profile among them are offered [default: the profile's]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) alpn: Option<Vec<String>>,

    /// Resume a session by a pre-shared key
    #[arg(long)]
    pub(super) resumed: bool,

    /// A HelloRetryRequest asks for this group; both hellos are printed, the first one first
    #[arg(long, value_name = "GROUP")]
    pub(super) retry: Option<String>,

    /// How many times to draw
    #[arg(long, value_name = "N", default_value = "1")]
    pub(super) count: NonZeroU64,
}

#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    #[arg(value_name = "NAME|FILE")]
    pub(super) profile: String,

    /// Captured hellos, as from-hello reads them; needs a profile that fixes a hello [default: none]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) hello: Vec<PathBuf>,

    /// What the client sent over HTTP/2, decrypted, with one or more requests: hex, one connection on each line, or bytes; - is
    /// standard input [default: none]
    #[arg(long, value_name = "FILE")]
    pub(super) opening: Option<PathBuf>,
}

/// What a hello can be for.
fn host(text: &str) -> Result<String, String> {
    match ServerName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("expected a host name or an address".into()),
    }
}
