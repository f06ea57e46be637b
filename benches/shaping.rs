//! What a profile costs established HTTP/2 connections, beside raw h2 with the same headers and windows in the same run.
//! `cargo bench --bench shaping`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::shaped::{BROWSERS, NAMES, Way, ways};
use common::{LARGE, Server, Times, median};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::task::JoinSet;

/// One way's turn; the ways take turns, so that a slow moment of the machine meets all of them.
const TURN: Duration = Duration::from_millis(400);
const TURNS: usize = 15;

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut drivers = JoinSet::new();
        for browser in &BROWSERS {
            let ways = ways(&server, browser, &mut drivers).await;
            println!("{}, {TURNS} turns of {TURN:?}, medians", browser.profile);
            for in_flight in [1, 64] {
                let mut times = [0; 3].map(|_| Times::new());
                let mut rates = vec![Vec::new(); ways.len()];
                for _ in 0..TURNS {
                    for ((way, times), rates) in ways.iter().zip(&mut times).zip(&mut rates) {
                        rates.push(requests(in_flight, times, way).await);
                    }
                }
                let latencies = times.map(|times| {
                    format!("p50 {:>7} ns   p99 {:>7} ns", times.median(), times.p99())
                });
                show(
                    &format!("requests/s, {in_flight} in flight"),
                    &rates,
                    &latencies,
                );
            }
            let nothing = [const { String::new() }; 3];
            let mut rates = vec![Vec::new(); ways.len()];
            for _ in 0..TURNS {
                for (way, rates) in ways.iter().zip(&mut rates) {
                    rates.push(megabytes(async || way.get("/large").await).await);
                }
            }
            show("MB/s of 4 MiB answers", &rates, &nothing);
            let mut rates = vec![Vec::new(); ways.len()];
            let content = Bytes::from_static(&[7; LARGE]);
            for _ in 0..TURNS {
                for (way, rates) in ways.iter().zip(&mut rates) {
                    let upload = async || {
                        way.post(content.clone()).await;
                        LARGE
                    };
                    rates.push(megabytes(upload).await);
                }
            }
            show("MB/s of 4 MiB uploads", &rates, &nothing);
        }
    });
}

fn show(title: &str, rates: &[Vec<f64>], more: &[String]) {
    println!("  {title}");
    for ((name, way), more) in NAMES.iter().zip(rates).zip(more) {
        let ratios = way
            .iter()
            .zip(&rates[0])
            .map(|(this, raw)| this / raw)
            .collect();
        println!(
            "    {name:<11} {:>8.0}   ratio {:.3}   {more}",
            median(way.clone()),
            median(ratios)
        );
    }
}

/// Requests per second with so many under way at any time.
async fn requests(in_flight: usize, times: &mut Times, way: &Way) -> f64 {
    let timed = || async {
        let began = Instant::now();
        way.get("/").await;
        began.elapsed()
    };
    let mut running: FuturesUnordered<_> = (0..in_flight).map(|_| timed()).collect();
    let (began, mut done) = (Instant::now(), 0u32);
    while began.elapsed() < TURN {
        times.record(running.next().await.unwrap());
        done += 1;
        running.push(timed());
    }
    let rate = f64::from(done) / began.elapsed().as_secs_f64();
    while running.next().await.is_some() {}
    rate
}

async fn megabytes(transfer: impl AsyncFn() -> usize) -> f64 {
    let (began, mut bytes) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        bytes += transfer().await;
    }
    bytes as f64 / began.elapsed().as_secs_f64() / 1e6
}
