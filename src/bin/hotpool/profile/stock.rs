//! The hello of a profile that fixes none: stock rustls's, with the settings that the pool's connections have.

use std::sync::Arc;

use hotpool::profile::{HelloCapture, SampleOptions};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::ServerName;

use crate::failure::{Failure, with_sources};

/// What the pool offers, the first one preferred.
const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

/// The records of a fresh hello.
pub(super) fn hello(options: &SampleOptions) -> Result<Vec<u8>, Failure> {
    if options.resumed || options.retry.is_some() {
        return Err(Failure::Usage(
            "rustls's own hello is what rustls makes of a connection: --resumed and --retry need a profile that fixes its hello"
                .into(),
        ));
    }
    let failed = |error: rustls::Error| Failure::Usage(with_sources(&error));
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    // The pool compresses certificates for profiles only.
    config.cert_decompressors = Vec::new();
    let wanted = |protocol: &&str| match &options.protocols {
        None => true,
        Some(wanted) => wanted.iter().any(|wanted| wanted == protocol),
    };
    let offered = PROTOCOLS.into_iter().filter(wanted);
    config.alpn_protocols = offered
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    let host = ServerName::try_from(options.host.clone())
        .map_err(|error| Failure::Usage(with_sources(&error)))?;
    let mut connection = ClientConnection::new(Arc::new(config), host).map_err(failed)?;
    let mut records = Vec::new();
    connection
        .write_tls(&mut records)
        .map_err(|error| Failure::Usage(with_sources(&error)))?;
    Ok(records)
}

/// The same as a capture.
pub(super) fn capture(options: &SampleOptions) -> Result<HelloCapture, Failure> {
    HelloCapture::from_records(&hello(options)?)
        .map_err(|error| Failure::Usage(with_sources(&error)))
}
