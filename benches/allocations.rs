//! How often a request allocates: by h2 alone, over a pool, and with a profile. The server in the same process does the same for
//! each, so that only differences say something. `cargo bench --bench allocations`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark prints, and fails by panicking"
)]

mod common;

use common::Server;
use common::shaped::{BROWSERS, NAMES, ways};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const REQUESTS: u64 = 2_000;

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut drivers = JoinSet::new();
        for browser in &BROWSERS {
            println!(
                "{}, allocations and bytes per request and answer",
                browser.profile
            );
            let ways = ways(&server, browser, &mut drivers).await;
            for (name, way) in NAMES.iter().zip(&ways) {
                for _ in 0..REQUESTS {
                    way.get("/").await;
                }
                let _profiler = dhat::Profiler::builder().testing().build();
                for _ in 0..REQUESTS {
                    way.get("/").await;
                }
                let stats = dhat::HeapStats::get();
                println!(
                    "  {name:<11} {:>6.2} allocations   {:>6} bytes",
                    stats.total_blocks as f64 / REQUESTS as f64,
                    stats.total_bytes / REQUESTS
                );
            }
        }
    });
}
