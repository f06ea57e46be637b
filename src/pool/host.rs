//! One host's connections and the callers that wait for them.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::acquire::{Choosing, Grant, Lease, Line, Queue, Turnstile};
use super::address::HostAddresses;
use super::clock::{Clock, millis};
use super::deadline::by;
use super::dialing::{Lane, Permits};
use super::events::{Limit, PoolEvent, Voice};
use super::health::{Breaker, Performance, RetryBudget, Steady};
use super::key::HostKey;
use super::live::Live;
use super::shared::Shared;
use super::sync::Mutex;
use super::upkeep::Census;
use crate::error::{Error, ErrorKind, Result};

/// How long a server that went away because it was asked too often is asked only where somebody wants to use it.
const CALM: Duration = Duration::from_secs(600);

/// Everything the pool knows about one [`HostKey`].
///
/// Handing out an idle connection touches the snapshot and one connection's word. The lock is taken only by callers that must
/// wait, and by what serves them.
#[derive(Debug)]
pub(super) struct HostPool {
    key: Arc<HostKey>,
    shared: Weak<Shared>,
    permits: Arc<Permits>,
    /// Where the pool's tasks run, and which there are: a connection in use outlives the pool's last handle.
    runtime: Handle,
    tasks: TaskTracker,
    clock: Arc<Clock>,
    /// Whether each use of a connection is noted.
    tracks_leases: AtomicBool,
    /// Its addresses are being asked for.
    pub(super) renewing: AtomicBool,
    /// When the housekeeper looks at this host next, in its rounds; `u64::MAX` when it need not.
    pub(super) next_look: AtomicU64,
    /// The housekeeper has turned away for long: whoever uses a connection calls it.
    pub(super) asleep: AtomicBool,
    /// Until when the server is to be left in peace, by the pool's clock in milliseconds.
    calm_until: AtomicU64,
    voice: Voice,
    /// The connections that may be handed out, oldest first.
    connections: ArcSwap<Vec<Arc<Live>>>,
    /// Another host's, whose server speaks for this one too.
    pub(super) borrowed: ArcSwap<Vec<Arc<Live>>>,
    /// Until when this host keeps to its own, by the pool's clock in milliseconds.
    pub(super) apart_until: AtomicU64,
    /// Among how many of them, the oldest, the load is spread.
    spread: AtomicUsize,
    choosing: Choosing,
    /// Connections to keep warm; not counted as idle.
    pub(super) keep_warm: AtomicUsize,
    /// Its part of the pool's [`census`](Shared::census).
    pub(super) census: Census,
    /// Until when none is kept warm all the same, by the pool's clock in milliseconds.
    pub(super) left_alone_until: AtomicU64,
    /// The idle window that the server last announced, in milliseconds.
    pub(super) announced_window: AtomicU64,
    /// Until when the same need not be noted again, by the pool's clock in milliseconds.
    pub(super) announced_until: AtomicU64,
    /// The pool's clock when somebody last asked, in milliseconds.
    last_asked: AtomicU64,
    /// How it answers; made with its first answer.
    pub(super) performance: OnceLock<Box<Performance>>,
    /// How it is doing, as of the housekeeper's last look.
    pub(super) health: Mutex<Steady>,
    addresses: HostAddresses,
    breaker: Breaker,
    retry_budget: RetryBudget,
    /// Where its dials wait among all the pool's.
    pub(super) lane: Lane,
    queue: Turnstile<Queue>,
}

impl HostPool {
    pub(super) fn new(key: HostKey, shared: &Arc<Shared>) -> Self {
        let clock = Arc::clone(&shared.clock);
        let now = clock.now();
        let only_protocol = key.only_protocol();
        Self {
            addresses: HostAddresses::new(&shared.book, &key, &shared.config()),
            breaker: Breaker::new(&shared.config()),
            retry_budget: RetryBudget::new(now),
            key: Arc::new(key),
            shared: Arc::downgrade(shared),
            permits: Arc::clone(&shared.permits),
            runtime: shared.runtime.clone(),
            tasks: shared.tasks.clone(),
            clock,
            tracks_leases: AtomicBool::new(shared.config().lease_age_alarm().is_some()),
            renewing: AtomicBool::new(false),
            next_look: AtomicU64::new(u64::MAX),
            asleep: AtomicBool::new(false),
            calm_until: AtomicU64::new(0),
            voice: shared.voice.another(),
            connections: ArcSwap::default(),
            borrowed: ArcSwap::default(),
            apart_until: AtomicU64::new(0),
            spread: AtomicUsize::new(1),
            choosing: Choosing::new(&shared.config()),
            keep_warm: AtomicUsize::new(0),
            census: Census::default(),
            left_alone_until: AtomicU64::new(0),
            announced_window: AtomicU64::new(u64::MAX),
            announced_until: AtomicU64::new(0),
            last_asked: AtomicU64::new(now),
            performance: OnceLock::new(),
            health: Mutex::default(),
            lane: shared.dials.lane(),
            queue: Turnstile::new(Queue::new(only_protocol)),
        }
    }

