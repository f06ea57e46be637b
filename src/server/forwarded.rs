//! The elements of `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! They are read from the right, where trusted proxies wrote: whatever a client wrote in front, such as a quote without its end, cannot
//! take their words for its own. In an element with a backslash quotes are not what they seem, so there is nothing in it.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Somebody on the way of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Node {
    pub(super) ip: IpAddr,
    pub(super) port: Option<u16>,
}

/// The elements of a line from the right, but for empty ones.
pub(super) fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let split = line.rsplit(move |byte| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    });
    split
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// An element of `X-Forwarded-For`, of which there is no standard: an address, perhaps with a port, one of IPv6 perhaps in brackets.
pub(super) fn x_forwarded_for(element: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(element).ok()?;
    match text.parse() {
        Ok(ip) => Some(Node::new(ip, None)),
        Err(_) => node(text),
    }
}

/// The `for` of an element of `Forwarded`; none for `unknown` and names that hide somebody.
pub(super) fn forwarded_for(element: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(element).ok()?;
    if text.contains('\\') {
        return None;
    }
    let mut is_quoted = false;
    let pairs = text.split(move |letter| {
        is_quoted ^= letter == '"';
        letter == ';' && !is_quoted
    });
    let mut found = None;
    for pair in pairs.map(str::trim_ascii).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        // Each may occur once.
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    node(quoted.unwrap_or(value))
}

/// An IPv4 address or an IPv6 address in brackets, perhaps with a port, whose number may be hidden.
fn node(text: &str) -> Option<Node> {
    let (ip, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            let port = (!rest.is_empty()).then(|| rest.strip_prefix(':'));
            (
                Ipv6Addr::from_str(address).ok()?.into(),
                port.map_or(Some(None), |port| port.map(Some))?,
            )
        }
        None => {
            let (address, port) = text
                .split_once(':')
                .map_or((text, None), |(address, port)| (address, Some(port)));
            (IpAddr::V4(address.parse().ok()?), port)
        }
    };
    let port = match port {
        None => None,
        Some(hidden) if hidden.starts_with('_') => None,
        Some(number) if number.bytes().all(|digit| digit.is_ascii_digit()) => {
            Some(number.parse().ok()?)
        }
        Some(_) => return None,
    };
    Some(Node::new(ip, port))
}

impl Node {
    fn new(ip: IpAddr, port: Option<u16>) -> Self {
        Self {
            ip: ip.to_canonical(),
            port,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(node: Option<Node>) -> Option<String> {
        node.map(|Node { ip, port }| format!("{ip} {port:?}"))
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (element, expected) in [
            (
                r#"For="[2001:db8:cafe::17]:4711""#,
                Some("2001:db8:cafe::17 Some(4711)"),
            ),
            (
                "for=192.0.2.60;proto=http;by=203.0.113.43",
                Some("192.0.2.60 None"),
            ),
            (r#"for="192.0.2.43:47011""#, Some("192.0.2.43 Some(47011)")),
            (
                r#"by=203.0.113.43 ; FOR="192.0.2.43:_port";;"#,
                Some("192.0.2.43 None"),
            ),
            (r#"for="_gazonk""#, None),
            ("for=unknown", None),
            ("for=_SEVKISEK", None),
            ("proto=http", None),
            ("for=192.0.2.1;for=192.0.2.2", None),
            ("for", None),
            ("for=", None),
            (r#"for="192.0.2.1"#, None),
            (r#"for="2001:db8::1""#, None),
            (r#"for="192.0.2.1\"""#, None),
        ] {
            assert_eq!(
                shown(forwarded_for(element.as_bytes())).as_deref(),
                expected,
                "{element}"
            );
        }
    }

    #[test]
    fn addresses_with_and_without_ports() {
        for (element, expected) in [
            ("192.0.2.1", Some("192.0.2.1 None")),
            ("192.0.2.1:80", Some("192.0.2.1 Some(80)")),
            ("2001:db8::1", Some("2001:db8::1 None")),
            ("[2001:db8::1]", Some("2001:db8::1 None")),
            ("[2001:db8::1]:80", Some("2001:db8::1 Some(80)")),
            ("[2001:db8::1]80", None),
            ("[2001:db8::1", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:+80", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.01", None),
            ("fe80::1%eth0", None),
            ("unknown", None),
        ] {
            assert_eq!(
                shown(x_forwarded_for(element.as_bytes())).as_deref(),
                expected,
                "{element}"
            );
        }
    }

    /// What a client wrote, and what a proxy that speaks for 192.0.2.1 adds, which quotes what the client asked for.
    fn appended(before: &str, host: &str) -> String {
        let host = host.replace('\\', r"\\").replace('"', r#"\""#);
        format!("{before}, for=192.0.2.1;host=\"{host}\"")
    }

    #[test]
    fn a_clients_quotes_do_not_hide_what_a_proxy_added() {
        let line = appended(r#"for="198.51.100.66"#, "a.test");
        assert_eq!(
            shown(elements(line.as_bytes()).next().and_then(forwarded_for)).as_deref(),
            Some("192.0.2.1 None")
        );
        let line = appended("", r#"a", for=198.51.100.66;b=""#);
        assert_eq!(
            elements(line.as_bytes()).next().and_then(forwarded_for),
            None
        );
    }

    proptest! {
        #[test]
        fn nobody_but_the_proxy_says_whom_it_speaks_for(
            before in r#"(for=|198\.51\.100\.66|,|;|"|\\|=| |a){0,20}"#,
            host in r#"(for=|198\.51\.100\.66|,|;|"|\\|=| |a){0,20}"#,
        ) {
            let line = appended(&before, &host);
            let found = elements(line.as_bytes()).next().and_then(forwarded_for);
            let expected = Node::new([192, 0, 2, 1].into(), None);
            prop_assert!(found.is_none_or(|node| node == expected), "{} {:?}", line, found);
        }
    }
}
