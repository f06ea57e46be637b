//! The server's own certificate, kept to tell for which other hosts it speaks.

use std::fmt;

use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::{CertificateDer, ServerName};

/// A certificate that was verified, with its chain, for the host that was dialed.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct EndEntity(CertificateDer<'static>);

impl EndEntity {
    pub(super) fn new(certificate: &CertificateDer<'_>) -> Self {
        Self(certificate.clone().into_owned())
    }

    /// Whether it is for this host too (RFC 6125, RFC 9525; a wildcard stands for one label).
    pub(crate) fn covers(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host) else {
            return false;
        };
        ParsedCertificate::try_from(&self.0)
            .is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
    }
}

impl fmt::Debug for EndEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndEntity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_covers_what_its_names_say() {
        let names = ["a.test", "*.b.test", "192.0.2.1"].map(str::to_owned);
        let certificate = rcgen::generate_simple_self_signed(names).unwrap().cert;
        let end_entity = EndEntity::new(certificate.der());
        for host in ["a.test", "x.b.test", "192.0.2.1"] {
            assert!(end_entity.covers(host), "{host}");
        }
        for host in [
            "b.test",
            "x.y.b.test",
            "c.test",
            "192.0.2.2",
            "",
            "not a host",
        ] {
            assert!(!end_entity.covers(host), "{host}");
        }
        let broken = EndEntity(CertificateDer::from(vec![1, 2, 3]));
        assert!(!broken.covers("a.test"));
    }
}
