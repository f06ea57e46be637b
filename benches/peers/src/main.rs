//! hotpool beside other clients, on one loopback server that speaks HTTP/2 over TLS, in one run: `benches/peers/run`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod clients;
#[path = "../../common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use clients::{Client, NAMES, clients};
use common::{Server, Times, median, processor_time};
use futures_util::stream::{FuturesUnordered, StreamExt};

/// One client's turn; the clients take turns, so that a slow moment of the machine meets all of them.
const TURN: Duration = Duration::from_millis(400);
const TURNS: usize = 12;
/// Callers that come at the same time, none of them first.
const CALLERS: usize = 100;

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        cold(&server).await;
        let clients = clients(&server).await;
        for client in &clients {
            client().await;
        }
        for in_flight in [1, 64] {
            throughput(&clients, in_flight).await;
        }
    });
}

/// How often each client dials for callers who come all at once.
async fn cold(server: &Server) {
    println!("{CALLERS} callers of a host without a connection");
    for (place, name) in NAMES.iter().enumerate().skip(1) {
        let client = &clients(server).await[place];
        let (dialed, began) = (server.accepted(), Instant::now());
        let mut callers: FuturesUnordered<_> = (0..CALLERS).map(|_| client()).collect();
        while callers.next().await.is_some() {}
        let all = began.elapsed();
        // What is still being dialed for nobody arrives too.
        tokio::time::sleep(Duration::from_millis(500)).await;
        println!(
            "  {name:<18} {:>4} dials   {:>7.1} ms until all were answered",
            server.accepted() - dialed,
            all.as_secs_f64() * 1e3
        );
    }
}

async fn throughput(clients: &[Client], in_flight: usize) {
    let mut rates = vec![Vec::new(); clients.len()];
    let mut costs = vec![Vec::new(); clients.len()];
    let mut times: Vec<_> = clients.iter().map(|_| Times::new()).collect();
    for _ in 0..TURNS {
        for (place, client) in clients.iter().enumerate() {
            let (rate, cost) = turn(client, in_flight, &mut times[place]).await;
            rates[place].push(rate);
            costs[place].push(cost);
        }
    }
    println!("{in_flight} in flight, {TURNS} turns of {TURN:?} each, medians");
    let ratio = |place: usize, other: usize| {
        let turns = rates[place].iter().zip(&rates[other]);
        median(turns.map(|(one, other)| one / other).collect())
    };
    for (place, name) in NAMES.iter().enumerate() {
        println!(
            "  {name:<18} {:>8.0} requests/s   p50 {:>7} ns   p99 {:>8} ns   rate / raw h2's {:.3}   hotpool's / it {:.3}   {:>5.2} µs of its processor each",
            median(rates[place].clone()),
            times[place].median(),
            times[place].p99(),
            ratio(place, 0),
            ratio(1, place),
            median(costs[place].clone()) / 1e3,
        );
    }
}

/// Requests per second with so many under way at any time, and the client thread's processor time for each.
async fn turn(client: &Client, in_flight: usize, times: &mut Times) -> (f64, f64) {
    let timed = || {
        let request = client();
        async move {
            let began = Instant::now();
            request.await;
            began.elapsed()
        }
    };
    let mut running: FuturesUnordered<_> = (0..in_flight).map(|_| timed()).collect();
    let (began, used, mut done) = (Instant::now(), processor_time(), 0_u32);
    while began.elapsed() < TURN {
        times.record(running.next().await.unwrap());
        done += 1;
        running.push(timed());
    }
    let done = f64::from(done);
    let rate = done / began.elapsed().as_secs_f64();
    let cost = (processor_time() - used) / done;
    while running.next().await.is_some() {}
    (rate, cost)
}
