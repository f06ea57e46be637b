//! Scenarios on a simulated network, each under twenty seeds: `RUSTFLAGS="--cfg turmoil" cargo test --test simulation`.
//!
//! Time, packets and what happens to them are simulated, in one thread; the pool's own dice (jitter, draws) are not seeded.
//! `HOTPOOL_SIMULATION_SEEDS` is how many seeds are tried, `HOTPOOL_SIMULATION_SEED` the first of them.
#![cfg(turmoil)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "simulation/network.rs"]
mod network;
#[path = "simulation/world.rs"]
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::check::{gone, idle, within};
use common::numbered::exchange;
use common::unruly_server::Habits;
use common::wait::{PATIENCE, until};
use futures_util::FutureExt;
use network::Way;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use world::{CLIENT, Client, LIMITS, SERVERS, World};

const SEEDS: u64 = 20;
const CALLERS: u64 = 12;

/// How long the scenario lasts, how often something happens, and when the client must have come to its end: milliseconds.
const LASTS: u64 = 3_000;
const STEP: u64 = 60;
const LONGEST: u64 = 60_000;

/// What happens at each step.
type Scenario = fn(&mut World, &mut StdRng);

#[test]
fn partition() {
    tried(|world, random| {
        let way = [Way::Cut, Way::Clear][random.random_range(0..2)];
        world.network.set(any(random), way);
    });
}

#[test]
fn hold_and_release() {
    tried(|world, random| {
        let way = [Way::Held, Way::Clear, Way::Slow(30)][random.random_range(0..3)];
        world.network.set(any(random), way);
    });
}

#[test]
fn loss() {
    tried(|world, random| {
        let share = random.random_range(0..30);
        world.network.set(any(random), Way::Lossy(share));
    });
}

#[test]
fn crash_and_restart() {
    tried(|world, random| {
        let server = any(random);
        match world.network.is_up(server) {
            true => world.network.crash(server),
            false => world.start(server),
        }
    });
}

#[test]
fn goaway_storm() {
    tried(|world, random| {
        let habits = Habits {
            refuses: random.random_range(0..30),
            takes_time: 50,
            ..Habits::default()
        };
        for control in &world.client.controls[any(random)] {
            control.adopt(habits);
            control.leave(random.random());
        }
    });
}

#[test]
fn dns_rotation() {
    tried(|world, random| {
        // At the sixth address there is nobody.
        let mut all = vec![1, 2, 3, 4, 6];
        while all.len() > 2 {
            all.remove(random.random_range(0..all.len()));
        }
        world.client.names.say(all);
        let resolver = world.client.resolver.clone();
        world.network.run(CLIENT, async move {
            resolver.forget("one.test").await;
            resolver.forget("two.test").await;
        });
    });
}

fn any(random: &mut StdRng) -> usize {
    random.random_range(0..SERVERS)
}

fn tried(scenario: Scenario) {
    let number = |name| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let first = number("HOTPOOL_SIMULATION_SEED").unwrap_or(0);
    let seeds = number("HOTPOOL_SIMULATION_SEEDS").unwrap_or(SEEDS);
    for seed in first..first + seeds {
        // Printed with a failure only.
        println!("HOTPOOL_SIMULATION_SEED={seed}");
        simulate(seed, scenario);
    }
}

fn simulate(seed: u64, scenario: Scenario) {
    let mut world = World::new(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let over = Arc::new(AtomicBool::new(false));
    let client = use_it(world.client.clone(), Arc::clone(&over), seed);
    let client = world.network.run(CLIENT, client);
    while !client.is_finished() {
        world.network.tick();
        within(&world.client.pool, &LIMITS);
        let now = world.network.now();
        assert!(now < LONGEST, "the client has not come to its end");
        if now % STEP == 0 && now < LASTS {
            scenario(&mut world, &mut random);
        }
        if now == LASTS {
            world.settle();
            over.store(true, Ordering::Relaxed);
        }
    }
    client.now_or_never().unwrap().unwrap();
    let balance = world.client.ledger.close();
    println!("{balance}");
    assert!(balance.completed > 0);
}

/// The client's side, to the end of its pool.
async fn use_it(client: Client, over: Arc<AtomicBool>, seed: u64) {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, over) = (client.clone(), Arc::clone(&over));
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(CALLERS) + caller);
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                call(&client, &mut random).await;
            }
        });
    }
    while let Some(ended) = timeout(PATIENCE, callers.join_next()).await.unwrap() {
        ended.unwrap();
    }
    idle(&client.pool).await;
    recovers(&client).await;
    until("the pool and the servers agree", || {
        client.open() == client.pool.stats().connections
    })
    .await;
    let report = client.pool.shutdown(PATIENCE).await;
    assert_eq!(report.cut, 0, "{report:?}");
    gone(&client.pool);
    until("the servers are left alone", || client.open() == 0).await;
}

async fn call(client: &Client, random: &mut StdRng) {
    let target = &client.targets()[random.random_range(0..2)];
    let replayable = random.random_ratio(1, 3);
    let issued = client.ledger.issue(replayable);
    let size = match random.random_range(0..4) {
        0 => random.random_range(1..10_000),
        _ => 0,
    };
    let attempt = exchange(&client.pool, target, issued.number, size, replayable);
    let patience = match random.random_range(0..8) {
        0 => random.random_range(0..80),
        _ => 4_000,
    };
    match timeout(Duration::from_millis(patience), attempt).await {
        Ok(Ok(())) => issued.complete(),
        Ok(Err(error)) => issued.fail(&error),
        Err(_) => drop(issued),
    }
    // Callers have other things to do.
    sleep(Duration::from_millis(random.random_range(1..40))).await;
}

/// When all is well again, so is the pool, within the longest of its pauses.
async fn recovers(client: &Client) {
    for target in client.targets() {
        let end = Instant::now() + PATIENCE;
        loop {
            let issued = client.ledger.issue(false);
            match exchange(&client.pool, &target, issued.number, 0, false).await {
                Ok(()) => break issued.complete(),
                Err(error) => {
                    issued.fail(&error);
                    assert!(Instant::now() < end, "{error}");
                    // A refusal is immediate, and time is simulated: it has to pass.
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }
    idle(&client.pool).await;
}
