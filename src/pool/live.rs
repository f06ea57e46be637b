//! One open connection, from the end of its dial to the end of its driver.

mod admission;
mod driving;
mod ending;
mod eviction;
mod head_limit;
mod http1_sender;
mod resets;
mod watcher;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::acquire::{Candidate, Leases, Preference, Slot, Usage};
use super::dialing::Permit;
use super::health::{Asked, PeakEwma};
use super::host::HostPool;
use super::key::Key;
use crate::dial::{
    AddressPermit, DialTiming, Http2Sender, Kind, Origin, Pinger, Sender, SocketView, TakenStream,
    TlsInfo,
};
use crate::profile::Profile;
use crate::registry::{CloseReason, Entry, Health, Protocol, Registration};
use crate::shape::h2::Http2Peer;

pub(super) use admission::Admission;
pub(super) use driving::drive;
pub(super) use eviction::Eviction;
use resets::Resets;

/// A connection that the pool hands out, while it is open.
pub(crate) struct Live {
    slot: Slot,
    key: Key,
    host: Arc<HostPool>,
    profile: Profile,
    registration: Registration,
    /// What is known of the server, for HTTP/2.
    peer: Option<Arc<Http2Peer>>,
    pinger: Option<Arc<Pinger>>,
    socket: SocketView,
    asked: Asked,
    resets: Mutex<Resets>,
    /// Other hosts that have it on loan.
    guests: Mutex<Vec<Weak<HostPool>>>,
    has_guests: AtomicBool,
    leases: Leases,
    latency: PeakEwma,
    preference: Preference,
    /// The pool's clock when it was opened, in milliseconds.
    opened: u64,
    /// Gone once the connection is to close: HTTP connections end when their last sender does.
    sender: Mutex<Option<Sender>>,
    /// An HTTP/1.1 exchange is under way, from the request to the end of the response's body.
    busy: AtomicBool,
    tls: Option<TlsInfo>,
    timing: DialTiming,
    /// What its requests say instead of the profile's `accept-language`.
    accept_language: Option<HeaderValue>,
    /// Nobody has been given it yet, and somebody's call made it.
    fresh: AtomicBool,
    /// How often the pool had been flushed when its dial began.
    generation: u64,
    /// The most streams that this side uses at the same time.
    max_streams: AtomicU32,
    /// What a response's head may weigh, in bytes.
    head_limit: u32,
    /// What its proxy was asked to connect to, where that was an address.
    beyond: Option<SocketAddr>,
    /// The pool's clock when its lifetime ends, in milliseconds.
    expires: u64,
    permits: Mutex<Option<(Permit, AddressPermit)>>,
    /// Its health in the registry, to be looked at without a lock.
    suspected: AtomicBool,
    /// It answers much later than another of its host's does, as of the last round.
    pub(super) slow: AtomicBool,
    /// Whether it is counted among those that make room, or has ended.
    eviction: AtomicU8,
    /// Cuts the connection at once, whatever is under way.
    cut: CancellationToken,
}

