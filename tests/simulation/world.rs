//! One client and four servers, of which each offers HTTP/1.1 at one port and HTTP/2 at another.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hotpool::config::Settings;
use hotpool::resolve::{Answer, Resolve, Resolver};
use hotpool::{Error, Pool, Protocols, Target};
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use turmoil_net::shim::tokio::net::TcpListener;

use super::network::{Network, Way};
use crate::common::check::Limits;
use crate::common::ledger::Ledger;
use crate::common::unruly_server::{Conduct, Control, Speaks, conduct};

pub(crate) const SERVERS: usize = 4;
pub(crate) const CLIENT: usize = SERVERS;

pub(crate) const LIMITS: Limits = Limits {
    connections: 10,
    per_host: 6,
    per_address: 3,
    dials: 3,
};

const PORTS: [u16; 2] = [81, 82];

pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) client: Client,
    conducts: Vec<[Conduct; 2]>,
}

/// What the client has, and whatever else is not a machine's.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) pool: Pool,
    pub(crate) resolver: Resolver,
    pub(crate) names: Names,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) controls: Arc<Vec<[Control; 2]>>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let addresses: Vec<_> = (1..=SERVERS + 1).map(|last| address(last as u8)).collect();
        let mut network = Network::new(&addresses, StdRng::seed_from_u64(seed ^ 0x006e_6574));
        let ledger = Arc::new(Ledger::default());
        let (mut controls, mut conducts) = (Vec::new(), Vec::new());
        for server in 0..SERVERS as u64 {
            let one = conduct(Speaks::Http1, &ledger, seed ^ (server * 2 + 1));
            let two = conduct(Speaks::Http2, &ledger, seed ^ (server * 2 + 2));
            controls.push([one.0, two.0]);
            conducts.push([one.1, two.1]);
        }
        let names = Names::default();
        let resolver = Resolver::builder()
            .upstream(Arc::new(names.clone()))
            .build();
        let pool = {
            let resolver = resolver.clone();
            let built = network.run(CLIENT, async move {
                let pool = Pool::builder().resolver(resolver).settings(settings());
                pool.build().unwrap()
            });
            network.tick();
            built.now_or_never().unwrap().unwrap()
        };
        let client = Client {
            pool,
            resolver,
            names,
            ledger,
            controls: Arc::new(controls),
        };
        let mut world = Self {
            network,
            client,
            conducts,
        };
        (0..SERVERS).for_each(|server| world.start(server));
        world
    }

    pub(crate) fn start(&mut self, server: usize) {
        if self.network.is_up(server) {
            return;
        }
        for (conduct, port) in self.conducts[server].clone().into_iter().zip(PORTS) {
            let at = (address(server as u8 + 1), port);
            self.network.run(server, async move {
                let listener = TcpListener::bind(at).await.unwrap();
                let mut connections = JoinSet::new();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            connections.spawn(conduct.clone().connection(accepted.unwrap().0));
                        }
                        Some(_) = connections.join_next() => {}
                    }
                }
            });
        }
    }

    /// All is well again.
    pub(crate) fn settle(&mut self) {
        for server in 0..SERVERS {
            self.network.set(server, Way::Clear);
            self.start(server);
        }
        self.client.names.say((1..=SERVERS as u8).collect());
    }
}

impl Client {
    pub(crate) fn targets(&self) -> [Target; 2] {
        let protocols = [Protocols::Http1, Protocols::Http2];
        let names = ["one.test", "two.test"];
        std::array::from_fn(|at| {
            let target = Target::parse(&format!("http://{}:{}", names[at], PORTS[at]));
            target.unwrap().protocols(protocols[at])
        })
    }

    /// Connections that the servers have.
    pub(crate) fn open(&self) -> usize {
        self.controls.iter().flatten().map(Control::open).sum()
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn settings() -> Settings {
    let millis = |millis| Some(Duration::from_millis(millis));
    Settings {
        max_connections: Some(LIMITS.connections),
        max_connections_per_host: Some(LIMITS.per_host),
        max_connections_per_address: Some(LIMITS.per_address),
        max_dials: Some(LIMITS.dials),
        acquire_timeout: millis(1_500),
        connect_timeout: millis(500),
        settings_timeout: millis(500),
        idle_timeout: millis(1_000),
        max_lifetime: millis(3_000),
        validate_after: millis(300),
        suspect_after: millis(200),
        ping_timeout: millis(600),
        blacklist_term: millis(300),
        max_blacklist_term: millis(1_000),
        ..Settings::default()
    }
}

/// A name service whose answers change: the addresses' last bytes.
#[derive(Clone, Debug)]
pub(crate) struct Names(Arc<Mutex<Vec<u8>>>);

impl Default for Names {
    fn default() -> Self {
        Self(Arc::new(Mutex::new((1..=SERVERS as u8).collect())))
    }
}

impl Names {
    pub(crate) fn say(&self, answer: Vec<u8>) {
        *self.0.lock() = answer;
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        let answer = self.0.lock().clone().into_iter().map(address);
        let answer = Answer::new(answer, Duration::from_secs(1));
        async move { Ok(answer) }.boxed()
    }
}
