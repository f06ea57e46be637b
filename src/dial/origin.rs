//! Scheme, host and port: what a caller names and a connection is for (RFC 6454, RFC 9110 §4.3.1).

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use http::uri::Authority;

use crate::error::{Error, ErrorKind, Result};
use crate::registry::Protocol;

/// RFC 1035 §2.3.4, as text without the trailing dot.
const LONGEST_NAME: usize = 253;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// What a connection carries before anything is spoken on it.
    pub(crate) const fn transport(self) -> Protocol {
        match self {
            Self::Http => Protocol::Tcp,
            Self::Https => Protocol::Tls,
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("https") {
            Ok(Self::Https)
        } else if text.eq_ignore_ascii_case("http") {
            Ok(Self::Http)
        } else {
            Err(Error::new(ErrorKind::InvalidTarget)
                .with_detail(format!("the scheme {text:?} is neither http nor https")))
        }
    }

    /// 80 or 443.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port. The host is in lower case, without a trailing dot, an IPv6 address without brackets.
///
/// That a name was written with a trailing dot makes it another origin: the name without it may be short for another host's, by the
/// search list of the [`DnsResolver`](crate::resolve::DnsResolver). Servers see neither name with the dot.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    scheme: Scheme,
    host: Arc<str>,
    /// Whether its name was written with a trailing dot.
    is_absolute: bool,
    port: u16,
    /// Written once, for every request's `:authority`. `None` never happens: what a host may consist of, an authority may too.
    authority: Option<Authority>,
}

