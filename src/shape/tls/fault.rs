//! Why a handshake cannot be completed, where rustls's own error does not say it.

use std::fmt;

use crate::profile::Registry;

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
        let mut lists = |what: &str, registry: Registry, number: &u16, cannot: &str| {
            let name = named(registry, *number);
            write!(
                f,
                "the server chose {what} {name}, which the profile lists and cannot be {cannot}"
            )
        };
        match self {
            Self::CipherSuite(suite) => {
                lists("cipher suite", Registry::CipherSuite, suite, "delivered")
            }
            Self::Group(group) => lists("group", Registry::Group, group, "delivered"),
            Self::SignatureAlgorithm(scheme) => lists(
                "signature algorithm",
                Registry::SignatureScheme,
                scheme,
                "verified",
            ),
            Self::Version(version) => lists("version", Registry::Version, version, "delivered"),
            Self::RepeatedGroup(group) => write!(
                f,
                "the server asked for a key share of group {}, which it had been sent",
                named(Registry::Group, *group)
            ),
            Self::Extension(id) => write!(
                f,
                "the server took up extension {}, which the profile offers and cannot be delivered",
                named(Registry::Extension, *id)
            ),
            Self::Unsolicited(id) => write!(
                f,
                "the server answered extension {}, which was not offered",
                named(Registry::Extension, *id)
            ),
            Self::Malformed(id) => write!(
                f,
                "the server's answer to extension {} is malformed",
                named(Registry::Extension, *id)
            ),
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

/// The name, if there is one, and the number.
fn named(registry: Registry, number: u16) -> String {
    let (name, digits) = (registry.text(number), format!("{number:#06x}"));
    match name == digits {
        true => digits,
        false => format!("{name} ({digits})"),
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn what_the_server_chose_has_its_name() {
        for (fault, text) in [
            (
                Fault::CipherSuite(0x2f),
                "cipher suite TLS_RSA_WITH_AES_128_CBC_SHA (0x002f),",
            ),
            (Fault::Group(0x100), "group ffdhe2048 (0x0100),"),
            (Fault::Unsolicited(0x1234), "extension 0x1234,"),
            (Fault::Version(0x302), "version TLS 1.1 (0x0302),"),
        ] {
            assert!(fault.to_string().contains(text), "{fault}");
        }
    }
}
