//! Addresses that the caller knows better than the name service.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use super::host::Host;
use crate::error::{Error, ErrorKind};

/// Fixed addresses for hosts, as with curl's `--resolve`. The name service is not asked for them.
///
/// The most specific one counts: the host and port, then the host with any port, then any host with the port, then any
/// host with any port. Of two for the same host and port the later one counts. They apply to hosts written as
/// addresses and to `localhost` too, as they do in curl.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overrides {
    hosts: HashMap<Host, Ports>,
    any_host: Ports,
}

/// `None` is any port.
type Ports = HashMap<Option<u16>, Vec<IpAddr>>;

impl Overrides {
    /// No overrides.
    pub fn new() -> Self {
        Self::default()
    }

    /// Entries in curl's form, [`insert_entry`](Self::insert_entry) explains it.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration), naming the entry and its fault.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut overrides = Self::new();
        for entry in entries {
            overrides.insert_entry(entry)?;
        }
        Ok(overrides)
    }

    /// Adds an entry `HOST:PORT:ADDRESS[,ADDRESS]...`.
    ///
    /// `*` as host is any host, `*` as port any port (curl has the former only). An IPv6 address may stand in brackets;
    /// as host it must.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration), naming the entry and its fault.
    pub fn insert_entry(&mut self, entry: &str) -> Result<(), Error> {
        let (host, port, addresses) = split(entry).map_err(|fault| invalid(entry, fault))?;
        self.insert(host, port, addresses)
            .map_err(|error| invalid(entry, "HOST is no host name or address").with_source(error))
    }

    /// Fixes the addresses of `host`, which may be `*` for any host; without `port`, for any port.
    ///
    /// Without addresses, the host is [not found](ErrorKind::HostNotFound).
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](ErrorKind::InvalidTarget) when `host` is no host.
    pub fn insert(
        &mut self,
        host: &str,
        port: Option<u16>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<(), Error> {
        let ports = match host {
            "*" => &mut self.any_host,
            _ => {
                let host = Host::parse(host)?.without_dot().into_owned();
                self.hosts.entry(host).or_default()
            }
        };
        ports.insert(port, addresses.into_iter().collect());
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.any_host.is_empty()
    }

    pub(super) fn find(&self, host: &Host, port: u16) -> Option<&[IpAddr]> {
        let candidates = [self.hosts.get(&*host.without_dot()), Some(&self.any_host)];
        for ports in candidates.into_iter().flatten() {
            if let Some(addresses) = ports.get(&Some(port)).or_else(|| ports.get(&None)) {
                return Some(addresses);
            }
        }
        None
    }
}

fn split(entry: &str) -> Result<(&str, Option<u16>, Vec<IpAddr>), &'static str> {
    let host_end = match entry.strip_prefix('[') {
        Some(rest) => rest.find(']').ok_or("a bracket is not closed")? + 2,
        None => entry.find(':').ok_or(MISSING_PORT)?,
    };
    let (host, rest) = entry.split_at_checked(host_end).ok_or(MISSING_PORT)?;
    let rest = rest.strip_prefix(':').ok_or(MISSING_PORT)?;
    let (port, addresses) = rest.split_once(':').ok_or("ADDRESS is missing")?;
    if host.starts_with(['+', '-']) {
        return Err("curl's prefixes + and - are not supported");
    }
    let port = match port {
        "*" => None,
        _ => match port.parse() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err("PORT is neither * nor a number from 1 to 65535"),
        },
    };
    let addresses = addresses
        .split(',')
        .map(parse_address)
        .collect::<Option<_>>()
        .ok_or("ADDRESS is no IPv4 or IPv6 address")?;
    Ok((host, port, addresses))
}

fn parse_address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => Some(rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into()),
        None => text.parse().ok(),
    }
}

