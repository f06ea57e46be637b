//! What the client does: it calls while the world is in disorder, and checks what must be true then and after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hotpool::config::Settings;
use hotpool::pool::{ConnectionSnapshot, HostSnapshot};
use hotpool::registry::State;
use hotpool::resolve::Resolver;
use hotpool::{Error, Pool, Protocols, Target};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::common::check::{Limits, gone, idle, within};
use crate::common::numbered::exchange;
use crate::common::wait::{PATIENCE, until};
use crate::world::{Outside, PORTS};

/// More than there are connections for.
const CALLERS: u64 = 24;

/// All of a host's, or of an address's, or of the pool's can be in use: two hosts of one port can have as many as four addresses.
pub(crate) const LIMITS: Limits = Limits {
    connections: 12,
    per_host: 6,
    per_address: 3,
    dials: 4,
};

/// The registry counts by name, and two keys share one.
const OF_NAMES: Limits = Limits {
    per_host: 2 * LIMITS.per_host,
    ..LIMITS
};

const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How long callers go on when all is well.
const CALM: Duration = Duration::from_millis(300);

/// A step of the simulated time: a message takes no less.
const STEP: Duration = Duration::from_millis(1);

/// What costs more is looked at less often.
const STEPS: usize = 10;

/// The client and its pool. Clones share them.
#[derive(Clone)]
pub(crate) struct Client {
    pool: Pool,
    resolver: Resolver,
    outside: Outside,
    settled: Arc<AtomicBool>,
    story: Arc<Mutex<Vec<String>>>,
    began: Instant,
}

struct Key {
    name: &'static str,
    target: Target,
}

/// To the end of the pool.
pub(crate) async fn live(
    outside: Outside,
    settled: Arc<AtomicBool>,
    story: Arc<Mutex<Vec<String>>>,
    seed: u64,
) {
    let resolver = Resolver::builder()
        .upstream(Arc::clone(&outside.names) as Arc<_>)
        .build();
    let pool = Pool::builder().resolver(resolver.clone());
    let client = Client {
        pool: pool.settings(settings()).build().unwrap(),
        resolver,
        outside,
        settled,
        story,
        began: Instant::now(),
    };
    tokio::select! {
        () = client.watch() => {}
        () = client.follow_names() => {}
        () = client.run(seed) => {}
    }
}

impl Client {
    async fn run(&self, seed: u64) {
        self.call_until(
            seed,
            |client| client.settled.load(Ordering::Relaxed),
            Self::call,
        )
        .await;
        idle(&self.pool).await;
        self.recovers().await;
        let end = Instant::now() + CALM;
        self.call_until(!seed, move |_| Instant::now() >= end, Self::call_in_calm)
            .await;
        idle(&self.pool).await;
        until("the pool and the servers agree", || {
            self.outside.open() == self.pool.stats().connections
        })
        .await;
        self.uses_every_connection().await;
        self.uses_every_dial().await;
        idle(&self.pool).await;
        let report = self.pool.shutdown(PATIENCE).await;
        assert_eq!(report.cut, 0, "{report:?}");
        gone(&self.pool);
        until("the servers are left alone", || self.outside.open() == 0).await;
    }

    /// Limits are kept and nobody is forgotten, at any time.
    async fn watch(&self) {
        for step in 0.. {
            within(&self.pool, &OF_NAMES);
            if step % STEPS == 0 {
                self.look_closely().await;
            }
            // Between one look and the next: what must hold all the time has no event.
            sleep(STEP).await;
        }
    }

    async fn look_closely(&self) {
        for host in self.pool.snapshot().hosts {
            let there = host.connections.len() + host.dialing;
            assert!(there <= LIMITS.per_host, "{there} of {host:?}");
        }
        // Whoever was woken in this step and the next ones has had its turn.
        for _ in 0..3 {
            if !self.pool.snapshot().hosts.iter().any(forgets) {
                return;
            }
            // A step of the simulation, in which others run.
            sleep(STEP).await;
        }
        panic!("forgotten: {:?}", self.pool.snapshot().hosts);
    }

    async fn follow_names(&self) {
        loop {
            self.outside.names.changed.notified().await;
            for key in keys() {
                self.resolver.forget(key.target.origin().host()).await;
            }
        }
    }

