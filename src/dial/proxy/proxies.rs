//! Which proxy a host is reached through.

use std::sync::Arc;

use super::hosts::Hosts;
use super::server::Proxy;
use crate::dial::origin::{Origin, OriginRef, Scheme};
use crate::error::{Error, ErrorKind, Result};

/// Which proxy each host is reached through. Default: none, all directly. Cloning is cheap.
///
/// Hosts are named as in `NO_PROXY`, several between commas or spaces: `example.com`, `.example.com` or `*.example.com` for that domain
/// and all below it, `10.1.2.3`, `fd00::1` or `10.0.0.0/8` for hosts that are written as addresses (names are not resolved to find out),
/// `*` for all; each with `:port`, but for networks, for that port only.
///
/// ```
/// use hotpool::Proxy;
/// use hotpool::dial::{Origin, Proxies};
///
/// let proxies = Proxies::none()
///     .for_hosts("*.onion", Proxy::parse("socks5h://127.0.0.1:9050")?)?
///     .otherwise(Proxy::parse("http://proxy.example:3128")?)
///     .except("localhost, 127.0.0.0/8, intranet.example")?;
/// let of = |host| proxies.of(&Origin::parse(host).unwrap()).map(ToString::to_string);
/// assert_eq!(of("a.onion").as_deref(), Some("socks5h://127.0.0.1:9050"));
/// assert_eq!(of("example.com").as_deref(), Some("http://proxy.example:3128"));
/// assert_eq!(of("wiki.intranet.example"), None);
/// # Ok::<(), hotpool::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Proxies {
    exceptions: Hosts,
    /// The first that fits decides.
    rules: Arc<[Rule]>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Rule {
    scheme: Option<Scheme>,
    hosts: Hosts,
    proxy: Proxy,
}

impl Proxies {
    /// No proxy for anybody.
    pub fn none() -> Self {
        Self::default()
    }

    /// This proxy for these hosts, unless a rule given before is about them too.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) names what says no host.
    pub fn for_hosts(self, hosts: &str, proxy: Proxy) -> Result<Self> {
        Ok(self.with_rule(None, read(hosts)?, proxy))
    }

    /// This proxy for all hosts that no rule given before is about.
    #[must_use]
    pub fn otherwise(self, proxy: Proxy) -> Self {
        self.with_rule(None, Hosts::all(), proxy)
    }

    /// These hosts directly, whatever the rules say. May be called again.
    ///
    /// # Errors
    ///
    /// As [`for_hosts`](Self::for_hosts).
    pub fn except(self, hosts: &str) -> Result<Self> {
        Ok(self.with_exceptions(&read(hosts)?))
    }

    /// The host's; `None`: it is reached directly.
    pub fn of(&self, origin: &Origin) -> Option<&Proxy> {
        self.choose(origin.as_ref())
    }

    /// As [`of`](Self::of). No allocation.
    pub(crate) fn choose(&self, origin: OriginRef<'_>) -> Option<&Proxy> {
        if self.rules.is_empty() || self.exceptions.contain(&origin) {
            return None;
        }
        let fits = |rule: &&Rule| {
            rule.scheme.is_none_or(|scheme| scheme == origin.scheme) && rule.hosts.contain(&origin)
        };
        self.rules.iter().find(fits).map(|rule| &rule.proxy)
    }

    /// All there are.
    pub fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.rules.iter().map(|rule| &rule.proxy)
    }

    pub(super) fn for_scheme(self, scheme: Scheme, proxy: Proxy) -> Self {
        self.with_rule(Some(scheme), Hosts::all(), proxy)
    }

    pub(super) fn with_exceptions(mut self, hosts: &Hosts) -> Self {
        self.exceptions = self.exceptions.joined(hosts);
        self
    }

    fn with_rule(mut self, scheme: Option<Scheme>, hosts: Hosts, proxy: Proxy) -> Self {
        let rule = Rule {
            scheme,
            hosts,
            proxy,
        };
        self.rules = self.rules.iter().cloned().chain([rule]).collect();
        self
    }
}

impl From<Proxy> for Proxies {
    fn from(proxy: Proxy) -> Self {
        Self::none().otherwise(proxy)
    }
}

fn read(hosts: &str) -> Result<Hosts> {
    Hosts::read(hosts, |part| {
        Err(
            Error::new(ErrorKind::InvalidConfiguration).with_detail(format!(
                "proxies: {part:?} is no domain, address, network or *"
            )),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_come_first_and_then_the_first_rule() {
        let proxy = |host: &str| Proxy::parse(host).unwrap();
        let proxies = Proxies::none()
            .except("direct.a")
            .unwrap()
            .for_hosts("a b", proxy("one"))
            .unwrap()
            .for_hosts("b, c", proxy("two"))
            .unwrap()
            .for_scheme(Scheme::Http, proxy("three"));
        for (target, wanted) in [
            ("a", Some("one")),
            ("direct.a", None),
            ("b", Some("one")),
            ("x.c:99", Some("two")),
            ("d", None),
            ("http://d", Some("three")),
            ("http://a", Some("one")),
        ] {
            let found = proxies.of(&Origin::parse(target).unwrap());
            assert_eq!(found.map(Proxy::host), wanted, "{target}");
        }
        assert_eq!(proxies.proxies().count(), 3);
        assert_eq!(Proxies::default(), Proxies::none());
    }

    #[test]
    fn what_names_no_host_is_refused() {
        let error = Proxies::none().except("a, <local>").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains("<local>"), "{error}");
    }
}
