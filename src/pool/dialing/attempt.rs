//! One dial, from the decision to make it to what becomes of it.

use std::net::SocketAddr;
use std::sync::Arc;

use rand::RngExt;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument;

use super::backoff::backoff;
use super::dials::Dials;
use super::permits::Permit;
use crate::dial::{Dialed, Dialer, Route, Sender};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::address::DialPolicy;
use crate::pool::clock::millis;
use crate::pool::events::{Limit, PoolEvent};
use crate::pool::health::counts_as_failure;
use crate::pool::host::{HostPool, tell};
use crate::pool::live::{Admission, Live, drive};
use crate::pool::shared::Shared;
use crate::profile::Profile;
use crate::registry::{CloseReason, Protocol};

/// A connection's lifetime is drawn between this part of the configured one and all of it.
const SHORTEST_LIFETIME: f64 = 0.9;

/// Why a dial is made, and whom to tell.
#[derive(Debug)]
pub(super) enum Purpose {
    /// Callers wait.
    Demand,
    /// To have it warm.
    Warmth(Option<Report>),
    /// To have a connection to this address, which is new.
    Newcomer(SocketAddr),
}

/// Told how a dial went.
pub(super) type Report = oneshot::Sender<Result<()>>;

impl HostPool {
    /// Begins a dial that has been counted and has its place.
    pub(super) fn start(self: &Arc<Self>, shared: &Arc<Shared>, permit: Permit, purpose: Purpose) {
        shared.counters.dial_started();
        let for_callers = matches!(purpose, Purpose::Demand);
        let urgent = for_callers && !self.queue().lock().has_open();
        let preferred = match purpose {
            Purpose::Newcomer(address) => Some(address),
            Purpose::Demand | Purpose::Warmth(_) => None,
        };
        let key = self.key();
        let profile = shared.profile_for(&key.look);
        let attempt = Attempt {
            host: Arc::clone(self),
            profile: profile.clone(),
            begun: Instant::now(),
            generation: shared.generation(),
            pending: Some((permit, purpose)),
        };
        self.publish(|host| PoolEvent::DialStarted {
            host,
            profile: Arc::clone(profile.name()),
        });
        if let Some(dials) = shared.dials.in_the_way_of(self.lane) {
            self.limit_reached(Limit::MaxDials, dials, shared.config().max_dials());
        }
        let host = Arc::clone(self);
        let dials = Arc::clone(&shared.dials);
        let dialer = Arc::clone(&shared.dialer);
        let ending = shared.ending.clone();
        let policy = DialPolicy::new(self, shared.config(), urgent).preferring(preferred);
        let addresses = Arc::new(policy);
        let route = Route {
            origin: key.origin.clone(),
            protocols: key.protocols,
            kind: key.kind,
            tls: key.dialed_with(),
            profile: profile.clone(),
            proxy: key.proxy.clone(),
            addresses,
            keeps_certificate: shared.config().coalescing(),
        };
        // What the dial's steps log is told apart by it.
        let span = tracing::debug_span!(
            "dial",
            host = key.origin.host(),
            port = key.origin.port(),
            profile = %profile.name(),
            address = tracing::field::Empty,
            outcome = tracing::field::Empty,
        );
        let dial = async move {
            let outcome = tokio::select! {
                biased;
                () = ending.cancelled() => Err(Error::new(ErrorKind::PoolClosed)),
                outcome = async {
                    let mut patience = host.patience(for_callers);
                    loop {
                        match host.dial_in_turn(&dials, &dialer, &route, for_callers).await {
                            Err(error) if patience.has_some_with(&error) => {
                                host.wait_for_place(error).await;
                            }
                            outcome => return outcome,
                        }
                    }
                } => outcome,
            };
            attempt.finish(outcome);
        };
        shared
            .tasks
            .spawn_on(dial.instrument(span), &shared.runtime);
    }

