//! Why a handshake cannot be completed, where rustls's own error does not say it.

use std::fmt;

/// What the server chose or did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// A cipher suite that the profile lists and nothing here implements.
    CipherSuite(u16),
    /// A group that the profile lists and nothing here implements.
    Group(u16),
    /// Asked for a key share that it had been sent (RFC 8446 section 4.2.8).
    RepeatedGroup(u16),
    /// A signature algorithm that the profile lists and nothing here verifies.
    SignatureAlgorithm(u16),
    /// A protocol version that the profile lists and nothing here implements.
    Version(u16),
    /// Took up an extension that the profile offers and nothing here implements.
    Extension(u16),
    /// Answered an extension that was not offered.
    Unsolicited(u16),
    /// An extension's body that breaks its own rules.
    Malformed(u16),
    /// Does not speak TLS 1.3 any more, so that the ticket offered cannot be used.
    Downgraded,
    /// What is wrong with the delegated credential (RFC 9345).
    DelegatedCredential(&'static str),
    /// The cookie of its HelloRetryRequest does not fit into the second hello.
    LongCookie,
    /// The hello could not be written, for this reason.
    Hello(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lists = |what: &str, number: &u16, cannot: &str| {
            write!(
                f,
                "the server chose {what} 0x{number:04x}, which the profile lists and cannot be {cannot}"
            )
        };
        match self {
            Self::CipherSuite(suite) => lists("cipher suite", suite, "delivered"),
            Self::Group(group) => lists("group", group, "delivered"),
            Self::SignatureAlgorithm(scheme) => lists("signature algorithm", scheme, "verified"),
            Self::Version(version) => lists("version", version, "delivered"),
            Self::RepeatedGroup(group) => write!(
                f,
                "the server asked for a key share of group 0x{group:04x}, which it had been sent"
            ),
            Self::Extension(id) => write!(
                f,
                "the server took up extension 0x{id:04x}, which the profile offers and cannot be delivered"
            ),
            Self::Unsolicited(id) => {
                write!(
                    f,
                    "the server answered extension 0x{id:04x}, which was not offered"
                )
            }
            Self::Malformed(id) => {
                write!(
                    f,
                    "the server's answer to extension 0x{id:04x} is malformed"
                )
            }
            Self::Downgraded => f.write_str(
                "the server answered with TLS 1.2 to a hello that offers a TLS 1.3 session",
            ),
            Self::DelegatedCredential(what) => {
                write!(f, "the server's delegated credential {what}")
            }
            Self::LongCookie => {
                f.write_str("the server's cookie is too long for a second hello of one record")
            }
            Self::Hello(why) => write!(f, "the profile's hello cannot be sent: {why}"),
        }
    }
}

impl std::error::Error for Fault {}
