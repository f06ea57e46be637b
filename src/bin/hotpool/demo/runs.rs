//! The requests, hot and cold, and how long they took.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hdrhistogram::Histogram;
use hotpool::registry::Protocol;
use hotpool::{Connection, Pool};
use http::Request;
use http_body_util::{BodyExt, Empty};
use tokio::time::Instant;

use super::progress::Progress;
use super::world::{Host, World};

/// Hot requests per host: enough for a 99th percentile that is more than one bad moment.
pub(super) const HOT_REQUESTS: usize = 1_500;

/// Requests of one host under way at the same time, hot and cold alike, so that the two can be compared.
const IN_FLIGHT: usize = 4;

/// Cold requests per host: each costs a handshake of about a millisecond on both sides.
pub(super) const COLD_REQUESTS: usize = 150;

/// A minute in nanoseconds: longer than the pool lets anybody wait.
const LONGEST: u64 = 60_000_000_000;

const GOODBYE: Duration = Duration::from_secs(5);

/// What one kind of run measured.
pub(super) struct Measured {
    pub(super) answered: usize,
    /// The first failure, if any.
    pub(super) failure: Option<String>,
    /// Until a connection was held, in nanoseconds.
    pub(super) acquire: Histogram<u64>,
    /// From asking for a connection to the last byte of the answer, in nanoseconds.
    pub(super) total: Histogram<u64>,
    pub(super) protocol: Option<Protocol>,
    /// Requests on a connection that was there.
    pub(super) reused: usize,
    /// Requests whose TLS session was resumed: none here, since a cold client has no ticket.
    pub(super) resumed: usize,
}

/// One request's figures.
struct Sample {
    acquire: Duration,
    total: Duration,
    protocol: Protocol,
    reused: bool,
    resumed: bool,
}

/// Requests through the pool.
pub(super) async fn hot(
    pool: &Pool,
    host: &Host,
    progress: &mut Progress,
) -> Result<Measured, Box<dyn Error>> {
    let target = host.target();
    measure(HOT_REQUESTS, progress, || async {
        let began = Instant::now();
        request(pool.get(&target).await?, began).await
    })
    .await
}

/// Requests as by a program that makes a client for each: a pool of its own, no ticket, a connection that is closed afterwards.
pub(super) async fn cold(
    world: &World,
    host: &Host,
    progress: &mut Progress,
) -> Result<Measured, Box<dyn Error>> {
    let (trust, target) = (world.trust()?, host.target());
    measure(COLD_REQUESTS, progress, || async {
        let pool = Pool::builder()
            .trust(trust.clone())
            .resolver(world.resolver()?)
            .build()?;
        let began = Instant::now();
        let sample = request(pool.get(&target).await?, began).await;
        pool.shutdown(GOODBYE).await;
        sample
    })
    .await
}

async fn request(connection: Connection, began: Instant) -> hotpool::error::Result<Sample> {
    let acquire = began.elapsed();
    let response = connection.send(Request::new(Empty::<Bytes>::new())).await?;
    response.into_body().collect().await?;
    Ok(Sample {
        acquire,
        total: began.elapsed(),
        protocol: connection.protocol(),
        reused: connection.is_reused(),
        resumed: connection.tls().is_some_and(|tls| tls.resumed),
    })
}

async fn measure<F>(
    requests: usize,
    progress: &mut Progress,
    mut request: impl FnMut() -> F,
) -> Result<Measured, Box<dyn Error>>
where
    F: Future<Output = hotpool::error::Result<Sample>>,
{
    let mut measured = Measured {
        answered: 0,
        failure: None,
        acquire: Histogram::new_with_bounds(1, LONGEST, 3)?,
        total: Histogram::new_with_bounds(1, LONGEST, 3)?,
        protocol: None,
        reused: 0,
        resumed: 0,
    };
    let mut running: FuturesUnordered<_> =
        (0..IN_FLIGHT.min(requests)).map(|_| request()).collect();
    let mut begun = running.len();
    while let Some(outcome) = running.next().await {
        match outcome {
            Ok(sample) => measured.add(&sample),
            Err(error) => {
                measured.failure.get_or_insert_with(|| error.to_string());
            }
        }
        progress.step();
        if begun < requests {
            begun += 1;
            running.push(request());
        }
    }
    Ok(measured)
}

impl Measured {
    fn add(&mut self, sample: &Sample) {
        self.answered += 1;
        self.acquire.saturating_record(nanoseconds(sample.acquire));
        self.total.saturating_record(nanoseconds(sample.total));
        self.protocol = Some(sample.protocol);
        self.reused += usize::from(sample.reused);
        self.resumed += usize::from(sample.resumed);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
