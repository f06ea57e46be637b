//! A certificate that nobody has to believe.

use std::error::Error;
use std::net::IpAddr;

use hotpool::server::ServerTls;
use rcgen::{CertificateParams, KeyPair};

use crate::failure::Failure;

/// Signed by itself, for this machine's loopback names and the address that is listened at.
pub(super) fn self_signed(address: IpAddr) -> Result<ServerTls, Failure> {
    make(address).map_err(Failure::Certificate)
}

fn make(address: IpAddr) -> Result<ServerTls, Box<dyn Error>> {
    let mut names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    if !address.is_loopback() && !address.is_unspecified() {
        names.push(address.to_string());
    }
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.self_signed(&key)?;
    Ok(ServerTls::from_pem(
        certificate.pem().as_bytes(),
        key.serialize_pem().as_bytes(),
    )?)
}