    pub(super) fn key(&self) -> &Arc<HostKey> {
        &self.key
    }

    pub(super) fn choosing(&self) -> &Choosing {
        &self.choosing
    }

    pub(super) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    pub(super) fn retry_budget(&self) -> &RetryBudget {
        &self.retry_budget
    }

    pub(super) fn addresses(&self) -> &HostAddresses {
        &self.addresses
    }

    pub(super) fn voice(&self) -> &Voice {
        &self.voice
    }

    pub(super) fn tracks_leases(&self) -> bool {
        self.tracks_leases.load(Ordering::Relaxed)
    }

    pub(super) fn track_leases(&self, tracks: bool) {
        self.tracks_leases.store(tracks, Ordering::Relaxed);
    }

    /// The pool's time, read and not remembered.
    pub(super) fn present(&self) -> u64 {
        self.clock.at(Instant::now())
    }

    /// What the pool's clock said at `instant`, or would have.
    pub(super) fn at(&self, instant: Instant) -> u64 {
        self.clock.at(instant)
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(super) fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.upgrade()
    }

    pub(super) fn queue(&self) -> &Mutex<Queue> {
        self.queue.line()
    }

    pub(super) fn connections(&self) -> Arc<Vec<Arc<Live>>> {
        self.connections.load_full()
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    pub(super) fn set_spread(&self, connections: usize) {
        self.spread.store(connections.max(1), Ordering::Relaxed);
    }

    /// The server found that it was asked too often.
    pub(super) fn calm_down(&self) {
        let until = self.clock.now().saturating_add(millis(CALM));
        self.calm_until.store(until, Ordering::Relaxed);
    }

    /// Whether the server is not to be asked unless somebody wants to use it.
    pub(super) fn is_calm(&self, now: u64) -> bool {
        now < self.calm_until.load(Ordering::Relaxed)
    }

    /// Until when the server is to be left in peace.
    pub(super) fn calm_until(&self) -> u64 {
        self.calm_until.load(Ordering::Relaxed)
    }

    pub(super) fn last_asked(&self) -> u64 {
        self.last_asked.load(Ordering::Relaxed)
    }

    /// Runs a task of one of this host's connections among the pool's.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.tasks.spawn_on(task, &self.runtime).abort_handle()
    }

    /// Waits, on whatever runtime the caller is.
    pub(super) async fn pause(&self, time: Duration) {
        // Passing the deadline is what is waited for.
        let _ = by(
            &self.runtime,
            Instant::now() + time,
            std::future::pending::<()>(),
        )
        .await;
    }

    /// A connection that is there and free: no lock, no allocation, no clock, no system call.
    ///
    /// Among the oldest, as many as the load needs, so that the younger ones become idle when it falls. Nobody passes those who already
    /// wait.
    pub(super) fn try_acquire(self: &Arc<Self>) -> Option<Lease> {
        if self.queue.waiting() > 0 || !self.breaker.is_closed() {
            return None;
        }
        let connections = self.connections.load();
        let spread = self.spread.load(Ordering::Relaxed);
        let choice = self.choosing.choice(&connections, spread);
        let chosen = connections.get(choice).and_then(Lease::try_new);
        chosen
            .or_else(|| connections.iter().find_map(Lease::try_new))
            .or_else(|| self.borrowed_lease())
    }

    /// As [`try_acquire`](Self::try_acquire), and if what is there must prove itself first, that begins.
    #[inline]
    pub(super) fn try_acquire_or_prove(self: &Arc<Self>) -> Option<Lease> {
        self.try_acquire().or_else(|| {
            self.prove();
            None
        })
    }

