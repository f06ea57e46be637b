//! Warming hosts before anybody asks for them.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::dial::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::deadline::by;
use crate::pool::handle::Pool;
use crate::pool::host::HostPool;
use crate::pool::key::HostKeyRef;
use crate::pool::shared::Shared;
use crate::pool::target::{AsTarget, Inherited};

/// What `preheat` achieved, host by host, in the order they were named.
#[derive(Debug)]
#[non_exhaustive]
pub struct PreheatReport {
    /// One entry for each target.
    pub hosts: Vec<Preheated>,
}

/// One host of a [`PreheatReport`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Preheated {
    /// The target as an origin, or as it was named when it is none.
    pub target: String,
    /// How many connections are warm now, or why none could be had.
    pub outcome: Result<usize>,
}

impl PreheatReport {
    /// Whether every host is warm.
    pub fn is_complete(&self) -> bool {
        self.failed().next().is_none()
    }

    /// The hosts that are not warm, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.hosts.iter().filter_map(|host| {
            let error = host.outcome.as_ref().err()?;
            Some((host.target.as_str(), error))
        })
    }

    /// How many connections are warm in all these hosts.
    pub fn connections(&self) -> usize {
        self.hosts
            .iter()
            .filter_map(|host| host.outcome.as_ref().ok())
            .sum()
    }
}

impl Pool {
    /// Makes hosts hot: resolved, connected, TLS-handshaken, HTTP/2-settled. No request is sent.
    ///
    /// From now on [`min_warm`](crate::config::Config::min_warm) connections of each are kept warm: not closed for being idle, and
    /// replaced when they end, until [`cool`](Self::cool). A host that could not be warmed now is tried again in the background, with
    /// growing pauses.
    ///
    /// Never fails as a whole; the report says what became hot and what did not. All hosts are dialed side by side, at most
    /// [`max_dials`](crate::config::Config::max_dials) at a time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the waiting, not the warming.
    pub async fn preheat<T: AsTarget>(
        &self,
        targets: impl IntoIterator<Item = T>,
    ) -> PreheatReport {
        self.preheat_as(Kind::Requests, targets).await
    }

    /// Keeps streams warm, for [`stream`](Self::stream) as [`preheat`](Self::preheat) does for requests: resolved, connected,
    /// TLS-handshaken. Nothing is sent on them, so a server may close them sooner than others; what it closes is replaced.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the waiting, not the warming.
    pub async fn preheat_streams<T: AsTarget>(
        &self,
        targets: impl IntoIterator<Item = T>,
    ) -> PreheatReport {
        self.preheat_as(Kind::Stream, targets).await
    }

    async fn preheat_as<T: AsTarget>(
        &self,
        kind: Kind,
        targets: impl IntoIterator<Item = T>,
    ) -> PreheatReport {
        let hosts = targets.into_iter().map(|target| async move {
            match self.keep_warm(&target, kind) {
                Ok(host) => Preheated {
                    target: host.key().origin.to_string(),
                    outcome: self.preheat_host(host).await,
                },
                Err(error) => Preheated {
                    target: target.name(),
                    outcome: Err(error),
                },
            }
        });
        PreheatReport {
            hosts: join_all(hosts).await,
        }
    }

    /// Stops keeping a host warm, for requests and as streams: its connections count as idle again, and end and are forgotten as any others. Says whether it was kept
    /// warm. Those that callers use stay theirs.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](ErrorKind::InvalidTarget).
    pub fn cool(&self, target: impl AsTarget) -> Result<bool> {
        let cool = |key: HostKeyRef<'_>| {
            self.shared().hosts.with(key, |host| {
                let was_warm = host.warmth_wanted() > 0;
                host.set_keep_warm(0);
                was_warm
            })
        };
        self.shared().with_key(&target, |key| {
            let cooled = [Kind::Requests, Kind::Stream].map(|kind| cool(key.of_kind(kind)));
            cooled.contains(&Some(true))
        })
    }

    /// Has the host that `target` means kept warm from now on. Meanwhile nobody changes the defaults that it may have inherited.
    fn keep_warm(&self, target: &impl AsTarget, kind: Kind) -> Result<Arc<HostPool>> {
        let shared = self.shared();
        let (_, options) = target.parts()?;
        let _unchanged = shared.layers.lock();
        let host = shared.with_key(target, |key| shared.host_pool(key.of_kind(kind)))?;
        Ok(shared.keep_warm_as(host, options.inherited()))
    }

    async fn preheat_host(&self, host: Arc<HostPool>) -> Result<usize> {
        let config = self.shared().config();
        let wanted = config.min_warm().max(1);
        let there = host.connections().len() + host.queue().lock().dialing;
        let mut dials = Vec::new();
        for _ in there..wanted {
            let (report, outcome) = oneshot::channel();
            if host.warm_up_to(wanted, Some(report)) {
                dials.push(outcome);
            }
        }
        let deadline = Instant::now() + config.acquire_timeout();
        let mut failure = None;
        for dial in dials {
            let outcome = match by(&self.shared().runtime, deadline, dial).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(Error::new(ErrorKind::RuntimeGone)),
                Err(_) => Err(Error::new(ErrorKind::AcquireTimeout)
                    .with_detail("the dial is still under way")),
            };
            failure = outcome.err().or(failure);
        }
        match (host.connections().len(), failure) {
            (0, Some(error)) => Err(error.with_host(host.key().origin.host())),
            // Somebody else's dial is under way, or a limit forbade ours: wait as any caller would.
            (0, None) => host
                .connection(None)
                .await
                .map(|_| host.connections().len()),
            (warm, _) => Ok(warm),
        }
    }
}

impl Shared {
    /// Has `host` kept warm, or its successor if it has left the pool's map meanwhile: once it is kept warm it stays there.
    pub(super) fn keep_warm_as(
        self: &Arc<Self>,
        mut host: Arc<HostPool>,
        inherited: Inherited,
    ) -> Arc<HostPool> {
        loop {
            host.set_keep_warm(self.config().min_warm().max(1));
            {
                let mut queue = host.queue().lock();
                queue.inherited = inherited;
                if !queue.retired {
                    break;
                }
            }
            host = self.host_pool(host.key().borrowed());
        }
        host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_was_retired_meanwhile_is_looked_up_again() {
        let pool = Pool::builder().min_warm(2).build().unwrap();
        let looked_up = pool.host_pool(&"example.com").unwrap();
        let key = Arc::clone(looked_up.key());
        pool.shared().hosts.retire(key.borrowed(), |host| {
            host.queue().lock().retired = true;
            true
        });
        let kept = pool.shared().keep_warm_as(looked_up, Inherited::default());
        assert_eq!(kept.keep_warm(), 2);
        assert!(!kept.queue().lock().retired);
        assert!(Arc::ptr_eq(&kept, &pool.host_pool(&"example.com").unwrap()));
    }
}
