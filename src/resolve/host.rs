//! A host as text, made comparable.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, ErrorKind};

/// A host in the one form in which equal hosts are equal.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Host {
    Address(IpAddr),
    /// ASCII, lower case. A trailing dot says that it is absolute: not short for another one.
    Name(Box<str>),
}

impl Host {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |detail: &'static str| {
            Error::new(ErrorKind::InvalidTarget)
                .with_detail(detail)
                .with_host(text.get(..MAX_NAME_LENGTH).unwrap_or(text))
        };
        if let Some(rest) = text.strip_prefix('[') {
            return match rest.strip_suffix(']').map(str::parse::<Ipv6Addr>) {
                Some(Ok(address)) => Ok(Self::Address(address.into())),
                _ => Err(invalid("what is in brackets is no IPv6 address")),
            };
        }
        let name = without_dot(text);
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(Self::Address(address));
        }
        if name.is_empty() {
            return Err(invalid("the host is empty"));
        }
        if !name.is_ascii() {
            return Err(invalid(
                "the host is not ASCII; write it in its xn-- form (RFC 5891)",
            ));
        }
        if name.len() > MAX_NAME_LENGTH {
            return Err(invalid("the host is longer than 253 bytes"));
        }
        for label in name.split('.') {
            if label.is_empty() || label.len() > MAX_LABEL_LENGTH {
                return Err(invalid("a label of the host is empty or over 63 bytes"));
            }
            if !label.bytes().all(is_name_byte) {
                return Err(invalid("the host has a character that names cannot have"));
            }
        }
        // With the dot.
        Ok(Self::Name(text.to_ascii_lowercase().into()))
    }

    /// The addresses that need no lookup: an address's own, and loopback for `localhost` and every name below it
    /// (RFC 6761 §6.3).
    pub(super) fn well_known(&self) -> Option<Vec<IpAddr>> {
        match self {
            Self::Address(address) => Some(vec![*address]),
            Self::Name(name) if is_localhost(without_dot(name)) => {
                Some(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
            }
            Self::Name(_) => None,
        }
    }

    /// The same without a trailing dot.
    pub(super) fn without_dot(&self) -> Cow<'_, Self> {
        match self {
            Self::Name(name) if name.ends_with('.') => {
                Cow::Owned(Self::Name(without_dot(name).into()))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// As it is: what is said of it in the DNS is never short for another name.
    pub(super) fn absolute(self) -> Self {
        match self {
            Self::Name(name) if !name.ends_with('.') => Self::Name(format!("{name}.").into()),
            _ => self,
        }
    }
}

pub(super) fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Letters, digits and hyphens (RFC 952), and the underscore, which RFC 1123 forbids and real host names have.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// 255 bytes on the wire (RFC 1035 §2.3.4) less the first length byte and the root. It also bounds a cache key.
const MAX_NAME_LENGTH: usize = 253;

/// RFC 1035 §2.3.4.
const MAX_LABEL_LENGTH: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hosts_are_equal() {
        let host = |text| Host::parse(text).unwrap();
        assert_eq!(host("Example.COM."), host("example.com."));
        assert_ne!(host("example.com."), host("example.com"));
        assert_eq!(*host("example.com.").without_dot(), host("example.com"));
        assert_eq!(host("example.com").absolute(), host("example.com."));
        assert_eq!(host("[::1]"), host("0:0::1"));
        assert_eq!(host("127.0.0.1."), host("127.0.0.1"));
        assert_ne!(host("example.com"), host("example.org"));
        assert_eq!(host("_a.b-c.d").to_string(), "_a.b-c.d");
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_fault() {
        let long_label = "a".repeat(64);
        let long_name = "a.".repeat(127) + "a";
        for (text, fault) in [
            ("", "empty"),
            (".", "empty"),
            ("a..b", "label"),
            (".a", "label"),
            (&long_label, "label"),
            (&long_name, "253"),
            ("bücher.example", "xn--"),
            ("a b", "character"),
            ("a:443", "character"),
            ("[::1", "brackets"),
            ("[example.com]", "brackets"),
            ("[127.0.0.1]", "brackets"),
        ] {
            let error = Host::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidTarget, "{text}");
            assert!(error.to_string().contains(fault), "{text}: {error}");
        }
    }

    #[test]
    fn localhost_and_what_is_below_it_is_loopback() {
        for name in ["localhost", "LOCALHOST.", "a.b.localhost"] {
            let addresses = Host::parse(name).unwrap().well_known().unwrap();
            assert!(addresses.len() == 2 && addresses.iter().all(IpAddr::is_loopback));
        }
        assert_eq!(Host::parse("notlocalhost").unwrap().well_known(), None);
    }
}
