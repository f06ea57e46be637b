//! What hands connections out, in the orders in which threads can come by: `RUSTFLAGS="--cfg shuttle" cargo test --lib interleavings`.
//!
//! Shuttle lets only one thread run at a time, so it shows what is wrong with an order of steps; that a step could be seen in another
//! order by another processor, it does not show: with every ordering relaxed, or without the fences, these tests pass all the same.
//! A caller who waits for ever is a deadlock to it, and fails the test.
//!
//! The slots, the turnstile, the permits and the turns to dial are the pool's own; the hosts that use them are models of the pool's.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::{Mutex, mpsc};
use shuttle::thread;
use tokio::sync::oneshot;

use super::slot::Slot;
use super::turnstile::{Turnstile, Waiters};
use crate::pool::dialing::{Dials, Permit, Permits, Starving};

/// Enough to find each fault that was put in on purpose, in well under a minute altogether.
const RUNS: usize = 3_000;

/// Most faults need two threads to be interrupted at the wrong moments.
const INTERRUPTIONS: usize = 3;

fn tried(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(scenario.clone(), RUNS);
    shuttle::check_pct(scenario, RUNS, INTERRUPTIONS);
}

/// A host's connections and its callers, as `HostPool` has them.
struct Host {
    slots: Vec<Slot>,
    line: Turnstile<Waiters<oneshot::Sender<Lease>>>,
    inside: Vec<AtomicUsize>,
}

struct Lease {
    host: Arc<Host>,
    at: usize,
}

impl Host {
    fn new(limits: &[u32]) -> Arc<Self> {
        Arc::new(Self {
            slots: limits.iter().map(|limit| Slot::new(*limit, 0)).collect(),
            line: Turnstile::new(Waiters::default()),
            inside: limits.iter().map(|_| AtomicUsize::new(0)).collect(),
        })
    }

    fn first_free(self: &Arc<Self>) -> Option<Lease> {
        let at = self.slots.iter().position(Slot::try_acquire)?;
        let inside = self.inside[at].fetch_add(1, Ordering::SeqCst);
        assert!(inside < self.slots[at].limit() as usize);
        Some(Lease {
            host: Arc::clone(self),
            at,
        })
    }

    fn serve(self: &Arc<Self>) {
        let give = |grant: oneshot::Sender<Lease>, lease| {
            // Shuttle interrupts at its own locks and atomics, of which tokio's channel has none.
            thread::yield_now();
            grant.send(lease)
        };
        self.line.serve(|| self.first_free(), give);
    }

    fn enqueue(self: &Arc<Self>) -> Waiter {
        let (grant, granted) = oneshot::channel();
        let id = {
            let mut line = self.line.line().lock();
            let id = line.push(grant);
            self.line.note(&line);
            id
        };
        self.serve();
        Waiter {
            host: Arc::clone(self),
            id,
            granted,
        }
    }

    /// Waits for as long as it takes.
    fn acquire(self: &Arc<Self>) -> Lease {
        let free = || (self.line.waiting() == 0).then(|| self.first_free());
        match free().flatten() {
            Some(lease) => lease,
            None => block_on(&mut self.enqueue().granted).unwrap(),
        }
    }

    /// A use was given back, or a connection takes somebody again.
    fn released(self: &Arc<Self>) {
        if self.line.waiting() > 0 {
            self.serve();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.host.inside[self.at].fetch_sub(1, Ordering::SeqCst);
        self.host.slots[self.at].release(0);
        self.host.released();
    }
}

struct Waiter {
    host: Arc<Host>,
    id: u64,
    granted: oneshot::Receiver<Lease>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.host.line.leave(self.id);
    }
}

/// Each caller uses a connection twice.
fn callers(host: &Arc<Host>, count: usize) -> Vec<thread::JoinHandle<()>> {
    let caller = |_| {
        let host = Arc::clone(host);
        thread::spawn(move || {
            drop(host.acquire());
            drop(host.acquire());
        })
    };
    (0..count).map(caller).collect()
}

fn all(threads: impl IntoIterator<Item = thread::JoinHandle<()>>, host: &Host) {
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(host.line.waiting(), 0);
    assert!(host.slots.iter().all(|slot| slot.usage().in_use == 0));
}

