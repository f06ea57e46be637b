//! How long callers wait when there are far more of them than connections: 256 tasks on 8 HTTP/1.1 connections, each held for a
//! millisecond, beside a fair semaphore of 8 and the ideal of serving in strict turns. `cargo bench --bench fairness`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Server, Times};
use hotpool::{Pool, Trust};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

const TASKS: usize = 256;
const CONNECTIONS: usize = 8;
const HOLD: Duration = Duration::from_millis(1);
/// How often each task gets a connection; the first time, when all come at once, is not counted.
const TURNS: usize = 100;

/// How long each waited, and how long it really held what it got: timers are late.
struct Waits {
    waited: Times,
    held: Times,
}

fn main() {
    let server = Server::http1();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let pool = Pool::builder()
            .trust(Trust::only(server.certificate_pem.as_bytes()).unwrap())
            .max_connections_per_host(CONNECTIONS)
            .min_warm(CONNECTIONS)
            .build()
            .unwrap();
        let target = format!("localhost:{}", server.address.port());
        assert!(pool.preheat([&target]).await.is_complete());
        let host = pool.host(&target).unwrap();
        assert_eq!(pool.stats().connections, CONNECTIONS);
        let turns = (TASKS - CONNECTIONS) / CONNECTIONS;
        println!(
            "{TASKS} tasks on {CONNECTIONS} connections, each held for {HOLD:?}, {TURNS} times each; ideal: {turns} times what one is held"
        );
        for clock in ["the clock", "the clock", "paused time"] {
            // What other programs take of the machine then takes no time.
            if clock == "paused time" {
                tokio::time::pause();
            }
            println!("  by {clock}");
            let (fair, host) = (Arc::new(Semaphore::new(CONNECTIONS)), host.clone());
            let semaphore = run(move || {
                let fair = Arc::clone(&fair);
                async move { fair.acquire_owned().await.unwrap() }
            });
            report("fair semaphore", turns, &semaphore.await);
            let pooled = run(move || {
                let host = host.clone();
                async move { host.get().await.unwrap() }
            });
            report("hotpool", turns, &pooled.await);
        }
        assert_eq!(pool.stats().connections, CONNECTIONS);
    });
}

async fn run<T, F>(get: impl Fn() -> F + Clone + Send + 'static) -> Waits
where
    T: Send,
    F: Future<Output = T> + Send,
{
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let get = get.clone();
        tasks.spawn(async move {
            let mut times = Vec::with_capacity(TURNS);
            for _ in 0..=TURNS {
                let asked = Instant::now();
                let held = get().await;
                let got = Instant::now();
                tokio::time::sleep(HOLD).await;
                drop(held);
                times.push((got - asked, got.elapsed()));
            }
            times
        });
    }
    let mut waits = Waits {
        waited: Times::new(),
        held: Times::new(),
    };
    while let Some(times) = tasks.join_next().await {
        // The first, and the last: then others have left already.
        for (waited, held) in &times.unwrap()[1..TURNS] {
            waits.waited.record(*waited);
            waits.held.record(*held);
        }
    }
    waits
}

fn report(name: &str, turns: usize, waits: &Waits) {
    let ideal = waits.held.mean() * turns as f64;
    let ratio = |time: u64| time as f64 / ideal;
    let milliseconds = |time: u64| time as f64 / 1e6;
    let waited = &waits.waited;
    println!(
        "  {name:<14} held {:.2} ms (mean), ideal {:.1} ms   p50 {:.1}   p99 {:.1}   p99.9 {:.1}   max {:.1} ms   p99.9 / ideal {:.2}   max / ideal {:.2}",
        waits.held.mean() / 1e6,
        ideal / 1e6,
        milliseconds(waited.median()),
        milliseconds(waited.p99()),
        milliseconds(waited.p999()),
        milliseconds(waited.max()),
        ratio(waited.p999()),
        ratio(waited.max()),
    );
}
