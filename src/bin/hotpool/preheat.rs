//! Hosts made hot before the first request.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use hotpool::dial::Origin;
use hotpool::{Error, Pool};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::url::Url;

/// What preheating could not do. A host's failed dial was its first request's dial, so that request takes the failure for its own
/// instead of dialing, and perhaps waiting in vain, once more.
#[derive(Debug, Default)]
pub(crate) struct Preheated(Mutex<HashMap<Origin, Cold>>);

/// Why a host is not hot.
#[derive(Debug)]
pub(crate) struct Cold {
    /// `None` when the limit of a request's time passed first.
    pub(crate) error: Option<Error>,
    pub(crate) elapsed: Duration,
}

impl Preheated {
    /// Makes the hosts of these URLs hot, side by side.
    pub(crate) async fn preheat(pool: &Pool, urls: &[Url], limit: Option<Duration>) -> Self {
        let mut origins: Vec<&Origin> = Vec::new();
        for url in urls {
            let origin = url.target().origin();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        let outcomes = join_all(origins.into_iter().map(|origin| async move {
            let began = Instant::now();
            let error = match limit {
                None => Some(failure(pool, origin).await?),
                Some(limit) => match timeout(limit, failure(pool, origin)).await {
                    Ok(outcome) => Some(outcome?),
                    Err(_) => None,
                },
            };
            let elapsed = began.elapsed();
            Some((origin.clone(), Cold { error, elapsed }))
        }));
        Self(Mutex::new(outcomes.await.into_iter().flatten().collect()))
    }

    /// The failure for the host's first request; none for the others.
    pub(crate) fn take(&self, origin: &Origin) -> Option<Cold> {
        self.0.lock().remove(origin)
    }
}

async fn failure(pool: &Pool, origin: &Origin) -> Option<Error> {
    let report = pool.preheat([origin]).await;
    report.failed().next().map(|(_, error)| error.clone())
}