#[test]
fn whoever_waits_is_served() {
    tried(|| {
        let host = Host::new(&[1]);
        all(callers(&host, 3), &host);
    });
    tried(|| {
        let host = Host::new(&[2, 1]);
        all(callers(&host, 4), &host);
    });
}

#[test]
fn what_a_caller_who_left_was_given_goes_to_the_next() {
    tried(|| {
        let host = Host::new(&[1]);
        let leaving = Arc::clone(&host);
        let leaving = thread::spawn(move || {
            let waiter = leaving.enqueue();
            thread::yield_now();
            drop(waiter);
        });
        all(callers(&host, 2).into_iter().chain([leaving]), &host);
    });
}

#[test]
fn a_raised_limit_and_a_readmission_are_for_those_who_wait() {
    tried(|| {
        let host = Host::new(&[0]);
        let raising = Arc::clone(&host);
        let raising = thread::spawn(move || {
            raising.slots[0].set_limit(1);
            raising.released();
        });
        all(callers(&host, 2).into_iter().chain([raising]), &host);
    });
    tried(|| {
        let host = Host::new(&[1]);
        let raising = Arc::clone(&host);
        let raising = thread::spawn(move || {
            raising.slots[0].set_limit(2);
            raising.released();
        });
        all(callers(&host, 2).into_iter().chain([raising]), &host);
    });
    tried(|| {
        let host = Host::new(&[1]);
        let doubting = Arc::clone(&host);
        let doubting = thread::spawn(move || {
            assert!(doubting.slots[0].hold());
            thread::yield_now();
            assert!(doubting.slots[0].readmit());
            doubting.released();
        });
        all(callers(&host, 2).into_iter().chain([doubting]), &host);
    });
}

/// Whoever finds that it drains and that nobody uses it closes it: one does, whoever is last.
#[test]
fn a_draining_connection_takes_nobody_and_is_closed_once() {
    tried(|| {
        let slot = Arc::new(Slot::new(2, 0));
        let (closed, drained) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let user = |_| {
            let (slot, closed) = (Arc::clone(&slot), Arc::clone(&closed));
            let drained = Arc::clone(&drained);
            thread::spawn(move || {
                let before = drained.load(Ordering::SeqCst);
                if slot.try_acquire() {
                    assert_eq!(before, 0, "acquired after it was drained");
                    let usage = slot.release(0);
                    let last = usage.draining && usage.in_use == 0;
                    closed.fetch_add(usize::from(last), Ordering::SeqCst);
                }
            })
        };
        let users: Vec<_> = (0..3).map(user).collect();
        let before = slot.drain();
        drained.store(1, Ordering::SeqCst);
        let idle = before.in_use == 0 && !before.draining;
        closed.fetch_add(usize::from(idle), Ordering::SeqCst);
        for user in users {
            user.join().unwrap();
        }
        assert_eq!(closed.load(Ordering::SeqCst), 1);
    });
}

/// Else a connection that was used just now could be closed as one that nobody has used for long.
#[test]
fn whoever_finds_it_unused_finds_when_it_was_used() {
    tried(|| {
        let slot = Arc::new(Slot::new(1, 0));
        assert!(slot.try_acquire());
        let used = Arc::clone(&slot);
        let user = thread::spawn(move || used.release(7));
        if slot.usage().in_use == 0 {
            assert_eq!(slot.last_used(), 7);
        }
        user.join().unwrap();
    });
}

#[test]
fn an_idle_connection_is_evicted_or_used_but_not_both() {
    tried(|| {
        let slot = Arc::new(Slot::new(1, 0));
        let used = Arc::clone(&slot);
        let user = thread::spawn(move || used.try_acquire());
        let evicted = slot.drain_if_idle();
        let used = user.join().unwrap();
        assert!(evicted != used, "evicted: {evicted}, used: {used}");
    });
}

/// As a host scales: it wants places, and those who use one give it back when they like.
#[derive(Debug)]
struct Hungry {
    permits: Arc<Permits<Self>>,
    state: Mutex<Wants>,
    fed: mpsc::Sender<Permit<Self>>,
}

#[derive(Debug)]
struct Wants {
    waiting: usize,
    dialing: usize,
    starved: bool,
}

