//! A client's policy as `tower`'s retries ask it.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tower::retry::budget::{Budget, TpsBudget};

use super::{Action, Builder, Classifier, Decision, MOST_RETRIES, ReqRep, Scope};
use crate::client::reqwest::content::Content;
use crate::error::{Error, Result};

/// For so long a success counts: reqwest's figure, as the next.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// Retries that are allowed each second, however few requests succeed.
const LEAST_PER_SECOND: u32 = 10;

/// The budget is one for all clones; how often a request has been retried is each clone's own.
#[derive(Clone)]
pub(in crate::client::reqwest) struct Policy {
    scope: Scope,
    classifier: Classifier,
    max_retries: u32,
    budget: Option<Arc<TpsBudget>>,
    retries: u32,
}

impl Policy {
    pub(super) fn new(builder: Builder) -> Self {
        let budget = |load| Arc::new(TpsBudget::new(BUDGET_WINDOW, LEAST_PER_SECOND, load));
        Self {
            scope: builder.scope,
            classifier: builder.classifier,
            max_retries: builder.max_retries,
            budget: builder.budget.map(budget),
            retries: 0,
        }
    }

    /// What a client without a policy does where its pool cannot: `most` times at most, as reqwest by default.
    pub(in crate::client::reqwest) fn not_processed(most: usize) -> Self {
        let most = u32::try_from(most).unwrap_or(MOST_RETRIES);
        let builder = Builder::scoped(|_| true)
            .no_budget()
            .max_retries_per_request(most.min(MOST_RETRIES))
            .classify_fn(|attempt| match attempt.error() {
                Some(error) if error.was_sent() && error.is_retryable() => attempt.retryable(),
                _ => attempt.success(),
            });
        Self::new(builder)
    }
}

impl tower::retry::Policy<Request<Content>, Response<()>, Error> for Policy {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        request: &mut Request<Content>,
        outcome: &mut Result<Response<()>>,
    ) -> Option<Ready<()>> {
        let attempt = ReqRep {
            method: request.method(),
            uri: request.uri(),
            outcome: outcome.as_ref().map(Response::status),
        };
        let Action(decision) = (self.classifier)(attempt);
        let budget = self.budget.as_deref();
        if decision == Decision::Success {
            budget.inspect(|budget| budget.deposit());
            return None;
        }
        if !budget.is_none_or(Budget::withdraw) {
            tracing::debug!("too many are sent again");
            return None;
        }
        self.retries += 1;
        Some(ready(()))
    }

    /// Without another request there is no classifying.
    fn clone_request(&mut self, request: &Request<Content>) -> Option<Request<Content>> {
        if self.retries >= self.max_retries || !(self.scope)(request.uri()) {
            return None;
        }
        let mut another = Request::new(request.body().again()?);
        *another.method_mut() = request.method().clone();
        *another.uri_mut() = request.uri().clone();
        *another.version_mut() = request.version();
        *another.headers_mut() = request.headers().clone();
        *another.extensions_mut() = request.extensions().clone();
        Some(another)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("max_retries_per_request", &self.max_retries)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
