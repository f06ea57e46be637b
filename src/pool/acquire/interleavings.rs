//! What hands connections out, in the orders in which threads can come by: `RUSTFLAGS="--cfg shuttle" cargo test --lib interleavings`.
//!
//! Shuttle lets only one thread run at a time, so it shows what is wrong with an order of steps; that a step could be seen in another
//! order by another processor, it does not show. A caller who waits for ever is a deadlock to it, and fails the test.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::{Mutex, mpsc};
use shuttle::thread;
use tokio::sync::oneshot;

use super::slot::Slot;
use super::turnstile::{Turnstile, Waiters};
use crate::pool::dialing::{Permit, Permits, Starving};

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
        self.line
            .serve(|| self.first_free(), |grant, lease| grant.send(lease));
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

#[test]
fn a_place_given_back_goes_to_a_host_that_starves() {
    const HOSTS: usize = 3;
    tried(|| {
        let permits = Permits::new(1);
        let (fed, meals) = mpsc::channel();
        let hosts: Vec<_> = (0..HOSTS)
            .map(|_| {
                let host = Arc::new(Hungry {
                    permits: Arc::clone(&permits),
                    state: Mutex::new(Wants {
                        waiting: 1,
                        dialing: 0,
                        starved: false,
                    }),
                    fed: fed.clone(),
                });
                let scaling = Arc::clone(&host);
                (host, thread::spawn(move || scaling.scale()))
            })
            .collect();
        let eating = thread::spawn(move || {
            for _ in 0..HOSTS {
                drop(meals.recv().unwrap());
            }
        });
        let mut kept = Vec::new();
        for (host, scaling) in hosts {
            scaling.join().unwrap();
            kept.push(host);
        }
        eating.join().unwrap();
        assert_eq!(permits.used(), 0);
    });
}
