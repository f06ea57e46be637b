//! A proxy's URL: `scheme://user:password@host:port`.

use std::net::IpAddr;

use super::server::Speech;
use crate::dial::origin::{parse_port, split_port};

/// What a URL says of a proxy.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct ProxyUrl {
    pub(super) speech: Speech,
    /// Whether hosts' names are resolved here, by what the scheme means.
    pub(super) resolves_here: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Name and password, decoded.
    pub(super) user: Option<(String, String)>,
}

/// What is wrong is said without any part of the text: it may hold a password in any place.
pub(super) fn parse(text: &str) -> Result<ProxyUrl, &'static str> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let (speech, resolves_here) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Speech::Http, false),
        "https" => (Speech::Https, false),
        "socks5" => (Speech::Socks5, true),
        "socks5h" => (Speech::Socks5, false),
        "socks4" | "socks4a" => {
            return Err("SOCKS4 is not spoken: give http, https, socks5 or socks5h");
        }
        _ => return Err("the scheme is none of http, https, socks5 and socks5h"),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !matches!(path, "" | "/") {
        return Err("something follows the host and the port (a / in the password is written %2F)");
    }
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(credentials(user)?), address),
        None => (None, authority),
    };
    let (host, port) = split_port(address)?;
    // A name keeps its trailing dot: the name service is asked for it so.
    let host = match host.strip_suffix('.') {
        Some(bare) if bare.parse::<IpAddr>().is_ok() => bare,
        _ => host,
    };
    let port = match port {
        Some(digits) => parse_port(digits)?,
        None => speech.default_port(),
    };
    Ok(ProxyUrl {
        speech,
        resolves_here,
        host: host.to_ascii_lowercase(),
        port,
        user,
    })
}

fn credentials(text: &str) -> Result<(String, String), &'static str> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    Ok((decode(name)?, decode(password)?))
}

/// RFC 3986 §2.1.
fn decode(text: &str) -> Result<String, &'static str> {
    const FAULT: &str = "a % in the credentials is not followed by two hexadecimal digits (itself it is written %25)";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(FAULT);
        };
        bytes.push(u8::try_from(high << 4 | low).map_err(|_| FAULT)?);
    }
    String::from_utf8(bytes).map_err(|_| "the credentials are not UTF-8")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn schemes_ports_and_credentials_are_read() {
        for (text, speech, here, host, port, user) in [
            (
                "http://proxy:3128",
                Speech::Http,
                false,
                "proxy",
                3128,
                None,
            ),
            (
                "proxy.example:8080",
                Speech::Http,
                false,
                "proxy.example",
                8080,
                None,
            ),
            ("HTTP://Proxy/", Speech::Http, false, "proxy", 80, None),
            ("https://[::1]", Speech::Https, false, "::1", 443, None),
            (
                "socks5://10.0.0.1",
                Speech::Socks5,
                true,
                "10.0.0.1",
                1080,
                None,
            ),
            (
                "socks5h://a:b@s:9",
                Speech::Socks5,
                false,
                "s",
                9,
                Some(("a", "b")),
            ),
            (
                "http://a%40b:p%3a%2Fw@h",
                Speech::Http,
                false,
                "h",
                80,
                Some(("a@b", "p:/w")),
            ),
            (
                "http://a:b:c@d@h",
                Speech::Http,
                false,
                "h",
                80,
                Some(("a", "b:c@d")),
            ),
            (
                "http://token@h",
                Speech::Http,
                false,
                "h",
                80,
                Some(("token", "")),
            ),
        ] {
            let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
            let wanted = ProxyUrl {
                speech,
                resolves_here: here,
                host: host.into(),
                port,
                user,
            };
            assert_eq!(parse(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_with_its_fault() {
        for (text, fault) in [
            ("", "empty"),
            ("http://", "empty"),
            ("ftp://h", "scheme"),
            ("socks4://h", "SOCKS4"),
            ("socks4a://h:1", "SOCKS4"),
            ("http://h:0", "port"),
            ("http://h:x", "port"),
            ("http://h/path", "follows"),
            ("http://u:p/w@h", "follows"),
            ("http://u%zz@h", "%25"),
            ("http://u%4@h", "%25"),
            ("http://%ff@h", "UTF-8"),
            ("http://a b", "host name"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(fault), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(http://|socks5h?://)?.{0,60}") {
            let _ = parse(&text);
        }
    }
}