    /// Asks those that are held back because of their silence, oldest first, as many as the waiting callers need.
    pub(super) fn prove(&self) {
        let mut wanted = u32::try_from(self.waiting().max(1)).unwrap_or(u32::MAX);
        for live in self.connections.load().iter() {
            if wanted == 0 {
                return;
            }
            if live.may_be_proven() {
                live.ask(self.now());
                wanted = wanted.saturating_sub(live.slot().limit());
            }
        }
    }

    /// A connection, waiting for one if necessary until `deadline`. Cancel-safe: a caller that leaves is taken out of the queue, and
    /// what it was just being given goes to the next.
    pub(super) async fn acquire(self: &Arc<Self>, deadline: Instant) -> Result<Acquired> {
        if let Some(lease) = self.try_acquire() {
            return Ok(Acquired::Lease(lease));
        }
        let since = Instant::now();
        let Some(mut waiter) = self.enqueue()? else {
            return Ok(Acquired::Retired);
        };
        self.prove();
        // What became free between the attempt and the queueing would otherwise be seen by nobody.
        self.serve();
        self.scale();
        match by(&self.runtime, deadline, &mut waiter.granted).await {
            Ok(Ok(outcome)) => outcome.map(Acquired::Lease),
            // Only a runtime that ends drops a queue's promises unkept.
            Ok(Err(_)) => Err(Error::new(ErrorKind::RuntimeGone).with_host(self.key.origin.host())),
            Err(_) => Err(self.too_late(since)),
        }
    }

    /// Hands free connections to those who wait, oldest caller first.
    pub(super) fn serve(self: &Arc<Self>) {
        self.queue.serve(
            || {
                let own = self.first_free(Lease::try_new_awaited);
                own.or_else(|| self.borrowed_lease())
            },
            |grant: Grant, lease| match grant.send(Ok(lease)) {
                Err(Ok(lease)) => Err(lease),
                _ => Ok(()),
            },
        );
    }

    /// Gives every waiting caller this error.
    pub(super) fn fail_waiters(&self, error: &Error) {
        let grants = self.dismiss(&mut self.queue().lock());
        tell(grants, error);
    }

    /// Takes every caller out of the queue, to be [told](tell) why once the lock is free.
    pub(super) fn dismiss(&self, queue: &mut Queue) -> Vec<Grant> {
        let grants = std::iter::from_fn(|| queue.pop()).collect();
        self.queue.note(queue);
        grants
    }

    /// A use was given back, or a limit was raised.
    pub(super) fn released(self: &Arc<Self>, became_idle: bool) {
        if self.queue.waiting() > 0 {
            self.serve();
        } else if became_idle
            && self.permits.is_starving()
            && let Some(shared) = self.shared()
        {
            shared.make_room();
        }
    }

    /// A connection has closed.
    pub(super) fn lost(self: &Arc<Self>, live: &Arc<Live>) {
        self.queue()
            .lock()
            .members
            .retain(|other| !Arc::ptr_eq(other, live));
        self.look_soon();
    }

    /// A connection takes nobody any more.
    pub(super) fn withdraw(self: &Arc<Self>, live: &Arc<Live>) {
        self.forget(live);
        self.queue().lock().ended(live);
    }

    /// Those who waited for a connection that is gone may need a new one.
    pub(super) fn scale_if_awaited(self: &Arc<Self>) {
        if self.queue.waiting() > 0 {
            self.scale();
        }
    }

    /// Adds a connection to those that may be handed out.
    pub(super) fn add(self: &Arc<Self>, live: &Arc<Live>) {
        self.connections.rcu(|connections| {
            let mut more = Vec::with_capacity(connections.len() + 1);
            more.extend(connections.iter().cloned());
            more.push(Arc::clone(live));
            more
        });
        self.share_out();
        self.look_soon();
    }

    /// Takes a connection out of those that may be handed out.
    pub(super) fn forget(&self, live: &Arc<Live>) {
        self.connections.rcu(|connections| {
            let others = connections.iter().filter(|other| !Arc::ptr_eq(other, live));
            others.cloned().collect::<Vec<_>>()
        });
    }

    fn first_free(&self, take: impl FnMut(&Arc<Live>) -> Option<Lease>) -> Option<Lease> {
        self.connections.load().iter().find_map(take)
    }