impl Hungry {
    fn new(
        permits: &Arc<Permits<Self>>,
        waiting: usize,
        fed: mpsc::Sender<Permit<Self>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::clone(permits),
            state: Mutex::new(Wants {
                waiting,
                dialing: 0,
                starved: false,
            }),
            fed,
        })
    }

    fn scale(self: &Arc<Self>) {
        while self.reserve() {
            match self.permits.try_acquire() {
                Some(permit) => {
                    {
                        let mut state = self.state.lock().unwrap();
                        state.dialing -= 1;
                        state.waiting -= 1;
                    }
                    self.fed.send(permit).unwrap();
                }
                None => return self.starve(),
            }
        }
    }

    fn reserve(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let wants = state.dialing < state.waiting;
        state.dialing += usize::from(wants);
        wants
    }

    fn starve(self: &Arc<Self>) {
        let newly = {
            let mut state = self.state.lock().unwrap();
            state.dialing -= 1;
            !std::mem::replace(&mut state.starved, true)
        };
        if newly {
            self.permits.starve(self);
        }
        self.permits.relieve_next();
    }
}

impl Starving for Hungry {
    fn relieve(self: &Arc<Self>) {
        self.state.lock().unwrap().starved = false;
        self.scale();
    }

    fn is_starved(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.starved &= state.waiting > 0;
        state.starved
    }
}

/// Hosts that want one place each, and whoever gives the places back that they found. Ends once each has had one.
fn all_fed<T>(
    permits: &Arc<Permits<Hungry>>,
    limit: usize,
    meanwhile: impl FnOnce(&Arc<Permits<Hungry>>) -> T,
) {
    const HOSTS: usize = 3;
    let (fed, meals) = mpsc::channel();
    let hosts: Vec<_> = (0..HOSTS)
        .map(|_| {
            let host = Hungry::new(permits, 1, fed.clone());
            let scaling = Arc::clone(&host);
            (host, thread::spawn(move || scaling.scale()))
        })
        .collect();
    let counted = Arc::clone(permits);
    let eating = thread::spawn(move || {
        for _ in 0..HOSTS {
            let meal = meals.recv().unwrap();
            assert!(counted.used() <= limit);
            drop(meal);
        }
    });
    let _others = meanwhile(permits);
    let mut kept = Vec::new();
    for (host, scaling) in hosts {
        scaling.join().unwrap();
        kept.push(host);
    }
    eating.join().unwrap();
    assert_eq!(permits.used(), 0);
}

#[test]
fn a_place_given_back_goes_to_a_host_that_starves() {
    tried(|| all_fed(&Permits::new(1), 1, |_| ()));
    tried(|| all_fed(&Permits::new(2), 2, |_| ()));
}

#[test]
fn a_place_that_nobody_wants_any_more_goes_to_the_next() {
    tried(|| {
        all_fed(&Permits::new(1), 1, |permits| {
            // Its callers have left.
            let sated = Hungry::new(permits, 0, mpsc::channel().0);
            permits.starve(&sated);
            permits.relieve_next();
            sated
        });
    });
}

#[test]
fn forgetting_the_sated_forgets_nobody_who_starves() {
    tried(|| all_fed(&Permits::new(1), 1, |permits| permits.forget_sated()));
}

/// As [`Pool::reconfigure`](super::Pool::reconfigure) raises it.
#[test]
fn a_raised_limit_is_for_hosts_that_starve() {
    tried(|| {
        all_fed(&Permits::new(0), 1, |permits| {
            permits.set_limit(1);
            while permits.relieve_next() {}
        });
    });
}

/// Two hosts at the same turn, one of whose callers leaves at any moment.
#[test]
fn a_turn_to_dial_goes_to_whoever_waits_for_it() {
    tried(|| {
        let dials = Dials::new(1);
        let leaving = Arc::clone(&dials);
        let leaving = thread::spawn(move || {
            let lane = leaving.lane();
            let mut acquiring = Box::pin(leaving.acquire(lane));
            let mut context = Context::from_waker(Waker::noop());
            let _ = acquiring.as_mut().poll(&mut context);
            thread::yield_now();
        });
        let dialing = |_| {
            let dials = Arc::clone(&dials);
            thread::spawn(move || {
                let lane = dials.lane();
                for _ in 0..2 {
                    drop(block_on(dials.acquire(lane)).unwrap());
                }
            })
        };
        for thread in (0..2).map(dialing).chain([leaving]) {
            thread.join().unwrap();
        }
        let free = dials.lane();
        assert_eq!(dials.in_the_way_of(free), None);
    });
}