fn invalid(entry: &str, fault: &str) -> Error {
    Error::new(ErrorKind::InvalidConfiguration).with_detail(format!(
        "the override `{entry}` is not of the form HOST:PORT:ADDRESS[,ADDRESS]...: {fault}"
    ))
}

const MISSING_PORT: &str = "PORT is missing";

#[cfg(test)]
mod tests {
    use super::*;

    fn find(overrides: &Overrides, host: &str, port: u16) -> Vec<String> {
        let host = Host::parse(host).unwrap();
        let found = overrides.find(&host, port).unwrap_or_default();
        found.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn entries_in_curls_form() {
        for (entry, host, port, expected) in [
            ("example.com:443:192.0.2.1", "example.com", 443, "192.0.2.1"),
            (
                "Example.COM.:443:192.0.2.1",
                "example.com",
                443,
                "192.0.2.1",
            ),
            (
                "example.com:443:2001:db8::1",
                "example.com",
                443,
                "2001:db8::1",
            ),
            (
                "example.com:443:[2001:db8::1]",
                "example.com",
                443,
                "2001:db8::1",
            ),
            ("a:1:192.0.2.1,[::1],::2", "a", 1, "192.0.2.1 ::1 ::2"),
            ("[::1]:80:192.0.2.1", "::1", 80, "192.0.2.1"),
            ("192.0.2.9:80:192.0.2.1", "192.0.2.9", 80, "192.0.2.1"),
            ("*:80:192.0.2.1", "example.com", 80, "192.0.2.1"),
            ("a:*:192.0.2.1", "a", 65535, "192.0.2.1"),
            ("a:80:192.0.2.1", "a", 81, ""),
            ("a:80:192.0.2.1", "b", 80, ""),
        ] {
            let overrides = Overrides::parse([entry]).unwrap();
            assert_eq!(find(&overrides, host, port).join(" "), expected, "{entry}");
        }
    }

    #[test]
    fn a_faulty_entry_is_named_with_its_fault() {
        for (entry, fault) in [
            ("", "PORT is missing"),
            ("example.com", "PORT is missing"),
            ("[::1]", "PORT is missing"),
            ("[::1]x:80:192.0.2.1", "PORT is missing"),
            ("[::1:80:192.0.2.1", "bracket"),
            ("example.com:443", "ADDRESS is missing"),
            ("example.com:443:", "ADDRESS is no"),
            ("example.com:443:localhost", "ADDRESS is no"),
            ("example.com:443:192.0.2.1,", "ADDRESS is no"),
            ("example.com:443:[192.0.2.1]", "ADDRESS is no"),
            ("example.com:443:[::1", "ADDRESS is no"),
            ("example.com:0:192.0.2.1", "PORT is neither"),
            ("example.com:65536:192.0.2.1", "PORT is neither"),
            ("example.com:https:192.0.2.1", "PORT is neither"),
            (":443:192.0.2.1", "HOST is no"),
            ("a b:443:192.0.2.1", "HOST is no"),
            ("-example.com:443:192.0.2.1", "prefixes"),
            ("[é", "bracket"),
        ] {
            let error = Overrides::parse([entry]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfiguration, "{entry}");
            let message = error.to_string();
            assert!(message.contains(fault), "{entry}: {message}");
            assert!(message.contains(entry), "{entry}: {message}");
        }
    }

    #[test]
    fn the_most_specific_counts_and_then_the_last() {
        let overrides = Overrides::parse([
            "*:*:192.0.2.1",
            "*:443:192.0.2.2",
            "a:*:192.0.2.3",
            "a:443:192.0.2.4",
            "a:443:192.0.2.5",
        ])
        .unwrap();
        assert_eq!(find(&overrides, "a", 443), ["192.0.2.5"]);
        assert_eq!(find(&overrides, "a", 80), ["192.0.2.3"]);
        assert_eq!(find(&overrides, "b", 443), ["192.0.2.2"]);
        assert_eq!(find(&overrides, "b", 80), ["192.0.2.1"]);
    }
}