    /// `None` when the host was retired from the pool's map.
    fn enqueue(self: &Arc<Self>) -> Result<Option<Waiter>> {
        let Some(shared) = self.shared.upgrade() else {
            return Err(self.closed());
        };
        self.pass_breaker(&shared.config())?;
        let (grant, granted) = oneshot::channel();
        let mut queue = self.queue().lock();
        if queue.closed || shared.is_closed() {
            return Err(self.closed());
        }
        if queue.retired {
            return Ok(None);
        }
        let limit = shared.config().max_waiters_per_host();
        if queue.len() >= limit {
            queue.refused_at = Some(Instant::now());
            drop(queue);
            self.limit_reached(Limit::MaxWaitersPerHost, limit, limit);
            return Err(Error::new(ErrorKind::QueueFull)
                .with_host(self.key.origin.host())
                .with_detail(format!(
                    "max_waiters_per_host: {limit} of {limit} already wait"
                )));
        }
        let id = queue.push(grant);
        self.queue.note(&queue);
        drop(queue);
        self.last_asked.store(self.clock.now(), Ordering::Relaxed);
        shared.schedule(self, self.clock.now());
        Ok(Some(Waiter {
            host: Arc::clone(self),
            id,
            granted,
        }))
    }

    pub(super) fn closed(&self) -> Error {
        Error::new(ErrorKind::PoolClosed).with_host(self.key.origin.host())
    }

    fn too_late(&self, since: Instant) -> Error {
        let error = self.why_late();
        self.publish(|host| PoolEvent::AcquireTimedOut {
            host,
            error: error.clone(),
            waited: since.elapsed(),
        });
        error
    }

    /// Which limit stood in the way until the deadline.
    fn why_late(&self) -> Error {
        let mut queue = self.queue().lock();
        let (dialing, open, waiting) = (queue.dialing, queue.members.len(), queue.len());
        if dialing == 0 && (open > 0 || queue.starved) {
            queue.refused_at = Some(Instant::now());
        }
        let barred = queue.barred();
        let kept_out = queue.kept_out.as_ref().map(|(error, _)| error.to_string());
        drop(queue);
        if let Some(kept_out) = kept_out {
            return Error::new(ErrorKind::AcquireTimeout)
                .with_host(self.key.origin.host())
                .with_detail(format!("{kept_out}; {waiting} callers wait"));
        }
        let shared = self.shared.upgrade();
        let dials_ahead = shared
            .as_ref()
            .and_then(|shared| shared.dials.in_the_way_of(self.lane));
        let detail = match (shared, dials_ahead) {
            (Some(shared), Some(dials)) if dialing > 0 => {
                let most = shared.config().max_dials();
                format!("max_dials: {dials} of {most} under way, this host waits for {dialing}")
            }
            (Some(shared), _) if dialing > 0 && self.addresses.dials().are_all_taken() => {
                let most = shared.config().max_dials_per_host();
                format!("max_dials_per_host: {most} of {most} under way, {waiting} callers wait")
            }
            _ if dialing > 0 => format!("{dialing} dials are still under way"),
            _ if barred > 0 && barred == open => {
                format!(
                    "the server allows no stream on {barred} connections, {waiting} callers wait"
                )
            }
            (Some(shared), _) if open >= shared.config().max_connections_per_host() => {
                format!("max_connections_per_host: {open} of {open} in use, {waiting} callers wait")
            }
            (Some(_), _) if self.permits.used() >= self.permits.limit() => format!(
                "max_connections: {} of {} in use, {waiting} callers of this host wait",
                self.permits.used(),
                self.permits.limit()
            ),
            _ => format!("{open} connections in use, {waiting} callers wait"),
        };
        Error::new(ErrorKind::AcquireTimeout)
            .with_host(self.key.origin.host())
            .with_detail(detail)
    }
}

/// What became of an acquisition.
#[derive(Debug)]
pub(super) enum Acquired {
    Lease(Lease),
    /// The host left the pool's map: look it up again.
    Retired,
}

/// Gives callers that were waiting this error.
pub(super) fn tell(grants: Vec<Grant>, error: &Error) {
    for grant in grants {
        // A caller that left needs no error.
        let _ = grant.send(Err(error.clone()));
    }
}

/// A place in the queue; leaving it takes the caller out.
struct Waiter {
    host: Arc<HostPool>,
    id: u64,
    granted: oneshot::Receiver<Result<Lease>>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.host.queue.leave(self.id);
        // Else it was served: a lease still in the channel goes back when the receiver is dropped, after the lock.
    }
}
