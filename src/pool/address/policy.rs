//! What one dial is told about addresses, and what it tells of them.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::book::{Admitted, Book, Refusal};
use super::choice::{Need, affinity, order, stickiness};
use super::turns::Turns;
use crate::config::Config;
use crate::dial::{AddressPermit, AddressPolicy};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::events::PoolEvent;
use crate::pool::host::HostPool;
use crate::pool::key::HostKey;
use crate::resolve::Families;

/// What a host keeps for choosing among its addresses.
#[derive(Debug)]
pub(in crate::pool) struct HostAddresses {
    book: Arc<Book>,
    number: u64,
    /// Counts its dials.
    turn: AtomicUsize,
    sticky: u64,
    dials: Turns,
    /// Dials for which nobody waits, and that wait for a place at an address.
    patient: AtomicUsize,
    /// There may be a place for one of them.
    place: Notify,
}

impl HostAddresses {
    pub(in crate::pool) fn new(book: &Arc<Book>, key: &HostKey, config: &Config) -> Self {
        Self {
            book: Arc::clone(book),
            number: book.number(),
            turn: AtomicUsize::new(0),
            sticky: stickiness(&key.origin, key.partition.as_deref()),
            dials: Turns::new(config.max_dials_per_host()),
            patient: AtomicUsize::new(0),
            place: Notify::new(),
        }
    }

    /// How much the host sticks to an address.
    pub(in crate::pool) fn affinity(&self, address: SocketAddr) -> u64 {
        affinity(self.sticky, address)
    }

    pub(in crate::pool) fn weight_of(&self, address: IpAddr) -> u32 {
        self.book.weight_of(address)
    }

    /// The host's number in the book.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn book(&self) -> &Book {
        &self.book
    }

    pub(super) fn patient(&self) -> &AtomicUsize {
        &self.patient
    }

    pub(super) fn place(&self) -> &Notify {
        &self.place
    }

    /// The right to one more dial to the host.
    pub(in crate::pool) fn dials(&self) -> &Turns {
        &self.dials
    }
}

/// One dial's.
#[derive(Debug)]
pub(in crate::pool) struct DialPolicy {
    host: Arc<HostPool>,
    config: Arc<Config>,
    need: Need,
    /// To be tried before all others.
    preferred: Option<SocketAddr>,
    turn: OnceLock<usize>,
    /// Attempts that have not ended.
    attempts: Mutex<Vec<Arc<Attempt>>>,
}

#[derive(Debug)]
struct Attempt {
    host: Arc<HostPool>,
    config: Arc<Config>,
    address: SocketAddr,
    admitted: Admitted,
    begun: Instant,
    /// It failed or became a connection.
    ended: AtomicBool,
}

/// Given back when the attempt, and the connection that it became, is over.
struct Place(Arc<Attempt>);

impl DialPolicy {
    /// `urgent`: callers wait, and nothing else can serve them.
    pub(in crate::pool) fn new(host: &Arc<HostPool>, config: Arc<Config>, urgent: bool) -> Self {
        Self {
            host: Arc::clone(host),
            config,
            need: if urgent {
                Need::Urgent
            } else {
                Need::Unhurried
            },
            preferred: None,
            turn: OnceLock::new(),
            attempts: Mutex::default(),
        }
    }

    /// Tries this address before all others, if the name service still names it.
    pub(in crate::pool) fn preferring(mut self, address: Option<SocketAddr>) -> Self {
        self.preferred = address;
        self
    }

    fn take(&self, address: SocketAddr) -> Option<Arc<Attempt>> {
        let mut attempts = self.attempts.lock();
        let at = attempts
            .iter()
            // One that was given up, as where a session was refused, may have a successor.
            .position(|attempt| {
                attempt.address == address && !attempt.ended.load(Ordering::Acquire)
            })?;
        Some(attempts.swap_remove(at))
    }
}

impl AddressPolicy for DialPolicy {
    fn named(&self) -> Option<&[SocketAddr]> {
        self.host.key().addresses.as_deref()
    }

