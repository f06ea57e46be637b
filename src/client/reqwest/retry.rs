//! What is sent again, by reqwest's names and rules.
//!
//! # Default
//!
//! A client without a policy leaves it to its pool, which sends again what the server provably did not process: what it refused, up to
//! three times and after pauses, and what is above the last stream that it names when it goes away; within the pool's budget and its
//! [`max_retries`](crate::config::Config::max_retries). A body of more than 64 KiB in memory, which a pool does not keep, the client itself sends again, at
//! once and up to twice.
//!
//! # With a policy
//!
//! A [policy](Builder) takes the place of that. The pool then sends again only what never left this side, on connections found dead,
//! whatever may be [`replayable`](crate::client::RequestOptions::replayable); the policy's [classifier](Builder::classify_fn) sees every other outcome. What is
//! safe to send again whatever the method, it has to name too if that is wanted:
//!
//! ```no_run
//! use hotpool::Pool;
//! use hotpool::client::reqwest::{HotClient, retry};
//! use http::{Method, StatusCode};
//!
//! # fn run(pool: Pool) -> Result<(), hotpool::Error> {
//! let policy = retry::for_host("api.example.com")
//!     .max_retries_per_request(3)
//!     .classify_fn(|attempt| match (attempt.method(), attempt.status(), attempt.error()) {
//!         (&Method::GET, Some(StatusCode::SERVICE_UNAVAILABLE), _) => attempt.retryable(),
//!         (_, _, Some(error)) if error.is_retryable() => attempt.retryable(),
//!         _ => attempt.success(),
//!     });
//! let client = HotClient::builder(pool).retry(policy).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! Each request of a chain of redirects is a request of its own here. Only a request whose body is in memory is ever sent again, or
//! classified.

mod policy;

use std::fmt;
use std::sync::Arc;

use http::{Method, StatusCode, Uri};

pub(super) use policy::Policy;

use crate::error::{Error, ErrorKind, Result};

/// On top of the first try: reqwest's figure.
const MOST_RETRIES: u32 = 2;

/// A fifth more than without retries, which is reqwest's figure and the pool's.
const EXTRA_LOAD: f32 = 0.2;

/// A thousand retries for each request; the budget's library takes no more.
const MOST_EXTRA_LOAD: f32 = 1_000.0;

type Scope = Arc<dyn Fn(&Uri) -> bool + Send + Sync>;
type Classifier = Arc<dyn Fn(ReqRep<'_>) -> Action + Send + Sync>;

/// Which requests are sent again, when, and how often. Made by [`for_host`], [`scoped`](Self::scoped) and [`never()`], taken by
/// [`HotClientBuilder::retry`](super::HotClientBuilder::retry).
///
/// It retries nothing before it has a [classifier](Self::classify_fn).
#[must_use = "it does nothing before a client has it"]
pub struct Builder {
    scope: Scope,
    classifier: Classifier,
    max_retries: u32,
    budget: Option<f32>,
}

/// Retries requests to this host, as the request's URL names it, without the port.
pub fn for_host<S>(host: S) -> Builder
where
    S: for<'a> PartialEq<&'a str> + Send + Sync + 'static,
{
    Builder::scoped(move |uri| host == uri.host().unwrap_or_default())
}

/// Retries nothing that may have reached a server, whatever the pool's settings are.
///
/// Only what never left this side, on a connection found dead, still goes to another.
pub fn never() -> Builder {
    Builder::scoped(|_| false).no_budget()
}

impl Builder {
    /// Retries requests to URLs of which `scope` says so. A [budget](Self::max_extra_load) is best not shared by several hosts.
    pub fn scoped(scope: impl Fn(&Uri) -> bool + Send + Sync + 'static) -> Self {
        Self {
            scope: Arc::new(scope),
            classifier: Arc::new(|attempt| attempt.success()),
            max_retries: MOST_RETRIES,
            budget: Some(EXTRA_LOAD),
        }
    }

    /// Sets no bound to how many requests are retried. A server in trouble then gets the more of them the worse it is.
    pub fn no_budget(mut self) -> Self {
        self.budget = None;
        self
    }

    /// How much more a server may get by retries, as a part of the requests that succeed: with 0.3, to 1,000 of them in ten seconds 300
    /// retries. 100 more in ten seconds are allowed in any case. Default: 0.2.
    ///
    /// From 0 to 1,000; else [`build`](super::HotClientBuilder::build) fails.
    pub fn max_extra_load(mut self, extra_percent: f32) -> Self {
        self.budget = Some(extra_percent);
        self
    }

    /// How often one request is retried at most. Default: 2. The last outcome is what the caller gets.
    pub fn max_retries_per_request(mut self, max: u32) -> Self {
        self.max_retries = max;
        self
    }

    /// What decides after each try, the last one allowed excepted. It must know that the server can bear the same request twice. Default: none is retried.
    pub fn classify_fn(
        mut self,
        classifier: impl Fn(ReqRep<'_>) -> Action + Send + Sync + 'static,
    ) -> Self {
        self.classifier = Arc::new(classifier);
        self
    }

    pub(super) fn into_policy(self) -> Result<Policy> {
        match self.budget {
            Some(load) if !(0.0..=MOST_EXTRA_LOAD).contains(&load) => {
                let fault =
                    format!("max_extra_load: {load} is not between 0 and {MOST_EXTRA_LOAD}");
                Err(Error::new(ErrorKind::InvalidConfiguration).with_detail(fault))
            }
            _ => Ok(Policy::new(self)),
        }
    }
}

/// A try, and what came of it.
#[derive(Debug)]
pub struct ReqRep<'a> {
    method: &'a Method,
    uri: &'a Uri,
    outcome: Result<StatusCode, &'a Error>,
}

/// What becomes of it; made by a [`ReqRep`].
#[derive(Debug)]
#[must_use]
pub struct Action(Decision);

#[derive(Debug, Eq, PartialEq)]
enum Decision {
    Success,
    Retryable,
}

impl ReqRep<'_> {
    /// The request's.
    pub fn method(&self) -> &Method {
        self.method
    }

    /// The request's.
    pub fn uri(&self) -> &Uri {
        self.uri
    }

    /// The response's, if there is one.
    pub fn status(&self) -> Option<StatusCode> {
        self.outcome.ok()
    }

    /// Why there is no response: the pool's error, which says [whether the request was sent](Error::was_sent) and
    /// [whether it was provably not processed](Error::is_retryable).
    pub fn error(&self) -> Option<&Error> {
        self.outcome.err()
    }

    /// To be sent again.
    pub fn retryable(self) -> Action {
        Action(Decision::Retryable)
    }

    /// For the caller, be it an error.
    pub fn success(self) -> Action {
        Action(Decision::Success)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_retries_per_request", &self.max_retries)
            .field("max_extra_load", &self.budget)
            .finish_non_exhaustive()
    }
}