    /// Dials when it is its turn. Callers may be served by another host's connection instead.
    async fn dial_in_turn(
        self: &Arc<Self>,
        dials: &Arc<Dials>,
        dialer: &Dialer,
        route: &Route,
        for_callers: bool,
    ) -> Result<Found> {
        let Some(most) = self
            .shared()
            .map(|shared| shared.config().max_dials_per_host())
        else {
            return Err(self.closed());
        };
        if self.addresses().dials().are_all_taken() {
            self.limit_reached(Limit::MaxDialsPerHost, most, most);
        }
        let _turn = self.addresses().dials().take(most).await;
        let _dialing = dials.acquire(self.lane).await;
        if for_callers && self.queue().lock().was_misled() {
            return Ok(Found::Enough);
        }
        if for_callers && let Some(live) = self.shareable().await {
            return Ok(Found::Shareable(live));
        }
        // Boxed, since hundreds may wait for their turn: what a dial needs, many kilobytes, is taken when it begins.
        let dialed = Box::pin(dialer.dial(route)).await;
        dialed.map(|dialed| Found::Dialed(Box::new(dialed)))
    }

    fn tell_failed(&self, error: &Error, begun: Instant) {
        tracing::debug!(host = self.key().origin.host(), %error, "dial failed");
        self.publish(|host| PoolEvent::DialFailed {
            host,
            address: error.address(),
            error: error.clone(),
            elapsed: begun.elapsed(),
        });
    }
}

/// What came of a dial.
enum Found {
    Dialed(Box<Dialed>),
    /// Another host's connection serves this one too.
    Shareable(Arc<Live>),
    /// What was dialed meanwhile serves everybody.
    Enough,
}

/// A dial under way. However it ends, its place is given back and its callers learn of it.
struct Attempt {
    host: Arc<HostPool>,
    profile: Profile,
    begun: Instant,
    generation: u64,
    pending: Option<(Permit, Purpose)>,
}

impl Attempt {
    fn finish(mut self, outcome: Result<Found>) {
        let Some((permit, purpose)) = self.pending.take() else {
            return;
        };
        let span = tracing::Span::current();
        let address = match &outcome {
            Ok(Found::Dialed(dialed)) => Some(dialed.address),
            Ok(Found::Shareable(live)) => Some(live.address()),
            Ok(Found::Enough) => None,
            Err(error) => error.address(),
        };
        if let Some(address) = address {
            span.record("address", tracing::field::display(address));
        }
        span.record(
            "outcome",
            match &outcome {
                Ok(Found::Dialed(_)) => "connected",
                Ok(Found::Shareable(_)) => "shared",
                Ok(Found::Enough) => "needless",
                Err(error) => error.kind().as_str(),
            },
        );
        match outcome {
            Ok(Found::Dialed(dialed)) => self.succeed(*dialed, permit, purpose),
            Ok(Found::Shareable(live)) => self.share(&live, permit),
            Ok(Found::Enough) => self.leave(permit),
            Err(error) => self.fail(error, permit, purpose),
        }
    }

    /// Nothing was dialed: callers are served by another host's connection.
    fn share(&self, live: &Arc<Live>, permit: Permit) {
        let host = &self.host;
        host.borrow_connection(live);
        {
            let mut queue = host.queue().lock();
            queue.protocol = Some(Protocol::Http2);
            queue.failures = 0;
        }
        host.connected();
        host.serve();
        host.queue().lock().dialing -= 1;
        drop(permit);
        host.scale();
    }

    /// Nothing was dialed, nor is it needed any more.
    fn leave(&self, permit: Permit) {
        let host = &self.host;
        host.queue().lock().dialing -= 1;
        drop(permit);
        // Whoever came meanwhile may need it after all.
        host.scale();
    }

