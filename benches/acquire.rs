//! What a hot `get` costs: median, 99th percentile, allocations. `cargo bench --bench acquire`
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
use std::time::Instant;

use common::{Server, Times};
use futures_util::FutureExt;
use hotpool::{Connection, Pool, Trust};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Operations timed together: the clock itself costs about 20 ns.
const BATCH: u32 = 16;
const ROUNDS: usize = 200_000;

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let target = format!("localhost:{}", server.address.port());
    let pool = runtime.block_on(async {
        let trust = Trust::only(server.certificate_pem.as_bytes()).unwrap();
        let pool = Pool::builder().trust(trust).build().unwrap();
        let report = pool.preheat([&target]).await;
        assert!(report.is_complete(), "{report:?}");
        pool
    });
    let host = pool.host(&target).unwrap();
    println!(
        "hot get and return of an HTTP/2 connection, {} operations each, in batches of {BATCH}",
        ROUNDS * BATCH as usize
    );
    measure("by host handle", || {
        host.get().now_or_never().unwrap().unwrap()
    });
    measure("by host handle, try_get", || host.try_get().unwrap());
    measure("by name", || {
        pool.get(&target).now_or_never().unwrap().unwrap()
    });
    two_threads(&host);
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
        "  {name:<26} median {:>4} ns   p99 {:>4} ns   allocations in 1000: {allocations}",
        times.median(),
        times.p99()
    );
}

/// The same connection from two threads, beside one thread.
fn two_threads(host: &hotpool::Host) {
    let run = |threads: usize| {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..1_000_000 {
                        black_box(host.try_get().unwrap());
                    }
                });
            }
        });
        threads as f64 * 1e6 / began.elapsed().as_secs_f64()
    };
    let (one, two) = (run(1), run(2));
    println!(
        "  one connection, two threads: {:.2} times one thread's throughput",
        two / one
    );
}

fn count_allocations(run: impl FnOnce()) -> u64 {
    let _profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get().total_blocks;
    run();
    dhat::HeapStats::get().total_blocks - before
}
