//! What the drop-ins cost: requests per second and allocations through each, beside the plain pool and plain reqwest in the same run.
//! `cargo bench --bench adapters --features reqwest,hyper-util`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod common;

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use common::{Server, Times, median, turn};
use hotpool::client::hyper_util::HotConnector;
use hotpool::client::reqwest::HotClient;
use hotpool::{Pool, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::ServiceExt;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// One way's turn; the ways take turns, so that a slow moment of the machine meets all of them.
const TURN: Duration = Duration::from_millis(400);
const TURNS: usize = 9;

/// Over which allocations are counted; before that as many go by uncounted.
const COUNTED: u64 = 2_000;

/// A way of sending a GET and reading its answer.
struct Way {
    name: &'static str,
    request: Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>,
}

fn way<F: Future<Output = ()> + 'static>(
    name: &'static str,
    request: impl Fn() -> F + 'static,
) -> Way {
    let request = Box::new(move || Box::pin(request()) as Pin<Box<dyn Future<Output = ()>>>);
    Way { name, request }
}

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let ways = ways(&server).await;
        println!("allocations and bytes of each request and answer, the server's included, which are the same for all");
        for way in &ways {
            let (blocks, bytes) = allocations(way).await;
            println!("  {:<24} {blocks:>7.2} allocations   {bytes:>6} bytes", way.name);
        }
        for in_flight in [1, 64] {
            compare(&ways, in_flight).await;
        }
    });
}

async fn ways(server: &Server) -> Vec<Way> {
    let url = format!("https://localhost:{}/", server.address.port());
    let trust = Trust::only(server.certificate_pem.as_bytes()).unwrap();
    let pool = Pool::builder().trust(trust).build().unwrap();
    let warm = pool.preheat([&url]).await;
    assert!(warm.is_complete(), "{warm:?}");
    let root = reqwest::Certificate::from_pem(server.certificate_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .build()
        .unwrap();
    let hot = HotClient::new(pool.clone());
    let hyper: Client<_, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build(HotConnector::new(pool.clone()));
    let get = |url: &str| Request::get(url).body(Empty::<Bytes>::new()).unwrap();
    let (plain, tower, reqwest) = (pool.clone(), pool, client.clone());
    let urls: [String; 5] = std::array::from_fn(|_| url.clone());
    let [first, second, third, fourth, fifth] = urls;
    vec![
        way("pool", move || {
            let (pool, request) = (plain.clone(), get(&first));
            async move {
                let response = pool.send(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            }
        }),
        way("pool as tower service", move || {
            let (pool, request) = (tower.clone(), get(&second));
            async move {
                let response = pool.oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            }
        }),
        way("HotClient", move || {
            let (hot, request) = (hot.clone(), client.get(&third).build().unwrap());
            async move {
                hot.execute(request).await.unwrap().bytes().await.unwrap();
            }
        }),
        way("reqwest", move || {
            let request = reqwest.get(&fourth);
            async move {
                request.send().await.unwrap().bytes().await.unwrap();
            }
        }),
        way("hyper-util, HotConnector", move || {
            let response = hyper.request(get(&fifth));
            async move {
                response.await.unwrap().into_body().collect().await.unwrap();
            }
        }),
    ]
}

async fn allocations(way: &Way) -> (f64, u64) {
    for _ in 0..COUNTED {
        (way.request)().await;
    }
    let _profiler = dhat::Profiler::builder().testing().build();
    for _ in 0..COUNTED {
        (way.request)().await;
    }
    let stats = dhat::HeapStats::get();
    (
        stats.total_blocks as f64 / COUNTED as f64,
        stats.total_bytes / COUNTED,
    )
}

async fn compare(ways: &[Way], in_flight: usize) {
    let mut rates = vec![Vec::new(); ways.len()];
    let mut times: Vec<Times> = ways.iter().map(|_| Times::new()).collect();
    for _ in 0..TURNS {
        for (place, way) in ways.iter().enumerate() {
            rates[place].push(turn(TURN, in_flight, &mut times[place], || (way.request)()).await);
        }
    }
    println!("{in_flight} in flight, {TURNS} turns of {TURN:?} each, medians");
    for (place, way) in ways.iter().enumerate() {
        let ratios = rates[place]
            .iter()
            .zip(&rates[0])
            .map(|(own, plain)| own / plain)
            .collect();
        println!(
            "  {:<24} {:>7.0} requests/s   p50 {:>7} ns   p99 {:>7} ns   rate / the pool's {:.3}",
            way.name,
            median(rates[place].clone()),
            times[place].median(),
            times[place].p99(),
            median(ratios),
        );
    }
}
