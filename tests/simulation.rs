//! Scenarios on a simulated network, each under twenty seeds: `RUSTFLAGS="--cfg turmoil" cargo test --test simulation`. Without that
//! flag there is nothing to run.
//!
//! Time, machines and the network between them are turmoil's. Each seed has a process with one thread, and whatever is drawn at random
//! there, by the pool and below it, comes from the seed: what happens under it happens again. `-- partition 7` is that scenario under
//! that seed alone, `-- partition` under all.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and this one is its own harness"
)]

#[cfg(turmoil)]
#[path = "simulation/client.rs"]
mod client;
#[cfg(turmoil)]
mod common;
#[cfg(turmoil)]
#[path = "simulation/harness.rs"]
mod harness;
#[cfg(turmoil)]
#[path = "simulation/scenarios.rs"]
mod scenarios;
#[cfg(turmoil)]
#[path = "simulation/world.rs"]
mod world;

#[cfg(turmoil)]
fn main() -> std::process::ExitCode {
    harness::main()
}

#[cfg(not(turmoil))]
fn main() {}