impl Origin {
    /// Reads `host`, `host:port` or an `http(s)` URL. Without a scheme it is `https`; a URL's path is left aside.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidTarget`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self> {
        OriginRef::parse(text).map(|origin| origin.to_owned())
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host` or `host:port`, as it stands in a URL and in `Host` (RFC 9110 §7.2): the default port is left out.
    pub fn authority(&self) -> &str {
        self.authority
            .as_ref()
            .map_or(&self.host, Authority::as_str)
    }

    /// The host as a name service is asked for it.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        match self.is_absolute {
            true => Cow::Owned(format!("{}.", self.host)),
            false => Cow::Borrowed(&self.host),
        }
    }

    pub(crate) fn uri_authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    pub(crate) fn shared_host(&self) -> &Arc<str> {
        &self.host
    }

    pub(crate) fn as_ref(&self) -> OriginRef<'_> {
        OriginRef {
            scheme: self.scheme,
            host: &self.host,
            is_absolute: self.is_absolute,
            port: self.port,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority) = (self.scheme.as_str(), self.authority());
        match authority.strip_prefix(&*self.host) {
            Some(port) if self.is_absolute => write!(f, "{scheme}://{}.{port}", self.host),
            _ => write!(f, "{scheme}://{authority}"),
        }
    }
}

/// An [`Origin`] that borrows its text, so that looking one up costs no allocation. The host is compared without regard to case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OriginRef<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) host: &'a str,
    pub(crate) is_absolute: bool,
    pub(crate) port: u16,
}

impl<'a> OriginRef<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        parse(text).map_err(|fault| refuse(text, fault))
    }

    /// Reads an absolute URI; without a scheme it takes `otherwise`.
    pub(crate) fn from_uri(uri: &'a http::Uri, otherwise: Option<Scheme>) -> Result<Self> {
        let Some(authority) = uri.authority() else {
            return Err(refuse(uri.path(), "the URI has neither scheme nor host"));
        };
        // Not `uri.host()` and `uri.port()`: they leave out user information and a port that is none.
        let text = authority.as_str();
        let scheme = match uri.scheme_str() {
            Some(scheme) => Scheme::parse(scheme)?,
            None => otherwise.ok_or_else(|| refuse(text, "the URI has no scheme"))?,
        };
        parse_authority(scheme, text).map_err(|fault| refuse(text, fault))
    }

    pub(crate) fn to_owned(self) -> Origin {
        let host: Arc<str> = self.host.to_ascii_lowercase().into();
        let mut authority = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_string()
        };
        if self.port != self.scheme.default_port() {
            authority = format!("{authority}:{}", self.port);
        }
        Origin {
            scheme: self.scheme,
            host,
            is_absolute: self.is_absolute,
            port: self.port,
            authority: Authority::try_from(authority).ok(),
        }
    }
}

impl PartialEq<Origin> for OriginRef<'_> {
    fn eq(&self, other: &Origin) -> bool {
        self.port == other.port
            && self.scheme == other.scheme
            && self.is_absolute == other.is_absolute
            && self.host.eq_ignore_ascii_case(&other.host)
    }
}

impl Hash for OriginRef<'_> {
    /// Eight letters at a time; folding a letter's case bit for every byte only makes `_` and DEL meet, which costs a comparison.
    fn hash<H: Hasher>(&self, state: &mut H) {
        const CASE: u64 = 0x2020_2020_2020_2020;
        let (words, rest) = self.host.as_bytes().as_chunks::<8>();
        for word in words {
            state.write_u64(u64::from_le_bytes(*word) | CASE);
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        state.write_u64(u64::from_le_bytes(last) | CASE);
        let flags = u32::from(self.is_absolute) << 1 | u32::from(self.scheme == Scheme::Https);
        state.write_u32(u32::from(self.port) << 2 | flags);
    }
}

/// What stands before an `@` may be a password and is left out.
fn refuse(text: &str, fault: &str) -> Error {
    let shown = text.rsplit('@').next().unwrap_or_default();
    Error::new(ErrorKind::InvalidTarget).with_detail(format!("{shown:?}: {fault}"))
}

fn parse(text: &str) -> Result<OriginRef<'_>, &'static str> {
    let (scheme, rest) = match text.find("://") {
        None => (Scheme::Https, text),
        Some(at) => {
            let (scheme, rest) = text.split_at(at);
            let scheme =
                Scheme::parse(scheme).map_err(|_| "the scheme is neither http nor https")?;
            let rest = rest.get(3..).unwrap_or_default();
            (
                scheme,
                rest.split(['/', '?', '#']).next().unwrap_or_default(),
            )
        }
    };
    parse_authority(scheme, rest)
}

fn parse_authority(scheme: Scheme, text: &str) -> Result<OriginRef<'_>, &'static str> {
    if text.contains('@') {
        return Err("user information is not taken from a URL");
    }
    let (host, port) = split_port(text)?;
    let port = match port {
        None => scheme.default_port(),
        Some(digits) => parse_port(digits)?,
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    Ok(OriginRef {
        scheme,
        host: name,
        is_absolute: name.len() < host.len() && name.parse::<IpAddr>().is_err(),
        port,
    })
}

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address, and checks the host.
pub(super) fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside.split_once(']').ok_or("a bracket is not closed")?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err("no IPv6 address between the brackets");
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("something else than a port follows the bracket"),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    check_name(host.strip_suffix('.').unwrap_or(host))?;
    Ok((host, port))
}

pub(super) fn parse_port(digits: &str) -> Result<u16, &'static str> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the port is no number");
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err("the port is not between 1 and 65535"),
        Ok(port) => Ok(port),
    }
}

/// Letters, digits, hyphens and underscores between dots: what a name server or a certificate can know. Names in other scripts
/// come in their ASCII form (RFC 5890).
fn check_name(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("the host is empty");
    }
    if host.len() > LONGEST_NAME {
        return Err("the host is longer than 253 characters");
    }
    if !host.is_ascii() {
        return Err("the host is not in its ASCII form (xn--…)");
    }
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let fine = host.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    if fine {
        Ok(())
    } else {
        Err("the host is no host name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::hash::DefaultHasher;

    fn shown(text: &str) -> String {
        Origin::parse(text).unwrap().to_string()
    }

    #[test]
    fn hosts_ports_and_urls_are_read() {
        for (text, wanted) in [
            ("example.com", "https://example.com"),
            ("Example.COM.", "https://example.com."),
            ("example.com.:8443", "https://example.com.:8443"),
            ("127.0.0.1.", "https://127.0.0.1"),
            ("example.com:443", "https://example.com"),
            ("api.example.org:8443", "https://api.example.org:8443"),
            ("https://example.com/a?b#c", "https://example.com"),
            ("HTTP://example.com:8080", "http://example.com:8080"),
            ("http://example.com?x", "http://example.com"),
            ("127.0.0.1:9", "https://127.0.0.1:9"),
            ("::1", "https://[::1]"),
            ("[::1]:8443", "https://[::1]:8443"),
            ("my_host", "https://my_host"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_its_fault() {
        for (text, fault) in [
            ("", "empty"),
            (":443", "empty"),
            ("https://", "empty"),
            ("ftp://example.com", "scheme"),
            ("example.com:", "no number"),
            ("example.com:+1", "no number"),
            ("example.com:0", "between"),
            ("example.com:65536", "between"),
            ("a b", "no host name"),
            ("a..b", "no host name"),
            ("exa/mple", "no host name"),
            ("user@example.com", "user"),
            ("bücher.example", "ASCII"),
            ("[::1", "bracket"),
            ("[x]", "IPv6"),
            ("[::1]x", "bracket"),
        ] {
            let error = Origin::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidTarget);
            assert!(error.to_string().contains(fault), "{text}: {error}");
        }
    }

    #[test]
    fn a_uri_is_read_as_its_text_is() {
        for text in [
            "https://example.com/a?b",
            "http://Example.COM.:8080",
            "https://[::1]:8443/",
            "https://example.com:99999/",
            "https://example.com:0/",
            "https://example.com:/",
            "https://user:secret@example.com/",
            "https://user@example.com:8443/",
            "https://a..b/",
        ] {
            let uri: http::Uri = text.parse().unwrap();
            let (from_uri, from_text) = (OriginRef::from_uri(&uri, None), OriginRef::parse(text));
            match (from_uri, from_text) {
                (Ok(from_uri), Ok(from_text)) => {
                    assert_eq!(from_uri.to_owned(), from_text.to_owned(), "{text}");
                }
                (Err(error), Err(_)) => assert_eq!(error.kind(), ErrorKind::InvalidTarget),
                differing => panic!("{text}: {differing:?}"),
            }
        }
    }

    #[test]
    fn an_authority_alone_takes_the_other_scheme() {
        let uri = http::Uri::from_static("example.com:99");
        let origin = OriginRef::from_uri(&uri, Some(Scheme::Http)).unwrap();
        assert_eq!(origin.to_owned().to_string(), "http://example.com:99");
        assert!(OriginRef::from_uri(&uri, None).is_err());
    }

    #[test]
    fn an_error_shows_no_password() {
        let text = "https://user:secret@example.com/";
        let errors = [
            OriginRef::parse(text).unwrap_err(),
            OriginRef::from_uri(&text.parse().unwrap(), None).unwrap_err(),
            OriginRef::from_uri(&"user:secret@example.com".parse().unwrap(), None).unwrap_err(),
        ];
        for error in errors {
            assert!(!format!("{error:?} {error}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_trailing_dot_makes_another_origin_of_the_same_host() {
        let (absolute, other) = (Origin::parse("db.").unwrap(), Origin::parse("db").unwrap());
        assert_ne!(absolute, other);
        assert!(
            OriginRef::parse("DB.").unwrap() == absolute
                && OriginRef::parse("db.").unwrap() != other
        );
        assert_ne!(hash("db."), hash("db"));
        assert_eq!((&*absolute.name(), &*other.name()), ("db.", "db"));
        assert_eq!((absolute.host(), absolute.authority()), ("db", "db"));
    }

    fn hash(text: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        OriginRef::parse(text).unwrap().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn case_does_not_matter_to_equality_and_hash() {
        let origin = Origin::parse("www.example.com:8443").unwrap();
        assert!(OriginRef::parse("WWW.Example.com:8443").unwrap() == origin);
        assert_eq!(hash("WWW.Example.com:8443"), hash("www.example.com:8443"));
        assert_ne!(hash("www.example.com:8443"), hash("www.example.com:8444"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_reads_back(text in ".{0,80}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert!(origin.uri_authority().is_some());
                prop_assert_eq!(Origin::parse(&origin.to_string()).unwrap(), origin);
            }
        }
    }
}
