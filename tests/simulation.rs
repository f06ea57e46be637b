//! Scenarios on a simulated network, each under twenty seeds: `RUSTFLAGS="--cfg turmoil" cargo test --test simulation`.
//!
//! Time, machines and the network between them are turmoil's, in one thread; whatever is drawn at random in that thread, by the pool and
//! below it, comes from the seed: what happens under a seed happens again.
//! `HOTPOOL_SIMULATION_SEEDS` is how many seeds are tried, `HOTPOOL_SIMULATION_SEED` the first of them.
#![cfg(turmoil)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "simulation/client.rs"]
mod client;
mod common;
#[path = "simulation/world.rs"]
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::ledger::Balance;
use common::unruly_server::Habits;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use world::{SERVERS, World};

const SEEDS: u64 = 20;

/// How long the disorder lasts, and how often something happens: milliseconds.
const LASTS: u64 = 3_000;
const STEP: u64 = 60;

/// What happens at each step.
type Scenario = fn(&mut World, &mut StdRng);

const SCENARIOS: [Scenario; 5] = [
    partitioned,
    held,
    crashed_and_restarted,
    sent_away,
    renamed,
];

#[test]
fn partition() {
    tried(partitioned);
}

#[test]
fn hold_and_release() {
    tried(held);
}

#[test]
fn crash_and_restart() {
    tried(crashed_and_restarted);
}

#[test]
fn goaway_storm() {
    tried(sent_away);
}

#[test]
fn dns_rotation() {
    tried(renamed);
}

#[test]
fn all_of_it() {
    tried(anything);
}

#[test]
fn a_seed_is_a_story() {
    let first = simulate(0, anything);
    assert!(first.1.len() > 1_000, "{}", first.1.len());
    assert!(first.1 == simulate(0, anything).1);
    assert!(first.1 != simulate(1, anything).1);
}

fn partitioned(world: &mut World, random: &mut StdRng) {
    let server = any(random);
    match random.random_range(0..4) {
        0 => world.cut(server),
        1 => world.cut_one_way(server, random.random()),
        _ => world.mend(server),
    }
}

fn held(world: &mut World, random: &mut StdRng) {
    let server = any(random);
    match random.random() {
        true => world.hold(server),
        false => world.mend(server),
    }
}

fn crashed_and_restarted(world: &mut World, random: &mut StdRng) {
    let server = any(random);
    match world.is_up(server) {
        true => world.crash(server, random.random()),
        false => world.start(server),
    }
}

fn sent_away(world: &mut World, random: &mut StdRng) {
    let habits = Habits {
        refuses: random.random_range(0..30),
        takes_time: 50,
        ..Habits::default()
    };
    for control in world.controls(any(random)) {
        control.adopt(habits);
        control.leave(random.random());
    }
}

fn renamed(world: &mut World, random: &mut StdRng) {
    // At the last address there is nobody.
    let mut all: Vec<_> = (1..=SERVERS + 1).collect();
    while all.len() > 2 {
        all.remove(random.random_range(0..all.len()));
    }
    world.names.say(all);
}

fn anything(world: &mut World, random: &mut StdRng) {
    SCENARIOS[random.random_range(0..SCENARIOS.len())](world, random);
}

fn any(random: &mut StdRng) -> u8 {
    random.random_range(1..=SERVERS)
}

fn tried(scenario: Scenario) {
    let number = |name| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let first = number("HOTPOOL_SIMULATION_SEED").unwrap_or(0);
    let seeds = number("HOTPOOL_SIMULATION_SEEDS").unwrap_or(SEEDS);
    for seed in first..first + seeds {
        // Printed with a failure only.
        println!("HOTPOOL_SIMULATION_SEED={seed}");
        let (balance, _) = simulate(seed, scenario);
        println!("{balance}");
        assert!(balance.completed > 0);
    }
}

/// What became of the requests, and what became of each, in order.
fn simulate(seed: u64, scenario: Scenario) -> (Balance, Vec<String>) {
    // A thread of its own begins without a past: hash maps and generators are seeded once a thread.
    thread::scope(|scope| {
        let simulation = scope.spawn(|| {
            let mut random = StdRng::seed_from_u64(seed);
            let (mut world, outside) = World::new(seed);
            let (settled, story) = (Arc::new(AtomicBool::new(false)), Arc::default());
            let client = client::live(
                outside.clone(),
                Arc::clone(&settled),
                Arc::clone(&story),
                seed,
            );
            world.client(client);
            let mut now = 0;
            while !world.sim.step().unwrap() {
                now += 1;
                if now % STEP == 0 && now < LASTS {
                    scenario(&mut world, &mut random);
                }
                if now == LASTS {
                    world.settle();
                    settled.store(true, Ordering::Relaxed);
                }
            }
            let story = std::mem::take(&mut *story.lock());
            (outside.ledger.close(), story)
        });
        simulation.join().unwrap()
    })
}
