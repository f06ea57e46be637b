//! The command line of `hotpool capture`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct CaptureArguments {
    /// Where to listen, such as 127.0.0.1:8443; port 0 takes a free one. Standard error tells the address
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(super) listen: SocketAddr,

    /// End after the first connection with a whole hello: when it has sent its requests and gone, or a few seconds later
    #[arg(long)]
    pub(super) once: bool,

    /// Write the profile learned from all connections so far to FILE, anew after each [default: standard output, at the end]
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,

    /// Append each connection's hello to FILE, as profile check --hello reads it: hex, one line; one more for the hello after a
    /// HelloRetryRequest
    #[arg(long, value_name = "FILE")]
    pub(super) hello_out: Option<PathBuf>,

    /// Append what each connection sends over HTTP/2, decrypted, with all of its requests up to 128 KiB, to FILE: hex, one line
    #[arg(long, value_name = "FILE")]
    pub(super) opening_out: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let expected = || "expected an address and a port, such as 127.0.0.1:8443".to_owned();
    let mut addresses = text.to_socket_addrs().map_err(|_| expected())?;
    addresses.next().ok_or_else(expected)
}
