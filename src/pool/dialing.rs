//! When to dial, and what becomes of a dial.

use std::net::SocketAddr;
use std::sync::Arc;

use rand::RngExt;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument;

use super::address::DialPolicy;
use super::backoff::backoff;
use super::breaker::counts;
use super::clock::millis;
use super::dials::Dials;
use super::driving::drive;
use super::events::{Limit, PoolEvent};
use super::host::{HostPool, tell};
use super::live::{Admission, Live};
use super::permits::{Permit, Starving};
use super::shared::Shared;
use crate::dial::{Dialed, Dialer, Route, Sender};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::Profile;
use crate::registry::{CloseReason, Protocol};

/// A connection's lifetime is drawn between this part of the configured one and all of it.
const SHORTEST_LIFETIME: f64 = 0.9;

/// A server that allows no stream on a connection (MAX_CONCURRENT_STREAMS 0) may only want to be rid of that one; when it allows none
/// on the next either, a third would not help.
const MOST_BARRED: usize = 2;

/// Why a dial is made, and whom to tell.
#[derive(Debug)]
enum Purpose {
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
    /// Dials as much as the waiting callers call for and the limits allow.
    pub(super) fn scale(self: &Arc<Self>) {
        let Some(shared) = self.shared() else {
            return;
        };
        while self.reserve_dial(&shared) {
            match shared.permits.try_acquire() {
                Some(permit) => self.start(&shared, permit, Purpose::Demand),
                None => return self.starve(&shared),
            }
        }
    }

    /// Dials one connection to have it warm. False when a limit forbids it; then `report` is dropped.
    pub(super) fn warm(self: &Arc<Self>, report: Option<Report>) -> bool {
        self.dial_ahead(Purpose::Warmth(report), usize::MAX)
    }

    /// As [`warm`](Self::warm), where fewer than `wanted` are open or being dialed at that moment: two who count before they dial would
    /// together dial too many.
    pub(super) fn warm_up_to(self: &Arc<Self>, wanted: usize, report: Option<Report>) -> bool {
        self.dial_ahead(Purpose::Warmth(report), wanted)
    }

    /// Dials one connection to have this address warm. False when a limit forbids it.
    pub(super) fn warm_at(self: &Arc<Self>, address: SocketAddr) -> bool {
        self.dial_ahead(Purpose::Newcomer(address), usize::MAX)
    }

    fn dial_ahead(self: &Arc<Self>, purpose: Purpose, wanted: usize) -> bool {
        let Some(shared) = self.shared() else {
            return false;
        };
        let Some(permit) = shared.permits.try_acquire() else {
            let permits = &shared.permits;
            self.limit_reached(Limit::MaxConnections, permits.used(), permits.limit());
            return false;
        };
        {
            let mut queue = self.queue().lock();
            let most = shared.config().max_connections_per_host();
            let full = queue.members.len() + queue.dialing >= most;
            let enough = queue.open() + queue.dialing >= wanted;
            if queue.closed || queue.retired || full || enough {
                // The permit is given back after the lock.
                drop(queue);
                return false;
            }
            queue.dialing += 1;
        }
        self.start(&shared, permit, purpose);
        true
    }

    /// Nobody gets a connection here any more; idle ones close, those in use when they are returned.
    pub(super) fn close(self: &Arc<Self>) {
        self.queue().lock().closed = true;
        self.fail_waiters(&self.closed());
        for live in self.connections().iter() {
            live.drain(CloseReason::Shutdown);
        }
    }

    /// Counts a dial that the waiting callers call for; false when they call for none, or a limit of this host forbids it.
    fn reserve_dial(&self, shared: &Shared) -> bool {
        let mut queue = self.queue().lock();
        let most = shared.config().max_connections_per_host();
        let paused = queue.is_paused() && (queue.is_flapping() || queue.has_open());
        if queue.closed
            || paused
            || queue.is_kept_out()
            || queue.dialing >= queue.wanted_dials()
            || queue.barred() >= MOST_BARRED
        {
            return false;
        }
        let there = queue.members.len() + queue.dialing;
        if there >= most {
            drop(queue);
            self.limit_reached(Limit::MaxConnectionsPerHost, there, most);
            return false;
        }
        queue.dialing += 1;
        true
    }

    /// The host's HTTPS records say what it speaks: until a connection shows it, callers of an HTTP/1.1 host get a dial each.
    pub(super) fn protocol_announced(self: &Arc<Self>, speaks_http2: bool) {
        if self.key().only_protocol().is_some() {
            return;
        }
        let announced = match speaks_http2 {
            true => Protocol::Http2,
            false => Protocol::Http1,
        };
        let is_news = {
            let mut queue = self.queue().lock();
            queue.announced.replace(announced) != Some(announced) && queue.protocol.is_none()
        };
        if is_news && announced == Protocol::Http1 {
            self.scale();
        }
    }

    /// Every place in the pool is taken: one that is idle makes room, and this host is scaled again when a place is given back.
    fn starve(self: &Arc<Self>, shared: &Shared) {
        let newly = {
            let mut queue = self.queue().lock();
            queue.dialing -= 1;
            !std::mem::replace(&mut queue.starved, true)
        };
        if newly {
            shared.permits.starve(self);
        }
        let permits = &shared.permits;
        self.limit_reached(Limit::MaxConnections, permits.used(), permits.limit());
        // A place given back between the attempt and the registration would otherwise be seen by nobody.
        if !shared.permits.relieve_next() && !self.has_closing() {
            shared.make_room();
        }
    }

    /// Whether one of its own connections is about to give its place back.
    fn has_closing(&self) -> bool {
        let closing = |live: &Arc<Live>| {
            let usage = live.slot().usage();
            usage.draining && usage.in_use == 0
        };
        self.queue().lock().members.iter().any(closing)
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

    fn start(self: &Arc<Self>, shared: &Arc<Shared>, permit: Permit, purpose: Purpose) {
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
}

/// What came of a dial.
enum Found {
    Dialed(Box<Dialed>),
    /// Another host's connection serves this one too.
    Shareable(Arc<Live>),
    /// What was dialed meanwhile serves everybody.
    Enough,
}

impl Starving for HostPool {
    /// A place was given back and this host has waited longest for one.
    fn relieve(self: &Arc<Self>) {
        self.queue().lock().starved = false;
        self.scale();
    }

    /// Whether callers still wait for the place that this host asked for; if not, it asks no more.
    fn is_starved(&self) -> bool {
        let mut queue = self.queue().lock();
        queue.starved &= queue.len() > 0;
        queue.starved
    }
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
        if counts(&error) {
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
}

impl Attempt {
    /// A server that is being reloaded takes back what its old process still accepts: the first such is taken for chance, as one that
    /// is taken back a moment later [is](Queue::ended).
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
