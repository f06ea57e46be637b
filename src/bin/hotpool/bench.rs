//! `hotpool bench`: load on one URL, and what it took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, slice};

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::arguments::BenchArguments;
use crate::exchange::Exchanges;
use crate::failure::{Failure, Status};
use crate::interrupt::Interrupt;
use crate::output;
use crate::summary::Summary;
use crate::tally::Tally;
use crate::url::Url;

/// Requests when neither their number nor a duration is given.
const REQUESTS: u64 = 1000;

pub(crate) async fn run(arguments: BenchArguments) -> Result<Status, Failure> {
    let BenchArguments {
        url,
        requests,
        concurrency,
        duration,
        request,
        json,
    } = arguments;
    let requests = match (requests, duration) {
        (Some(requests), _) => requests.get(),
        (None, Some(_)) => u64::MAX,
        (None, None) => REQUESTS,
    };
    let mut exchanges = Exchanges::new(&request)?;
    let tally = Tally::new().map_err(|error| Failure::Runtime(io::Error::other(error)))?;
    let interrupt = Interrupt::listen();
    tokio::select! {
        biased;
        () = interrupt.asked() => return Ok(Status::SomeFailed),
        () = exchanges.preheat(slice::from_ref(&url)) => {}
    }
    let load = Arc::new(Load {
        exchanges,
        url,
        left: AtomicU64::new(requests),
        stop: interrupt.token(),
        tally: Mutex::new(tally),
    });
    let began = Instant::now();
    let mut lanes = JoinSet::new();
    for _ in 0..requests.min(concurrency.get() as u64) {
        lanes.spawn(lane(Arc::clone(&load)));
    }
    if let Some(duration) = duration
        && timeout(duration, finish(&mut lanes)).await.is_err()
    {
        load.stop.cancel();
    }
    finish(&mut lanes).await;
    let elapsed = began.elapsed();
    let everything_done = {
        let tally = load.tally.lock();
        let summary = Summary {
            url: load.url.as_str(),
            concurrency: concurrency.get(),
            elapsed,
            dials: load.exchanges.client().dials(),
            tally: &tally,
        };
        let report = if json {
            summary.json().to_string()
        } else {
            summary.table()
        };
        output::line(&report)?;
        tally.failed == 0 && tally.answered > 0
    };
    load.exchanges.client().shutdown().await;
    Ok(Status::of(everything_done && !interrupt.was_asked()))
}

struct Load {
    exchanges: Exchanges,
    url: Url,
    /// Requests not yet begun.
    left: AtomicU64,
    stop: CancellationToken,
    tally: Mutex<Tally>,
}

/// One request after the other, until there are none left or it is time to stop.
async fn lane(load: Arc<Load>) {
    while load.begin() {
        let mut nowhere = io::sink();
        let outcome = tokio::select! {
            biased;
            () = load.stop.cancelled() => None,
            outcome = load.exchanges.perform(&load.url, &mut nowhere) => outcome.ok(),
        };
        let mut tally = load.tally.lock();
        match outcome {
            Some(record) => tally.add(&record),
            None => {
                tally.unfinished += 1;
                return;
            }
        }
    }
}

impl Load {
    fn begin(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        !self.stop.is_cancelled()
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
                .is_ok()
    }
}

async fn finish(lanes: &mut JoinSet<()>) {
    while lanes.join_next().await.is_some() {}
}
