//! Which hosts a rule is about, in `NO_PROXY`'s notation.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::canonical_network;
use crate::dial::origin::{OriginRef, parse_port, split_port};

/// Hosts by name, network or port.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Hosts {
    patterns: Arc<[Pattern]>,
    has_networks: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Pattern {
    what: What,
    port: Option<u16>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum What {
    All,
    /// It and all below it.
    Domain(Box<str>),
    Network(IpNet),
}

impl Hosts {
    pub(super) fn all() -> Self {
        let all = Pattern {
            what: What::All,
            port: None,
        };
        Self::default().and([all])
    }

    /// Patterns between commas or spaces. What is none is given to `refuse`.
    pub(super) fn read<E>(
        text: &str,
        mut refuse: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut patterns = Vec::new();
        for part in text.split([',', ' ', '\t', '\n', '\r']) {
            if part.is_empty() {
                continue;
            }
            match pattern(part) {
                Some(pattern) => patterns.push(pattern),
                None => refuse(part)?,
            }
        }
        Ok(Self::default().and(patterns))
    }

    /// These, and those as well.
    pub(super) fn joined(&self, others: &Self) -> Self {
        self.and(others.patterns.iter().cloned())
    }

    /// Names are not resolved for this: networks are those of hosts that are written as addresses. No allocation.
    pub(super) fn contain(&self, origin: &OriginRef<'_>) -> bool {
        let address = match self.has_networks {
            true => origin.host.parse().ok().map(|ip: IpAddr| ip.to_canonical()),
            false => None,
        };
        self.patterns.iter().any(|pattern| {
            pattern.port.is_none_or(|port| port == origin.port)
                && match &pattern.what {
                    What::All => true,
                    What::Domain(domain) => is_within(origin.host, domain),
                    What::Network(network) => address.is_some_and(|ip| network.contains(&ip)),
                }
        })
    }

    fn and(&self, more: impl IntoIterator<Item = Pattern>) -> Self {
        let patterns: Arc<[Pattern]> = self.patterns.iter().cloned().chain(more).collect();
        let has_networks = patterns
            .iter()
            .any(|pattern| matches!(pattern.what, What::Network(_)));
        Self {
            patterns,
            has_networks,
        }
    }
}

fn pattern(text: &str) -> Option<Pattern> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(Pattern {
            what: What::Network(canonical_network(network)),
            port: None,
        });
    }
    let (all, rest) = match text.strip_prefix('*') {
        Some("") => (true, ""),
        Some(rest) if rest.starts_with(':') => (true, rest),
        Some(rest) => (false, rest.strip_prefix('.')?),
        None => (false, text.strip_prefix('.').unwrap_or(text)),
    };
    if all {
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(parse_port(digits).ok()?),
            None => None,
        };
        return Some(Pattern {
            what: What::All,
            port,
        });
    }
    let (host, port) = split_port(rest).ok()?;
    let host = host.strip_suffix('.').unwrap_or(host);
    let port = match port {
        Some(digits) => Some(parse_port(digits).ok()?),
        None => None,
    };
    let what = match host.parse::<IpAddr>() {
        Ok(address) => What::Network(IpNet::from(address.to_canonical())),
        Err(_) => What::Domain(host.to_ascii_lowercase().into()),
    };
    Some(Pattern { what, port })
}

fn is_within(host: &str, domain: &str) -> bool {
    let parts = host.len().checked_sub(domain.len());
    let Some((before, same)) = parts.and_then(|at| host.split_at_checked(at)) else {
        return false;
    };
    same.eq_ignore_ascii_case(domain) && (before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hosts(text: &str) -> Hosts {
        Hosts::read(text, |part| Err(part.to_owned())).unwrap()
    }

    fn contains(patterns: &str, target: &str) -> bool {
        hosts(patterns).contain(&OriginRef::parse(target).unwrap())
    }

    #[test]
    fn domains_mean_themselves_and_what_is_below() {
        for domain in [
            "example.com",
            ".example.com",
            "*.example.com",
            "Example.COM.",
        ] {
            for inside in ["example.com", "a.example.com", "A.B.EXAMPLE.com:99"] {
                assert!(contains(domain, inside), "{domain} {inside}");
            }
            for outside in ["badexample.com", "example.com.evil", "com", "example.org"] {
                assert!(!contains(domain, outside), "{domain} {outside}");
            }
        }
    }

    #[test]
    fn networks_are_those_of_hosts_written_as_addresses() {
        for (pattern, host, wanted) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.7/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "10.example", false),
            ("10.0.0.1", "10.0.0.1:99", true),
            ("10.0.0.1", "10.0.0.11", false),
            ("fd00::/8", "[fd00::1]", true),
            ("::1", "[::1]:99", true),
            ("[::1]", "::1", true),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("127.0.0.1", "[::ffff:127.0.0.1]", true),
        ] {
            assert_eq!(contains(pattern, host), wanted, "{pattern} {host}");
        }
    }

    #[test]
    fn ports_narrow_and_a_star_is_everything() {
        assert!(contains("*", "example.com") && contains("*", "[::1]"));
        assert!(contains("*:8443", "a:8443") && !contains("*:8443", "a:8444"));
        assert!(contains("a:8443", "b.a:8443") && !contains("a:8443", "a"));
        assert!(contains("[::1]:99", "[::1]:99") && !contains("[::1]:99", "[::1]:98"));
        assert!(!contains("", "a") && !contains(" , ,", "a"));
        assert!(contains("b, a", "a") && contains("b a", "a"));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for text in [
            "<local>",
            "192.168.*",
            "*a",
            "a:b",
            "10.0.0.0/33",
            "http://a",
        ] {
            assert!(
                Hosts::read(text, |part| Err(part.to_owned())).is_err(),
                "{text}"
            );
        }
        let some = Hosts::read("<local>,a", |_| Ok::<_, ()>(())).unwrap();
        assert_eq!(some, hosts("a"));
    }

    proptest! {
        /// Against the rule as a sentence.
        #[test]
        fn domains_are_matched_by_labels(host in "[ab]{1,2}(\\.[ab]{1,2}){0,3}", domain in "[ab]{1,2}(\\.[ab]{1,2}){0,2}") {
            let labels = |text: &str| text.split('.').rev().map(str::to_owned).collect::<Vec<_>>();
            let wanted = labels(&host).starts_with(&labels(&domain));
            prop_assert_eq!(contains(&domain, &host), wanted);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Hosts::read(&text, |_| Ok::<_, ()>(()));
        }
    }
}
