//! Which servers are asked, for which names, and how patiently.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{Hosts, TokioResolver, system_conf};

use super::Source;
use crate::error::{Error, ErrorKind};

pub(super) struct Settings {
    pub(super) resolver: TokioResolver,
    pub(super) hosts: Hosts,
    /// Domains that a name may be short for.
    search: Vec<Name>,
    /// Names with fewer dots than this are tried as short ones first.
    dots: usize,
}

impl Settings {
    pub(super) async fn load(source: &Source) -> Result<Arc<Self>, Error> {
        match source {
            Source::NameServers(servers) => {
                let servers = servers.iter().copied().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                Self::new(config, ResolverOpts::default(), Hosts::default())
            }
            // A hosts file that blocks advertisers has 100,000 lines.
            Source::System => tokio::task::spawn_blocking(Self::from_system)
                .await
                .map_err(unusable)?,
        }
        .map(Arc::new)
    }

    fn from_system() -> Result<Self, Error> {
        let (config, options) = system_conf::read_system_conf().map_err(unusable)?;
        Self::new(config, options, Hosts::from_system().unwrap_or_default())
    }

    pub(super) fn new(
        config: ResolverConfig,
        mut options: ResolverOpts,
        hosts: Hosts,
    ) -> Result<Self, Error> {
        let dots = options.ndots;
        // `domain` is the host name's when the file names none; it counts only where there is no search list.
        let search = match (&config.search, &config.domain) {
            (search, Some(domain)) if search.is_empty() => vec![domain.clone()],
            (search, _) => search.clone(),
        };
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = options.timeout.min(QUERY_TIMEOUT);
        options.attempts = options.attempts.min(QUERY_REPETITIONS);
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(unusable)?;
        Ok(Self {
            resolver,
            hosts,
            search,
            dots,
        })
    }

    /// The absolute names that `host` may stand for, in the order to try them in (resolv.conf(5), `search`, `ndots`).
    pub(super) fn candidates(&self, host: &str) -> Result<Vec<Name>, Error> {
        let invalid =
            |error| Error::new(ErrorKind::InvalidTarget).with_source(NetError::Proto(error));
        let relative = Name::from_ascii(host).map_err(invalid)?;
        let mut absolute = relative.clone();
        absolute.set_fqdn(true);
        if relative.is_fqdn() {
            return Ok(vec![absolute]);
        }
        let mut names: Vec<_> = self
            .search
            .iter()
            .filter(|domain| !domain.is_root())
            .filter_map(|domain| relative.clone().append_domain(domain).ok())
            .collect();
        let dots = host.bytes().filter(|byte| *byte == b'.').count();
        match dots >= self.dots {
            true => names.insert(0, absolute),
            false => names.push(absolute),
        }
        Ok(names)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("search", &self.search)
            .finish_non_exhaustive()
    }
}

pub(super) fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn unusable(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::ResolveFailed)
        .with_detail(format!("the DNS configuration cannot be used: {source}"))
        .with_source(source)
}

/// How long one round of asking may take: the default of resolv.conf(5), here also the longest. Within it, hickory
/// repeats a UDP query whenever an answer is overdue by the server's usual round trip.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a failed round is repeated: as by default in resolv.conf(5). Callers give up long before more.
const QUERY_REPETITIONS: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(resolv_conf: &str, host: &str) -> Vec<String> {
        let (config, options) = system_conf::parse_resolv_conf(resolv_conf).unwrap();
        let settings = Settings::new(config, options, Hosts::default()).unwrap();
        let names = settings.candidates(host).unwrap();
        names.iter().map(Name::to_string).collect()
    }

    #[test]
    fn short_names_are_completed_from_the_search_list() {
        let searching = "nameserver 127.0.0.1\nsearch a.test b.test\n";
        assert_eq!(
            candidates(searching, "db"),
            ["db.a.test.", "db.b.test.", "db."]
        );
        assert_eq!(
            candidates(searching, "db.c"),
            ["db.c.", "db.c.a.test.", "db.c.b.test."]
        );
        let many_dots = "nameserver 127.0.0.1\nsearch a.test\noptions ndots:2\n";
        assert_eq!(candidates(many_dots, "db.c"), ["db.c.a.test.", "db.c."]);
        for absolute in ["db.", "db.c."] {
            assert_eq!(candidates(searching, absolute), [absolute]);
            assert_eq!(candidates(many_dots, absolute), [absolute]);
        }
        assert_eq!(
            candidates("nameserver 127.0.0.1\ndomain a.test\n", "db"),
            ["db.a.test.", "db."]
        );
    }

    #[test]
    fn a_configuration_without_name_servers_is_an_error_that_says_so() {
        let error = system_conf::parse_resolv_conf("search a.test\n").unwrap_err();
        let error = unusable(error);
        assert_eq!(error.kind(), ErrorKind::ResolveFailed);
        assert!(error.to_string().contains("no nameservers"), "{error}");
    }
}
