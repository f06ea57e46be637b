//! Three hosts, each with four addresses; behind each address a network of its own and a server.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hotpool::config::Settings;
use hotpool::resolve::{Answer, Resolve, Resolver};
use hotpool::{Error, ErrorKind, Pool, Protocols, Target};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::common::certificates::Authority;
use crate::common::check::Limits;
use crate::common::fault_proxy::FaultProxy;
use crate::common::ledger::Ledger;
use crate::common::request::trusting;
use crate::common::unruly_server::{Speaks, UnrulyServer};

pub(crate) const LIMITS: Limits = Limits {
    connections: 14,
    per_host: 6,
    per_address: 4,
    dials: 4,
};

const NAMES: [&str; 3] = ["one.test", "two.test", "three.test"];

pub(crate) struct World {
    pub(crate) pool: Pool,
    pub(crate) resolver: Resolver,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) hosts: Vec<StormHost>,
    pub(crate) names: Names,
}

pub(crate) struct StormHost {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
    pub(crate) places: Vec<Place>,
}

/// One address.
pub(crate) struct Place {
    pub(crate) proxy: FaultProxy,
    pub(crate) server: UnrulyServer,
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        let authority = Authority::new();
        let tls = authority.issue(&NAMES).server_config(&["h2", "http/1.1"]);
        let ledger = Arc::new(Ledger::default());
        let kinds = [Speaks::Http1, Speaks::Http2, Speaks::Tls(tls)];
        let mut hosts = Vec::new();
        for (name, speaks) in NAMES.into_iter().zip(kinds) {
            let mut places: Vec<Place> = Vec::new();
            for last in 1..=4 {
                let number = (hosts.len() * 4) as u64 + u64::from(last);
                let seed = seed.wrapping_add(number << 32);
                let server = UnrulyServer::start(speaks.clone(), &ledger, seed).await;
                let port = places.first().map_or(0, |place| place.proxy.port());
                let at = ([127, 0, 0, last], port).into();
                let proxy = FaultProxy::at(at, server.address).await;
                places.push(Place { proxy, server });
            }
            let port = places[0].proxy.port();
            let (scheme, protocols) = match speaks {
                Speaks::Http1 => ("http", Protocols::Http1),
                Speaks::Http2 => ("http", Protocols::Http2),
                Speaks::Tls(_) => ("https", Protocols::Any),
            };
            let target = Target::parse(&format!("{scheme}://{name}:{port}")).unwrap();
            hosts.push(StormHost {
                name,
                target: target.protocols(protocols),
                places,
            });
        }
        let names = Names::default();
        let resolver = Resolver::builder()
            .upstream(Arc::new(names.clone()))
            .build();
        let pool = trusting(&authority)
            .resolver(resolver.clone())
            .settings(settings())
            .build()
            .unwrap();
        Self {
            pool,
            resolver,
            ledger,
            hosts,
            names,
        }
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.hosts.iter().flat_map(|host| &host.places)
    }

    /// Connections that the servers have.
    pub(crate) fn open(&self) -> usize {
        self.places().map(|place| place.server.open()).sum()
    }
}

fn settings() -> Settings {
    let millis = |millis| Some(Duration::from_millis(millis));
    Settings {
        acquire_timeout: millis(1_000),
        resolve_timeout: millis(500),
        connect_timeout: millis(400),
        tls_timeout: millis(400),
        settings_timeout: millis(400),
        idle_timeout: millis(600),
        max_lifetime: millis(2_000),
        validate_after: millis(300),
        suspect_after: millis(200),
        ping_timeout: millis(600),
        blacklist_term: millis(300),
        max_blacklist_term: millis(1_000),
        max_requests_per_connection: Some(Some(200)),
        ..LIMITS.settings()
    }
}

/// A name service whose answers change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<Said>>);

#[derive(Debug)]
struct Said {
    /// The addresses' last bytes; at 127.0.0.9 nobody listens.
    answer: Vec<u8>,
    fails: bool,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            answer: vec![1, 2, 3, 4],
            fails: false,
        }
    }
}

impl Names {
    pub(crate) fn rotate(&self, random: &mut StdRng) {
        let mut all = vec![1, 2, 3, 4, 9];
        all.shuffle(random);
        all.truncate(random.random_range(1..=4));
        *self.0.lock() = Said {
            answer: all,
            fails: random.random_ratio(1, 6),
        };
    }

    pub(crate) fn settle(&self) {
        *self.0.lock() = Said::default();
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        let said = self.0.lock();
        let addresses = said
            .answer
            .iter()
            .map(|last| IpAddr::from([127, 0, 0, *last]));
        let answer = match said.fails {
            true => Err(Error::new(ErrorKind::ResolveFailed)),
            false => Ok(Answer::new(addresses, Duration::from_secs(1))),
        };
        async move { answer }.boxed()
    }
}

/// Another random sequence for each of those who need one.
pub(crate) fn random(seed: u64, whose: u64) -> StdRng {
    StdRng::seed_from_u64(seed ^ whose.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
