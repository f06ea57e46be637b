//! What keeping house costs: `cargo test --release --lib pool::upkeep::speed -- --ignored --nocapture`.

use std::time::Duration;

use super::entries::{Entries, pool_of};
use super::housekeeper::ROUND;

const ENTRIES: usize = 100_000;
/// Pool time in which what is new settles: past what makes silent connections doubtful.
const SETTLING: Duration = Duration::from_secs(60);
/// Pool time that is looked at after that.
const SPAN: Duration = Duration::from_secs(600);
/// A turn of the runtime that takes less had no more than a few hosts.
const IDLE_TURN: Duration = Duration::from_micros(20);

const CASES: [(&str, Entries); 4] = [
    ("kept warm, one to a host", entries(ENTRIES, 1, true, 20)),
    ("idle, one to a host", entries(ENTRIES, 1, false, ENTRIES)),
    (
        "kept warm, ten to a host",
        entries(ENTRIES / 10, 10, true, 20),
    ),
    ("hosts without connections", entries(ENTRIES, 0, false, 20)),
];

const fn entries(hosts: usize, each: usize, warm: bool, max_idle: usize) -> Entries {
    Entries {
        hosts,
        each,
        warm,
        max_idle,
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "it prints figures, and takes a while"]
#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the pool's time is paused, what is measured is not; figures are printed"
)]
async fn housekeeping() {
    println!(
        "housekeeping of {ENTRIES} entries without sockets, in parts of a core: the first {SETTLING:?}, the next {SPAN:?}"
    );
    for (name, entries) in CASES {
        let pool = pool_of(entries).await;
        let mut turns = Vec::new();
        let parts = [
            part_of_a_core(SETTLING, &mut turns).await,
            part_of_a_core(SPAN, &mut turns).await,
        ];
        turns.sort_unstable();
        println!(
            "  {:<26} {:.2} %   {:.2} %   99 % of turns up to {:?}",
            name,
            parts[0] * 100.0,
            parts[1] * 100.0,
            turns[turns.len() * 99 / 100],
        );
        drop(pool);
    }
}

#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what is measured is real time"
)]
async fn part_of_a_core(span: Duration, turns: &mut Vec<Duration>) -> f64 {
    let mut spent = Duration::ZERO;
    for _ in 0..span.as_millis() / ROUND.as_millis() {
        let began = processor_time();
        tokio::time::advance(ROUND).await;
        let mut idle = 0;
        while idle < 3 {
            let turn = std::time::Instant::now();
            tokio::task::yield_now().await;
            let turn = turn.elapsed();
            idle += u32::from(turn < IDLE_TURN);
            turns.push(turn);
        }
        spent += processor_time() - began;
    }
    spent.as_secs_f64() / span.as_secs_f64()
}

/// This thread's; reading it by the clock would count what other programs take.
fn processor_time() -> Duration {
    // Up to date only after the thread has been off the processor, which this sees to.
    std::thread::park_timeout(Duration::from_micros(1));
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = statistics.split(' ').next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}