    fn order(&self, resolved: Vec<SocketAddr>, families: Families) -> Result<Vec<SocketAddr>> {
        self.host.addresses_named(&resolved, families);
        let addresses = self.host.addresses();
        let candidates = addresses
            .book
            .candidates(resolved, addresses.number, &self.config);
        // One for each dial, however often it learns of more addresses.
        let turn = *self
            .turn
            .get_or_init(|| addresses.turn.fetch_add(1, Ordering::Relaxed));
        let mut ordered = order(
            candidates,
            self.config.balance(),
            self.need,
            turn,
            addresses.sticky,
            &mut rand::rng(),
        );
        // Stable: the others keep their order.
        ordered.sort_by_key(|address| Some(*address) != self.preferred);
        Ok(ordered)
    }

    fn begin(&self, address: SocketAddr) -> Result<AddressPermit> {
        let HostAddresses { book, number, .. } = self.host.addresses();
        let admitted = book
            .begin(address, *number, &self.config)
            .map_err(|refusal| {
                if let Refusal::Full(full) = refusal {
                    self.host.limit_reached(full.limit, full.most, full.most);
                }
                refused(refusal, address)
            })?;
        let attempt = Arc::new(Attempt {
            host: Arc::clone(&self.host),
            config: Arc::clone(&self.config),
            address,
            admitted,
            begun: Instant::now(),
            ended: AtomicBool::new(false),
        });
        self.attempts.lock().push(Arc::clone(&attempt));
        Ok(Box::new(Place(attempt)))
    }

    fn announced(&self, speaks_http2: bool) {
        self.host.protocol_announced(speaks_http2);
    }

    fn ended(&self, address: SocketAddr, outcome: std::result::Result<Duration, &Error>) {
        let Some(attempt) = self.take(address) else {
            return;
        };
        if attempt.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        match outcome {
            Ok(elapsed) => attempt.opened(elapsed),
            Err(error) => attempt.failed(error),
        }
    }

    fn inconclusive(&self, address: SocketAddr) {
        let Some(attempt) = self.take(address) else {
            return;
        };
        if !attempt.ended.swap(true, Ordering::AcqRel) {
            let HostAddresses { book, number, .. } = self.host.addresses();
            book.inconclusive(address, *number, attempt.admitted);
        }
    }
}

impl Attempt {
    fn opened(&self, elapsed: Duration) {
        let HostAddresses { book, number, .. } = self.host.addresses();
        if book.opened(self.address, *number, elapsed) {
            tracing::info!(address = %self.address, "off the blacklist");
            if let Some(shared) = self.host.shared() {
                shared.counters.address_unlisted();
            }
            let address = self.address;
            self.host
                .publish(|host| PoolEvent::AddressUnlisted { host, address });
        }
        // One attempt less is under way there.
        book.wake(self.address);
    }

    fn failed(&self, error: &Error) {
        let HostAddresses { book, number, .. } = self.host.addresses();
        let name = self.host.key().origin.shared_host();
        let listed = book.failed(
            self.address,
            (*number, name),
            error,
            self.admitted,
            &self.config,
        );
        if let Some((term, for_all_hosts)) = listed {
            tell_listed(&self.host, self.address, for_all_hosts, error, term);
        }
    }
}

pub(super) fn tell_listed(
    host: &HostPool,
    address: SocketAddr,
    for_all_hosts: bool,
    error: &Error,
    term: Duration,
) {
    tracing::warn!(%address, ?term, %error, "blacklisted");
    if let Some(shared) = host.shared() {
        shared.counters.address_listed();
    }
    host.publish(|host| PoolEvent::AddressListed {
        host,
        address,
        for_all_hosts,
        error: error.clone(),
        term,
    });
}

impl Drop for Place {
    fn drop(&mut self) {
        let attempt = &self.0;
        let HostAddresses { book, number, .. } = attempt.host.addresses();
        if !attempt.ended.swap(true, Ordering::AcqRel) {
            let elapsed = attempt.begun.elapsed();
            let failure = book.given_up(attempt.address, *number, attempt.admitted, elapsed);
            if let Some(error) = failure {
                attempt.failed(&error.with_address(attempt.address));
            }
        }
        book.leave(attempt.address);
    }
}

fn refused(refusal: Refusal, address: SocketAddr) -> Error {
    let detail = match refusal {
        Refusal::Full(full) => {
            let most = full.most;
            format!("{}: {most} of {most} at {address}", full.limit)
        }
        Refusal::Probed => format!("{address} is on probation, and another connection probes it"),
    };
    Error::new(ErrorKind::LimitReached)
        .with_detail(detail)
        .with_address(address)
}