    fn succeed(&self, dialed: Dialed, permit: Permit, purpose: Purpose) {
        let host = &self.host;
        let Some(shared) = host.shared() else {
            return self.fail(Error::new(ErrorKind::PoolClosed), permit, purpose);
        };
        let config = shared.config();
        let protocol = match dialed.sender {
            Sender::Http1(_) => Protocol::Http1,
            Sender::Http2(..) => Protocol::Http2,
            Sender::Stream(_) => host.key().origin.scheme().transport(),
        };
        let lifetime = config
            .max_lifetime()
            .mul_f64(rand::rng().random_range(SHORTEST_LIFETIME..=1.0));
        let max_streams = config.streams_per_connection();
        let now = shared.clock.now();
        let admission = Admission {
            host: Arc::clone(host),
            profile: self.profile.clone(),
            permit,
            fresh: matches!(purpose, Purpose::Demand),
            now,
            expires: now.saturating_add(millis(lifetime)),
            max_streams,
            accept_language: shared
                .defaults
                .load()
                .accept_language
                .draw(&mut rand::rng()),
            generation: self.generation,
        };
        let (live, driver) = Live::admit(dialed, admission);
        {
            let mut queue = host.queue().lock();
            queue.members.push(Arc::clone(&live));
            queue.protocol = Some(protocol);
            queue.failures = 0;
            queue.kept_out = None;
            // Whether this one lasts is yet to be seen.
            if !queue.is_flapping() {
                queue.dial_again = None;
            }
        }
        host.publish(|host| PoolEvent::ConnectionAdded {
            id: live.entry().id(),
            host,
            address: live.address(),
            protocol,
            profile: Arc::clone(live.profile().name()),
            timing: live.timing(),
        });
        host.connected();
        live.observe();
        live.limit_streams(&shared.config);
        shared.counters.connection_opened();
        if matches!(purpose, Purpose::Newcomer(_)) {
            shared.counters.new_address_opened();
        }
        shared
            .tasks
            .spawn_on(drive(Arc::clone(&live), driver), &shared.runtime);
        if !shared.permits_address(&live) {
            // The list changed while it was dialed.
            live.drain(CloseReason::AddressDenied);
        }
        host.add(&live);
        if live.generation() != shared.generation() {
            // A flush that came between found it neither among the old ones nor among those that are dialed.
            live.drain(CloseReason::Flushed);
        }
        if live.slot().usage().draining {
            // It began to drain before it was added.
            host.forget(&live);
        }
        if shared.is_closed() {
            live.drain(CloseReason::Shutdown);
        }
        // It counts as a dial until those who wait have been served: else one of them could dial for what is already there.
        host.serve();
        host.queue().lock().dialing -= 1;
        host.scale();
        if shared.permits.is_starving() {
            // Its callers may have left: then it is idle, and others wait for a place.
            shared.make_room();
        }
        if let Purpose::Warmth(Some(report)) = purpose {
            // Whoever asked may have left.
            let _ = report.send(Ok(()));
        }
    }

    fn fail(&self, error: Error, permit: Permit, purpose: Purpose) {
        let host = &self.host;
        if let Some(shared) = host.shared() {
            shared.counters.dial_failed();
        }
        let error = error.with_host(host.key().origin.host());
        if error.kind() == ErrorKind::LimitReached {
            // Nothing failed: there was no place.
            host.queue().lock().dialing -= 1;
            host.look_soon();
            host.tell_failed(&error, self.begun);
            if let Purpose::Warmth(Some(report)) = purpose {
                let _ = report.send(Err(error.clone()));
            }
            drop(permit);
            return host.wait_for_address(error);
        }
        if self.taken_back(&error, &purpose) {
            host.tell_failed(&error, self.begun);
            drop(permit);
            return host.scale();
        }
        let hopeless = {
            let mut queue = host.queue().lock();
            queue.dialing -= 1;
            // Dials that were under way at the same time and failed are one failure: none of them knew of the others.
            if queue.failed_at.is_none_or(|last| self.begun >= last) {
                let now = Instant::now();
                queue.failures = queue.failures.saturating_add(1);
                queue.failed_at = Some(now);
                queue.dial_again = Some(now + backoff(queue.failures));
            }
            // Under the same lock: whoever comes after this dials for himself.
            match queue.dialing == 0 && !queue.has_open() {
                true => host.dismiss(&mut queue),
                false => Vec::new(),
            }
        };
        host.look_soon();
        host.tell_failed(&error, self.begun);
        if counts_as_failure(&error) {
            host.dialed_badly();
        }
        host.failed(&error);
        tell(hopeless, &error);
        if let Purpose::Warmth(Some(report)) = purpose {
            let _ = report.send(Err(error));
        }
        // Last: whoever gets the place finds everything else settled.
        drop(permit);
    }

    /// A server that is being reloaded takes back what its old process still accepts: the first such is taken for chance, as one that
    /// is taken back a moment later [is](crate::pool::acquire::Queue::ended).
    fn taken_back(&self, error: &Error, purpose: &Purpose) -> bool {
        if error.kind() != ErrorKind::GoAway || !matches!(purpose, Purpose::Demand) {
            return false;
        }
        let mut queue = self.host.queue().lock();
        let chance = queue.taken_back();
        if chance {
            queue.dialing -= 1;
        }
        chance
    }
}

impl Drop for Attempt {
    /// The runtime ended before the dial did.
    fn drop(&mut self) {
        if let Some((permit, purpose)) = self.pending.take() {
            self.fail(Error::new(ErrorKind::RuntimeGone), permit, purpose);
        }
    }
}