    async fn call_until<F: Future<Output = ()> + Send>(
        &self,
        seed: u64,
        over: impl Fn(&Self) -> bool + Copy + Send + 'static,
        call: impl Fn(Self, StdRng) -> F + Copy + Send + 'static,
    ) {
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let client = self.clone();
            let mut random = StdRng::seed_from_u64(seed.wrapping_mul(CALLERS) ^ caller);
            callers.spawn(async move {
                while !over(&client) {
                    let of_this_call = StdRng::seed_from_u64(random.random());
                    call(client.clone(), of_this_call).await;
                    // Callers have other things to do.
                    sleep(Duration::from_millis(random.random_range(1..40))).await;
                }
            });
        }
        while let Some(ended) = timeout(PATIENCE, callers.join_next()).await.unwrap() {
            ended.unwrap();
        }
    }

    /// One request, by a caller who may lose patience.
    async fn call(self, mut random: StdRng) {
        let replayable = random.random_ratio(1, 3);
        let size = match random.random_range(0..4) {
            0 => random.random_range(1..10_000),
            _ => 0,
        };
        let patience = match random.random_range(0..8) {
            0 => random.random_range(0..80),
            _ => 4_000,
        };
        let key = any(&mut random);
        let patience = Duration::from_millis(patience);
        // Its outcome is in the ledger.
        let _ = self.request(&key, size, replayable, patience).await;
    }

    /// One request, of which no part may take as long as a caller who was forgotten would wait.
    async fn call_in_calm(self, mut random: StdRng) {
        let key = any(&mut random);
        match self.request(&key, 0, false, ACQUIRE_TIMEOUT / 2).await {
            Some(Ok(())) => {}
            outcome => panic!("{}: {outcome:?}; {:?}", key.name, self.pool.stats()),
        }
    }

    /// `None` when it took too long.
    async fn request(
        &self,
        key: &Key,
        size: usize,
        replayable: bool,
        patience: Duration,
    ) -> Option<Result<(), Error>> {
        let issued = self.outside.ledger.issue(replayable);
        let number = issued.number;
        let attempt = exchange(&self.pool, &key.target, key.name, number, size, replayable);
        let outcome = timeout(patience, attempt).await.ok();
        let told = match &outcome {
            Some(Ok(())) => "completed",
            Some(Err(error)) => error.kind().as_str(),
            None => "given up",
        };
        let at = self.began.elapsed().as_millis();
        self.story.lock().push(format!("{at}: {number} {told}"));
        match &outcome {
            Some(Ok(())) => issued.complete(),
            Some(Err(error)) => issued.fail(error),
            None => drop(issued),
        }
        outcome
    }

    /// When all is well again, so is the pool, within the longest of its pauses.
    async fn recovers(&self) {
        let end = Instant::now() + PATIENCE;
        for key in keys() {
            while !matches!(self.request(&key, 0, false, PATIENCE).await, Some(Ok(()))) {
                assert!(
                    Instant::now() < end,
                    "{}: {:?}",
                    key.name,
                    self.pool.stats()
                );
                // A refusal is immediate, and time is simulated: it has to pass.
                sleep(Duration::from_millis(10)).await;
            }
        }
        // What was held against addresses is forgiven.
        sleep(2 * MAX_TERM).await;
        idle(&self.pool).await;
    }

    /// Were a place lost, of the pool, a host or an address, one of these callers would find none.
    async fn uses_every_connection(&self) {
        let mut callers = JoinSet::new();
        for caller in 0..LIMITS.connections {
            let (pool, key) = (self.pool.clone(), keys().swap_remove(caller % 2));
            callers.spawn(async move { pool.get(&key.target).await });
        }
        let held = timeout(PATIENCE, callers.join_all()).await.unwrap();
        let held: Vec<_> = held.into_iter().map(Result::unwrap).collect();
        assert_eq!(self.pool.stats().places_taken, held.len());
    }

    /// Were the right to a dial lost, there would be fewer at the same time.
    async fn uses_every_dial(&self) {
        idle(&self.pool).await;
        self.pool.flush();
        let dialing = || {
            let registry = self.pool.registry();
            [State::Connecting, State::Handshaking]
                .map(|state| registry.count_by_state(state))
                .iter()
                .sum::<usize>()
        };
        let mut callers = JoinSet::new();
        for caller in 0..LIMITS.connections {
            let (pool, key) = (self.pool.clone(), keys().swap_remove(caller % 2));
            callers.spawn(async move { pool.get(&key.target).await.map(drop) });
        }
        let mut most = 0;
        while !callers.is_empty() {
            most = most.max(dialing());
            // As above.
            sleep(STEP).await;
            while let Some(ended) = callers.try_join_next() {
                ended.unwrap().unwrap();
            }
        }
        // A quarter is kept for hosts that have none.
        assert_eq!(most, LIMITS.dials - LIMITS.dials / 4);
    }
}

/// Whether callers wait though there is room for them.
fn forgets(host: &HostSnapshot) -> bool {
    let has_room = |connection: &ConnectionSnapshot| {
        let serves = connection.state == State::Open && !connection.draining && !connection.held;
        serves && connection.in_use < connection.limit
    };
    host.waiting > 0 && host.connections.iter().any(has_room)
}

/// The first two are HTTP/1.1's. The last two differ by their partition alone.
fn keys() -> Vec<Key> {
    let key = |name, host: &str, protocol: usize| {
        let target = Target::parse(&format!("http://{host}.test:{}", PORTS[protocol])).unwrap();
        let protocols = [Protocols::Http1, Protocols::Http2][protocol];
        Key {
            name,
            target: target.protocols(protocols),
        }
    };
    let mut apart = key("apart", "three", 1);
    apart.target = apart.target.partition("apart");
    vec![
        key("one", "one", 0),
        key("two", "two", 0),
        key("three", "three", 1),
        apart,
    ]
}

fn any(random: &mut StdRng) -> Key {
    let mut keys = keys();
    keys.swap_remove(random.random_range(0..keys.len()))
}

/// The longest that the pool keeps away from an address or a host.
const MAX_TERM: Duration = Duration::from_millis(500);

fn settings() -> Settings {
    let millis = |millis| Some(Duration::from_millis(millis));
    Settings {
        acquire_timeout: Some(ACQUIRE_TIMEOUT),
        connect_timeout: millis(500),
        settings_timeout: millis(500),
        idle_timeout: millis(1_000),
        max_lifetime: millis(3_000),
        validate_after: millis(300),
        suspect_after: millis(200),
        ping_timeout: millis(600),
        blacklist_term: millis(300),
        max_blacklist_term: Some(MAX_TERM),
        circuit_breaker: Some(true),
        breaker_term: millis(200),
        max_breaker_term: Some(MAX_TERM),
        ..LIMITS.settings()
    }
}
