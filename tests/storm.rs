//! Everything at once, for a while: many callers of several hosts whose networks, servers and names misbehave by a seeded plan.
//!
//! `HOTPOOL_STORM_SECONDS` makes it longer, `HOTPOOL_STORM_SEED` makes or repeats another plan; `.ci/soak` runs it for hours, with
//! seeds that it draws. The plan is the seed's; what the machine's own scheduling makes of it is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "storm/weather.rs"]
mod weather;
#[path = "storm/world.rs"]
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::check::{gone, idle, within};
use common::dropping::{Leaves, polled};
use common::numbered::exchange;
use common::wait::{PATIENCE, until};
use hotpool::Pool;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use world::{LIMITS, World, random};

const CALLERS: u64 = 32;

/// Long enough for hundreds of changes.
const SECONDS: u64 = 10;

/// Of the suite's own run: a change is to be judged by what it changes. New plans are drawn by `.ci/soak`.
const SEED: u64 = 20_261_121;

#[test]
fn storm() {
    let number = |name| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let seed = number("HOTPOOL_STORM_SEED").unwrap_or(SEED);
    let seconds = number("HOTPOOL_STORM_SECONDS").unwrap_or(SECONDS);
    // Printed with a failure only.
    println!("HOTPOOL_STORM_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(weather_it(seed, Duration::from_secs(seconds)));
}

async fn weather_it(seed: u64, time: Duration) {
    let world = Arc::new(World::new(seed).await);
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for caller in 1..=CALLERS {
        let (world, over) = (Arc::clone(&world), Arc::clone(&over));
        let mut random = random(seed, caller);
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                call(&world, &mut random).await;
            }
        });
    }
    let mut random = random(seed, 0);
    let end = Instant::now() + time;
    while Instant::now() < end {
        world.change(&mut random).await;
        let pause = Duration::from_millis(random.random_range(5..60));
        watch(&world.pool, Instant::now() + pause).await;
        let faults = world.ledger.faults();
        assert!(faults.is_empty(), "{faults:#?}");
    }
    over.store(true, Ordering::Relaxed);
    world.settle().await;
    while let Some(ended) = timeout(PATIENCE, callers.join_next()).await.unwrap() {
        ended.unwrap();
    }
    idle(&world.pool).await;
    recovers(&world).await;
    until("the pool and the servers agree", || {
        world.open() == world.pool.stats().connections
    })
    .await;
    let report = world.pool.shutdown(PATIENCE).await;
    assert_eq!(report.cut, 0, "{report:?}");
    gone(&world.pool);
    until("the servers are left alone", || world.open() == 0).await;
    let balance = world.ledger.close();
    println!("{balance}; {:?}", world.pool.stats());
    // Else the storm was none.
    assert!(balance.completed > 0 && balance.given_up > 0 && !balance.failed.is_empty());
}

/// Until `end`, limits are kept.
async fn watch(pool: &Pool, end: Instant) {
    while Instant::now() < end {
        within(pool, &LIMITS);
        // Sampling has no event of its own.
        sleep(Duration::from_millis(3)).await;
    }
}

/// One request, by a caller who may lose patience.
async fn call(world: &World, random: &mut StdRng) {
    let host = &world.hosts[random.random_range(0..world.hosts.len())];
    let replayable = random.random_ratio(1, 3);
    let issued = world.ledger.issue(replayable);
    let size = match random.random_range(0..4) {
        0 => random.random_range(1..20_000),
        _ => 0,
    };
    let attempt = exchange(
        &world.pool,
        &host.target,
        host.name,
        issued.number,
        size,
        replayable,
    );
    let outcome = match random.random_range(0..10) {
        0 => polled(random.random_range(0..12), Leaves::AtOnce, attempt).await,
        1 => timeout(Duration::from_millis(random.random_range(0..80)), attempt)
            .await
            .ok(),
        _ => timeout(Duration::from_secs(3), attempt).await.ok(),
    };
    match outcome {
        Some(Ok(())) => issued.complete(),
        Some(Err(error)) => issued.fail(&error),
        None => drop(issued),
    }
    // Callers have other things to do.
    sleep(Duration::from_millis(random.random_range(0..5))).await;
}

/// When all is well again, so is the pool, within the longest of its pauses.
async fn recovers(world: &World) {
    for host in &world.hosts {
        let end = Instant::now() + PATIENCE;
        loop {
            let issued = world.ledger.issue(false);
            match exchange(
                &world.pool,
                &host.target,
                host.name,
                issued.number,
                0,
                false,
            )
            .await
            {
                Ok(()) => break issued.complete(),
                Err(error) => {
                    issued.fail(&error);
                    assert!(Instant::now() < end, "{}: {error}", host.name);
                }
            }
        }
    }
    idle(&world.pool).await;
}
