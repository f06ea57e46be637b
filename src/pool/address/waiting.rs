//! A host that finds no place at its addresses waits for one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use tokio::time::{Instant, timeout};

use crate::error::{Error, ErrorKind};
use crate::pool::acquire::Queue;
use crate::pool::host::HostPool;
use crate::pool::live::Live;
use crate::pool::shared::Shared;
use crate::registry::CloseReason;

/// A host that found its addresses full resolves again after so long, if nobody has told it that there is a place: addresses change.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a dial for which nobody waits may wait for a place.
#[derive(Debug)]
pub(in crate::pool) struct Patience {
    /// `None`: not at all.
    most: Option<Duration>,
    /// When it ends, once it has begun.
    end: Option<Instant>,
}

impl Patience {
    /// Whether to wait for a place, this being how the dial went.
    pub(in crate::pool) fn has_some_with(&mut self, error: &Error) -> bool {
        let Some(most) = self
            .most
            .filter(|_| error.kind() == ErrorKind::LimitReached)
        else {
            return false;
        };
        let now = Instant::now();
        now < *self.end.get_or_insert(now + most)
    }
}

impl HostPool {
    /// A dial's. One that callers wait for gives its place in the pool back, and another is made when there is one at an address; any
    /// other waits as long as it may take to connect.
    pub(in crate::pool) fn patience(&self, for_callers: bool) -> Patience {
        let shared = self.shared().filter(|_| !for_callers);
        Patience {
            most: shared.map(|shared| shared.config().connect_timeout()),
            end: None,
        }
    }

    /// A limit kept a dial of this host's from any of its addresses. Whoever waits goes on waiting, and the host dials again when
    /// there may be a place.
    pub(in crate::pool) fn wait_for_address(self: &Arc<Self>, error: Error) {
        if self.waiting() > 0 {
            self.queue_for_address(error);
        }
    }

    /// Returns when there may be a place, for a dial that a limit kept from any of the host's addresses. Cancel-safe.
    pub(in crate::pool) async fn wait_for_place(self: &Arc<Self>, error: Error) {
        let patient = Patient::one_more_of(self);
        let place = self.addresses().place().notified();
        self.queue_for_address(error);
        // Jittered: those that found the same address full do not all look again at once.
        let look_again = LOOK_AGAIN.mul_f64(rand::rng().random_range(0.5..=1.0));
        // Passing the time is the other way to go on.
        let _ = timeout(look_again, place).await;
        drop(patient);
    }

    fn queue_for_address(self: &Arc<Self>, error: Error) {
        let (Some(shared), Some(address)) = (self.shared(), error.address()) else {
            return;
        };
        self.queue().lock().kept_out = Some((error, Instant::now()));
        let book = &shared.book;
        book.wait(address, Arc::downgrade(self));
        let config = shared.config();
        if book.lacks_connections(address, &config) {
            // Nothing is closed for a connection that nobody waits for.
            if self.waiting() > 0 {
                shared.make_room_at(address);
            }
        } else if book.is_open_to(address, self.addresses().number(), &config) {
            // What changed between the attempt and the registration would otherwise be seen by nobody.
            book.wake(address);
        }
    }

    /// There may be a place at this address. False when nobody waits for one any more.
    pub(super) fn try_again(self: &Arc<Self>, address: SocketAddr) -> bool {
        let kept_out = self.queue().lock().kept_out.take().is_some();
        let patient = self.addresses().patient().load(Ordering::SeqCst);
        if patient > 1 {
            // The others' turn comes after that of the hosts that are in the line already.
            self.addresses().book().wait(address, Arc::downgrade(self));
        }
        if patient > 0 {
            self.addresses().place().notify_one();
            return true;
        }
        let wanted = kept_out && self.waiting() > 0;
        if wanted {
            self.scale();
        }
        wanted
    }
}

/// A dial that waits for a place, counted.
struct Patient(Arc<HostPool>);

impl Patient {
    fn one_more_of(host: &Arc<HostPool>) -> Self {
        host.addresses().patient().fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(host))
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        self.0.addresses().patient().fetch_sub(1, Ordering::SeqCst);
    }
}

impl Live {
    /// It has become idle: if callers of another host wait for a place at its address, and connections are what takes it, it makes
    /// room.
    pub(in crate::pool) fn make_room_at_address(self: &Arc<Self>) {
        let book = self.host().addresses().book();
        if !book.is_wanted(self.address()) {
            return;
        }
        let lacks = |shared: Arc<Shared>| book.lacks_connections(self.address(), &shared.config());
        if self.host().shared().is_some_and(lacks) {
            self.close_if_idle(CloseReason::Evicted);
        }
    }
}

impl Queue {
    /// Whether dials wait for a place at the host's addresses. Not for ever: the host may have other addresses by now.
    pub(in crate::pool) fn is_kept_out(&self) -> bool {
        let since = self.kept_out.as_ref().map(|(_, since)| since.elapsed());
        since.is_some_and(|elapsed| elapsed < LOOK_AGAIN)
    }
}

impl Shared {
    /// Closes an idle connection at this address, whichever host's, the least recently used first; one that is kept warm only where
    /// there is no other.
    fn make_room_at(&self, address: SocketAddr) {
        let mut least: Option<((bool, u64), Arc<_>)> = None;
        for host in self.hosts.all() {
            for (position, live) in host.connections().iter().enumerate() {
                let usage = live.slot().usage();
                if live.address() != address || usage.in_use > 0 || usage.draining {
                    continue;
                }
                let worth = (position < host.keep_warm(), live.slot().last_used());
                if least.as_ref().is_none_or(|(other, _)| worth < *other) {
                    least = Some((worth, Arc::clone(live)));
                }
            }
        }
        if let Some((_, live)) = least {
            live.close_if_idle(CloseReason::Evicted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use crate::dial::AddressPolicy;
    use crate::error::ErrorKind;
    use crate::pool::address::DialPolicy;
    use crate::pool::{Pool, Target};

    /// Somebody listens, and every dial counts.
    #[tokio::test]
    async fn who_finds_an_address_probed_waits_for_the_end_of_that() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pool = Pool::builder()
            .blacklist_after(1)
            .blacklist_term(Duration::from_millis(1))
            .acquire_timeout(Duration::from_millis(300))
            .build()
            .unwrap();
        let target = Target::parse(&format!("http://{address}")).unwrap();
        let one = pool.host_pool(&target.clone().partition("one")).unwrap();
        let dial = || DialPolicy::new(&one, pool.config(), true);
        let failing = dial();
        let place = failing.begin(address).unwrap();
        failing.ended(address, Err(&ErrorKind::ConnectRefused.into()));
        drop(place);
        while !pool.blacklist().list()[0].is_on_probation() {
            tokio::task::yield_now().await;
        }
        let probe = dial();
        let place = probe.begin(address).unwrap();
        let other = target.partition("other");
        let error = pool.get(&other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AcquireTimeout, "{error}");
        assert!(error.to_string().contains("probation"), "{error}");
        let dials = pool.stats().dials_started;
        assert!(dials < 5, "{dials} dials");
        let end = async {
            while pool.stats().waiting == 0 {
                tokio::task::yield_now().await;
            }
            probe.ended(address, Ok(Duration::from_millis(1)));
            drop(place);
        };
        let (found, ()) = tokio::join!(pool.get(&other), end);
        assert_eq!(found.unwrap().remote_addr(), address);
    }
}
