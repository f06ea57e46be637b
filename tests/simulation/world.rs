//! One client and four servers on a simulated network; each server offers HTTP/1.1 at one port and HTTP/2 at another.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hotpool::Error;
use hotpool::resolve::{Answer, Resolve};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use turmoil::net::TcpListener;
use turmoil::{Builder, Sim};

use crate::common::ledger::Ledger;
use crate::common::unruly_server::{Conduct, Control, Habits, Speaks, conduct};

pub(crate) const SERVERS: u8 = 4;

/// HTTP/1.1's and HTTP/2's.
pub(crate) const PORTS: [u16; 2] = [81, 82];

const CLIENT: &str = "client";

/// Between two machines. Time passes in steps of a millisecond.
const LATENCY: Duration = Duration::from_millis(10);

/// Longer than any simulation lasts.
const LONGEST: Duration = Duration::from_secs(120);

pub(crate) struct World {
    pub(crate) sim: Sim<'static>,
    pub(crate) names: Arc<Names>,
    controls: Vec<[Control; 2]>,
}

/// What the client's machine has to do with, apart from its network.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) names: Arc<Names>,
    conducts: Vec<[Conduct; 2]>,
}

impl World {
    pub(crate) fn new(seed: u64) -> (Self, Outside) {
        let mut sim = Builder::new()
            .rng_seed(seed)
            .enable_random_order()
            .simulation_duration(LONGEST)
            .max_message_latency(LATENCY)
            .build();
        let ledger = Arc::new(Ledger::default());
        let (mut controls, mut conducts) = (Vec::new(), Vec::new());
        for server in 1..=SERVERS {
            let seed = seed.wrapping_mul(31) + 2 * u64::from(server);
            let one = conduct(Speaks::Http1, &ledger, seed << 32);
            let two = conduct(Speaks::Http2, &ledger, (seed + 1) << 32);
            let both = [one.1, two.1];
            controls.push([one.0, two.0]);
            conducts.push(both.clone());
            sim.host(address(server), move || serve(both.clone()));
        }
        let names = Arc::new(Names::default());
        let outside = Outside {
            ledger,
            names: Arc::clone(&names),
            conducts,
        };
        let world = Self {
            sim,
            names,
            controls,
        };
        (world, outside)
    }

    pub(crate) fn client(&mut self, life: impl Future<Output = ()> + 'static) {
        self.sim.client(CLIENT, life.map(Ok));
    }

    /// Nothing that is sent between the client and the server arrives.
    pub(crate) fn cut(&mut self, server: u8) {
        self.sim.partition(CLIENT, address(server));
    }

    /// Nothing that one of them sends arrives.
    pub(crate) fn cut_one_way(&mut self, server: u8, to_the_client: bool) {
        match to_the_client {
            true => self.sim.partition_oneway(address(server), CLIENT),
            false => self.sim.partition_oneway(CLIENT, address(server)),
        }
    }

    /// What is sent arrives once the network is [mended](Self::mend).
    pub(crate) fn hold(&mut self, server: u8) {
        self.sim.hold(CLIENT, address(server));
    }

    pub(crate) fn mend(&mut self, server: u8) {
        self.sim.release(CLIENT, address(server));
    }

    pub(crate) fn is_up(&mut self, server: u8) -> bool {
        self.sim.is_host_running(address(server))
    }

    /// Its connections end: with a word to the client, or silently.
    pub(crate) fn crash(&mut self, server: u8, silently: bool) {
        if silently {
            self.cut(server);
        }
        self.sim.crash(address(server));
        if silently {
            self.mend(server);
        }
    }

    pub(crate) fn start(&mut self, server: u8) {
        self.sim.bounce(address(server));
    }

    pub(crate) fn controls(&self, server: u8) -> &[Control; 2] {
        &self.controls[usize::from(server) - 1]
    }

    /// All is well again. Connections of which packets were lost have no future, as turmoil sends none twice: servers begin anew.
    pub(crate) fn settle(&mut self) {
        for server in 1..=SERVERS {
            self.mend(server);
            self.crash(server, false);
            self.start(server);
            for control in self.controls(server) {
                control.adopt(Habits::default());
            }
        }
        self.names.say((1..=SERVERS).collect());
    }
}

impl Outside {
    /// Connections that the servers have.
    pub(crate) fn open(&self) -> usize {
        self.conducts.iter().flatten().map(Conduct::open).sum()
    }
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

async fn serve([http1, http2]: [Conduct; 2]) -> turmoil::Result {
    let [one, two] = PORTS.map(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)));
    let (one, two) = (one.await?, two.await?);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = one.accept() => {
                connections.spawn(http1.clone().connection(accepted?.0));
            }
            accepted = two.accept() => {
                connections.spawn(http2.clone().connection(accepted?.0));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A name service whose answers change: the addresses' last bytes.
#[derive(Debug)]
pub(crate) struct Names {
    answer: Mutex<Vec<u8>>,
    pub(crate) changed: Notify,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            answer: Mutex::new((1..=SERVERS).collect()),
            changed: Notify::new(),
        }
    }
}

impl Names {
    pub(crate) fn say(&self, answer: Vec<u8>) {
        *self.answer.lock() = answer;
        self.changed.notify_one();
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        let answer = self.answer.lock().clone().into_iter().map(address);
        let answer = Answer::new(answer, Duration::from_secs(1));
        async move { Ok(answer) }.boxed()
    }
}
