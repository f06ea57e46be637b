//! What a hot `get` costs: median, 99th percentile, allocations; and what two threads do to it. `cargo bench --bench acquire`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Server, Times, median, processor_time};
use futures_util::FutureExt;
use hotpool::{Connection, Host, Pool, Trust};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Operations timed together: the clock itself costs about 20 ns.
const BATCH: u32 = 16;
const ROUNDS: usize = 200_000;

/// Each number of threads takes its turns, so that a slow moment of the machine meets all.
const TURNS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (first, second, http1) = (Server::start(), Server::start(), Server::http1());
    let preheated = |servers: &[&Server], connections: usize| {
        let (pool, targets) = runtime.block_on(preheated(servers, connections));
        let hosts = targets.iter().map(|target| pool.host(target).unwrap());
        (hosts.collect::<Vec<_>>(), pool, targets)
    };
    println!(
        "hot get and return, {} operations each, in batches of {BATCH}",
        ROUNDS * BATCH as usize
    );
    let (hosts, pool, targets) = preheated(&[&first, &second], 1);
    let (host, target) = (&hosts[0], &targets[0]);
    measure("HTTP/2, by host handle", || {
        host.get().now_or_never().unwrap().unwrap()
    });
    measure("HTTP/2, try_get", || host.try_get().unwrap());
    measure("HTTP/2, by name", || {
        pool.get(target).now_or_never().unwrap().unwrap()
    });
    let (old, _old_pool, _) = preheated(&[&http1], 1);
    measure("HTTP/1.1, by host handle", || {
        old[0].get().now_or_never().unwrap().unwrap()
    });
    println!("two threads, in one thread's throughput, median of {TURNS} turns (all of them)");
    let (own, others) = (Arc::new([0_u64; 32]), Arc::new([0_u64; 32]));
    in_threads(
        "control: nothing shared",
        || drop(black_box(Arc::clone(&own))),
        || {
            drop(black_box(Arc::clone(&others)));
        },
    );
    two_threads("different hosts", &hosts[0], &hosts[1]);
    two_threads("one host, one connection", host, host);
    let (warm, _warm_pool, _) = preheated(&[&first], 2);
    two_threads("one host, two connections", &warm[0], &warm[0]);
}

async fn preheated(servers: &[&Server], connections: usize) -> (Pool, Vec<String>) {
    let authorities: String = servers
        .iter()
        .map(|server| server.certificate_pem.as_str())
        .collect();
    let targets: Vec<_> = servers
        .iter()
        .map(|server| format!("localhost:{}", server.address.port()))
        .collect();
    let pool = Pool::builder()
        .trust(Trust::only(authorities.as_bytes()).unwrap())
        .min_warm(connections)
        .build()
        .unwrap();
    let report = pool.preheat(&targets).await;
    assert!(report.is_complete(), "{report:?}");
    // The housekeeper spreads the load over what is warm in its next round.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let open = pool.stats().connections;
    assert!(open >= servers.len() * connections, "{open} connections");
    (pool, targets)
}

fn measure(name: &str, mut get: impl FnMut() -> Connection) {
    let mut times = Times::new();
    for _ in 0..ROUNDS / 10 {
        black_box(get());
    }
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..BATCH {
            black_box(get());
        }
        times.record(began.elapsed() / BATCH);
    }
    let allocations = count_allocations(|| {
        for _ in 0..1_000 {
            black_box(get());
        }
    });
    println!(
        "  {name:<26} median {:>4} ns   p99 {:>4} ns   p99.9 {:>4} ns   allocations in 1000: {allocations}",
        times.median(),
        times.p99(),
        times.p999()
    );
}

/// Each thread with its own host. Beside the throughput by the clock, which other programs on the machine disturb, the throughput by
/// processor time: what two free cores would reach.
fn two_threads(name: &str, one: &Host, other: &Host) {
    in_threads(
        name,
        || drop(black_box(one.try_get().unwrap())),
        || {
            drop(black_box(other.try_get().unwrap()));
        },
    );
}

fn in_threads(name: &str, one: impl Fn() + Sync, other: impl Fn() + Sync) {
    let run = |threads: &[&(dyn Fn() + Sync)]| {
        let began = Instant::now();
        let used: f64 = std::thread::scope(|scope| {
            let running: Vec<_> = threads
                .iter()
                .map(|operation| {
                    scope.spawn(|| {
                        let began = processor_time();
                        for _ in 0..2_000_000 {
                            operation();
                        }
                        processor_time() - began
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        let threads = threads.len() as f64;
        (
            threads / began.elapsed().as_secs_f64(),
            threads * threads / used,
        )
    };
    let (mut clock, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (two, alone) = (run(&[&one, &other]), run(&[&one]));
        clock.push(two.0 / alone.0);
        processor.push(two.1 / alone.1);
    }
    println!(
        "  {name:<26} {:.2} by the clock   {:.2} by processor time   {clock:.2?}",
        median(clock.clone()),
        median(processor)
    );
}

fn count_allocations(run: impl FnOnce()) -> u64 {
    let _profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get().total_blocks;
    run();
    dhat::HeapStats::get().total_blocks - before
}