impl Live {
    pub(super) fn leases(&self) -> &Leases {
        &self.leases
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    pub(super) fn pinger(&self) -> Option<&Arc<Pinger>> {
        self.pinger.as_ref()
    }

    pub(super) fn socket(&self) -> &SocketView {
        &self.socket
    }

    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// The server said how long it leaves an idle connection open.
    pub(crate) fn idle_window_announced(&self, window: Duration) {
        self.host.idle_window_announced(window);
    }

    /// Whether it has carried as many requests as it may.
    pub(super) fn is_worn(&self, max_requests: Option<usize>) -> bool {
        max_requests.is_some_and(|most| self.entry().stats().requests() >= most as u64)
    }

    /// How long answers take.
    pub(super) fn latency(&self) -> &PeakEwma {
        &self.latency
    }

    pub(super) fn guests(&self) -> &Mutex<Vec<Weak<HostPool>>> {
        &self.guests
    }

    pub(super) fn has_guests(&self) -> &AtomicBool {
        &self.has_guests
    }

    /// What speaks for it where several are free.
    pub(super) fn preference(&self) -> &Preference {
        &self.preference
    }

    fn resets(&self) -> &Mutex<Resets> {
        &self.resets
    }

    /// What it was made for.
    pub(super) fn origin(&self) -> &Origin {
        &self.key.host.origin
    }

    pub(crate) fn host_name(&self) -> &str {
        self.key.host.origin.host()
    }

    /// What it looks like.
    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    pub(crate) fn accept_language(&self) -> Option<&HeaderValue> {
        self.accept_language.as_ref()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.key.address
    }

    pub(super) fn beyond(&self) -> Option<SocketAddr> {
        self.beyond
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn host(&self) -> &Arc<HostPool> {
        &self.host
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        self.registration.entry()
    }

    pub(super) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(super) fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_ref()
    }

    pub(super) fn timing(&self) -> DialTiming {
        self.timing
    }

    pub(super) fn expires(&self) -> u64 {
        self.expires
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match (&self.peer, self.key.host.kind) {
            (Some(_), _) => Protocol::Http2,
            (None, Kind::Requests) => Protocol::Http1,
            (None, Kind::Stream) => self.key.host.origin.scheme().transport(),
        }
    }

    /// True for the first caller of a connection that was dialed because somebody called.
    pub(super) fn take_fresh(&self) -> bool {
        self.fresh.swap(false, Ordering::Relaxed)
    }

    /// What is known of the server; `None` for HTTP/1.1.
    pub(crate) fn peer(&self) -> Option<&Arc<Http2Peer>> {
        self.peer.as_ref()
    }

    /// The sender for HTTP/2 and what is known of the server; `None` when the connection is closing or speaks HTTP/1.1.
    pub(crate) fn http2(&self) -> Option<(Http2Sender, Arc<Http2Peer>)> {
        match &*self.sender.lock() {
            Some(Sender::Http2(sender, peer, _)) => Some((sender.clone(), Arc::clone(peer))),
            _ => None,
        }
    }

    /// The connection itself, for its one user; `None` when it has ended, or is one for requests.
    pub(super) fn take_stream(&self) -> Option<TakenStream> {
        match &*self.sender.lock() {
            Some(Sender::Stream(stream)) => stream.take(),
            _ => None,
        }
    }

    /// Runs a task of this connection's, such as a request's body on its way, among the pool's.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.host.spawn(task)
    }

    /// Waits, on whatever runtime the caller is.
    pub(crate) async fn pause(&self, time: Duration) {
        self.host.pause(time).await;
    }

    /// Marks an HTTP/1.1 exchange; false when one is under way.
    pub(crate) fn begin_exchange(&self) -> bool {
        !self.busy.swap(true, Ordering::AcqRel)
    }

    /// The exchange ended; the connection can carry another only if it ended cleanly.
    pub(crate) fn end_exchange(self: &Arc<Self>, clean: bool) {
        self.busy.store(false, Ordering::Release);
        if !clean {
            self.drain(CloseReason::LocalClose);
        }
    }

    /// A sign of trouble: evicted before healthy ones when room is needed.
    pub(crate) fn suspect(&self) {
        self.suspected.store(true, Ordering::Relaxed);
        self.registration.set_health(Health::Suspect);
    }

    /// An exchange ended well.
    pub(crate) fn vindicate(&self) {
        if self.suspected.load(Ordering::Relaxed) {
            self.suspected.store(false, Ordering::Relaxed);
            self.registration.set_health(Health::Healthy);
        }
    }

    /// Its guests' callers may have been waiting for this use.
    #[inline]
    pub(super) fn serve_guests(&self) {
        // SeqCst, as the lender's store: either this sees the guest, or the guest sees the use that was given back.
        if !self.has_guests.load(Ordering::SeqCst) {
            return;
        }
        for guest in self.guests_now() {
            guest.released(false);
        }
    }

    /// Gives one use back.
    pub(super) fn release(self: &Arc<Self>) {
        let Usage {
            in_use, draining, ..
        } = self.slot.release(self.host.now());
        if in_use == 0 && draining {
            self.close(CloseReason::LocalClose);
        }
        self.host.released(in_use == 0 && !draining);
        self.serve_guests();
        if in_use == 0 && !draining {
            self.make_room_at_address();
        }
    }

    pub(super) fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    fn sender(&self) -> &Mutex<Option<Sender>> {
        &self.sender
    }

    fn max_streams(&self) -> &AtomicU32 {
        &self.max_streams
    }

    pub(crate) fn head_limit(&self) -> u32 {
        self.head_limit
    }
}

impl Candidate for Arc<Live> {
    fn in_use(&self) -> u32 {
        self.slot.usage().in_use
    }

    fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    fn cost(&self) -> f64 {
        let latency = self.latency.load(self.host.now()).max(1.0);
        (f64::from(self.in_use()) + 1.0) * f64::from(latency)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("id", &self.entry().id())
            .field("host", &self.host_name())
            .field("address", &self.key.address)
            .field("usage", &self.slot.usage())
            .finish_non_exhaustive()
    }
}
