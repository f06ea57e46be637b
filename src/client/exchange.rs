//! A request and its response on one connection: what must be kept while they last, and how they end.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::retry::unsent_on;
use super::tracked::Whole;
use crate::error::{Error, ErrorKind, Fault};
use crate::pool::Lease;
use crate::registry::{ActivityGuard, CloseReason, Protocol};

/// Holds the connection's use, and the exchange's place in its statistics, until it ends one way or the other.
#[derive(Debug)]
pub(super) struct Exchange {
    lease: Arc<Lease>,
    _activity: ActivityGuard,
    /// HTTP/1.1 carries one exchange at a time, and one that is broken off leaves the connection unusable.
    exclusive: bool,
    /// The request's body on its way, where a task sends it.
    upload: Option<AbortHandle>,
    /// The end of the request's body, where the connection is of no use to others before it.
    whole: Option<Whole>,
    /// When the request was handed to the connection.
    sent: Option<Instant>,
    answered: bool,
    ended: bool,
}

impl Exchange {
    /// # Errors
    ///
    /// When the connection speaks HTTP/1.1 and another exchange of the same caller is under way.
    pub(super) fn begin(lease: Arc<Lease>) -> Result<Self, Error> {
        let live = lease.live();
        let exclusive = live.protocol() == Protocol::Http1;
        if exclusive && !live.begin_exchange() {
            return Err(Error::new(ErrorKind::InvalidRequest).with_detail(
                "this HTTP/1.1 connection is busy: read or drop the response before the next request, or get another connection",
            ));
        }
        let _activity = live.entry().begin();
        live.entry().stats().record_request();
        Ok(Self {
            lease,
            _activity,
            exclusive,
            upload: None,
            whole: None,
            sent: None,
            answered: false,
            ended: false,
        })
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The request's head has been handed to the connection.
    pub(super) fn request_sent(&mut self) {
        self.sent = Some(Instant::now());
        self.lease.live().entry().stats().record_message_sent();
    }

    /// Sends the request's body in a task of its own, which ends with the exchange if that is broken off.
    ///
    /// The stream is in use until the task has ended, also when the response is complete before.
    pub(super) fn upload(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let lease = Arc::clone(&self.lease);
        self.upload = Some(self.lease.live().spawn(async move {
            task.await;
            drop(lease);
        }));
    }

    /// The connection carries nothing else before the request's body has been sent whole.
    pub(super) fn must_reach(&mut self, whole: Whole) {
        self.whole = Some(whole);
    }

    /// The response's head has arrived.
    pub(super) fn response_received(&mut self) {
        self.answered = true;
        if let Some(sent) = self.sent {
            self.lease.answered_in(sent.elapsed());
        }
        self.lease.answered();
        self.lease.live().entry().stats().record_message_received();
    }

    /// The response is complete.
    pub(super) fn complete(mut self) {
        // A request's body may still be on its way: the server answered early and may want it all the same. An HTTP/1.1 connection
        // would keep its next user waiting for that.
        let whole = self.whole.as_ref().is_none_or(Whole::is_reached);
        self.lease.live().vindicate();
        self.end(whole);
    }

    /// Nothing of the request was sent.
    pub(super) fn unsent(mut self, error: Error) -> Error {
        self.end(true);
        let used_before = self.lease.live().entry().stats().messages_received() > 0;
        let error = unsent_on(used_before, error);
        // Else the next try could be given the same connection before its driver has noticed.
        self.lease.live().found_dead(error.kind());
        self.place(error)
    }

    /// It failed after the request, or some of it, was sent.
    pub(super) fn fail(mut self, error: Error) -> Error {
        let live = Arc::clone(self.lease.live());
        live.entry().stats().record_error();
        if matches!(
            error.kind(),
            ErrorKind::StreamReset | ErrorKind::ProtocolViolation
        ) {
            live.suspect();
        }
        let error = match error.kind() {
            ErrorKind::ResponseHeadTooLarge => live.head_was_too_large(error),
            _ => error,
        };
        // What this side closed is not the server's or the network's doing.
        let cause = match live.entry().close_reason() {
            Some(CloseReason::Abandoned) => Some(ErrorKind::RuntimeGone),
            Some(CloseReason::Unhealthy) => Some(ErrorKind::Unresponsive),
            Some(CloseReason::Requested) => Some(ErrorKind::ClosedLocally),
            _ if live.was_unresponsive() => Some(ErrorKind::Unresponsive),
            _ => live.was_cut().then_some(ErrorKind::ClosedLocally),
        };
        let error = match (cause, error.kind()) {
            (Some(cause), ErrorKind::ConnectionClosed | ErrorKind::ConnectionReset) => {
                Error::new(cause).with_source(error)
            }
            _ => error,
        };
        let blamed = matches!(error.fault(), Fault::Network | Fault::Peer);
        if !std::mem::replace(&mut self.answered, true) && blamed {
            self.lease.answered_badly();
        }
        // The cause before its consequence: what ends first names the reason.
        live.found_dead(error.kind());
        self.lease.broke(&error);
        // The stream is over on both sides: nothing was reset.
        self.sent = None;
        self.end(false);
        self.place(error.sent())
    }

    /// Whether it was the pool that ended the connection.
    #[cfg(feature = "websocket")]
    pub(super) fn was_ended_here(&self) -> bool {
        let live = self.lease.live();
        live.was_cut() || live.entry().close_reason() == Some(CloseReason::Requested)
    }

    /// Tells where it happened, and the pool's observers that it did.
    pub(super) fn place(&self, error: Error) -> Error {
        let live = self.lease.live();
        let error = error
            .with_host(self.lease.info().origin().host())
            .with_address(live.address());
        self.lease.tell_failure(&error);
        error
    }

    fn end(&mut self, clean: bool) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if let Some(upload) = self.upload.take()
            && !clean
        {
            upload.abort();
        }
        if self.exclusive {
            self.lease.live().end_exchange(clean);
        } else if !clean && self.sent.is_some() {
            self.lease.live().stream_reset(&self.lease);
        }
    }
}

impl Drop for Exchange {
    /// Broken off: the caller dropped the request or the body.
    fn drop(&mut self) {
        self.end(false);
    }
}
