//! The right to one more dial under way in the pool: hosts take turns, and one whose dials hang does not hold up the others.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use crate::pool::sync::Mutex;

/// One part in so many of the turns is for hosts that have none: a few hosts that swallow SYNs would otherwise hold every turn until
/// their [`connect_timeout`](crate::config::Config::connect_timeout), and all other hosts with them.
const RESERVED_PART: usize = 4;

/// Dials under way in the whole pool, and those that wait for their turn.
///
/// The next turn is for a host that has the fewest, among those for the one that has waited longest.
#[derive(Debug)]
pub(in crate::pool) struct Dials {
    state: Mutex<State>,
    lanes: AtomicU64,
}

/// One host's, among all.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::pool) struct Lane(u64);

type Grant = oneshot::Sender<Turn>;

#[derive(Debug)]
struct State {
    limit: usize,
    /// Turns given out; more than the limit, where that was lowered.
    out: usize,
    tickets: u64,
    /// Of every host that has a turn or waits for one.
    lanes: HashMap<Lane, Dialing>,
    /// Of every host that waits: how many turns it has, its oldest ticket and itself.
    order: BTreeSet<(usize, u64, Lane)>,
}

#[derive(Debug, Default)]
struct Dialing {
    held: usize,
    /// By ticket, oldest first.
    waiting: VecDeque<(u64, Grant)>,
}

impl Dials {
    pub(in crate::pool) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                limit,
                out: 0,
                tickets: 0,
                lanes: HashMap::new(),
                order: BTreeSet::new(),
            }),
            lanes: AtomicU64::new(0),
        })
    }

    /// For a host that is new.
    pub(in crate::pool) fn lane(&self) -> Lane {
        Lane(self.lanes.fetch_add(1, Ordering::Relaxed))
    }

    /// Waits for a turn. Cancel-safe. `None` never happens: whoever waits is told.
    pub(in crate::pool) async fn acquire(self: &Arc<Self>, lane: Lane) -> Option<Turn> {
        let (grant, granted) = oneshot::channel();
        let ticket = self.state.lock().enqueue(lane, grant);
        let _waiting = Waiting {
            dials: self,
            lane,
            ticket,
        };
        self.serve();
        granted.await.ok()
    }

    /// How many dials are under way, where the host's next one has to wait for one of them.
    pub(in crate::pool) fn in_the_way_of(&self, lane: Lane) -> Option<usize> {
        let state = self.state.lock();
        let held = state.lanes.get(&lane).map_or(0, |dialing| dialing.held);
        (!state.has_turn_for(held)).then_some(state.out)
    }

    /// Dials beyond a lowered limit go on; a raised one lets those begin that wait.
    pub(in crate::pool) fn set_limit(self: &Arc<Self>, limit: usize) {
        self.state.lock().limit = limit;
        self.serve();
    }

    fn serve(self: &Arc<Self>) {
        loop {
            // Sent without the lock, which a turn that nobody receives needs.
            let Some((lane, grant)) = self.state.lock().next() else {
                return;
            };
            let turn = Turn {
                dials: Arc::clone(self),
                lane,
            };
            // Whoever left in this moment gives it back at once.
            drop(grant.send(turn));
        }
    }
}

impl State {
    fn enqueue(&mut self, lane: Lane, grant: Grant) -> u64 {
        let ticket = self.tickets;
        self.tickets += 1;
        self.change(lane, |dialing| dialing.waiting.push_back((ticket, grant)));
        ticket
    }

    /// Counts the next turn that may be given out.
    fn next(&mut self) -> Option<(Lane, Grant)> {
        let (held, _, lane) = *self.order.first()?;
        if !self.has_turn_for(held) {
            return None;
        }
        let (_, grant) = self.change(lane, |dialing| {
            dialing.held += 1;
            dialing.waiting.pop_front()
        })?;
        self.out += 1;
        Some((lane, grant))
    }

    /// Whether a host that has `held` turns may have one more.
    fn has_turn_for(&self, held: usize) -> bool {
        let reserved = match held {
            0 => 0,
            _ => self.limit / RESERVED_PART,
        };
        self.out < self.limit - reserved
    }

    fn give_back(&mut self, lane: Lane) {
        self.out -= 1;
        self.change(lane, |dialing| dialing.held -= 1);
    }

    fn leave(&mut self, lane: Lane, ticket: u64) {
        self.change(lane, |dialing| {
            if let Ok(at) = dialing
                .waiting
                .binary_search_by_key(&ticket, |(ticket, _)| *ticket)
            {
                dialing.waiting.remove(at);
            }
        });
    }

    /// Changes what a host has and waits for, and its place among all with it.
    fn change<T>(&mut self, lane: Lane, change: impl FnOnce(&mut Dialing) -> T) -> T {
        let mut dialing = self.lanes.remove(&lane).unwrap_or_default();
        if let Some(place) = dialing.place(lane) {
            self.order.remove(&place);
        }
        let result = change(&mut dialing);
        self.order.extend(dialing.place(lane));
        if dialing.held > 0 || !dialing.waiting.is_empty() {
            self.lanes.insert(lane, dialing);
        }
        result
    }
}

impl Dialing {
    fn place(&self, lane: Lane) -> Option<(usize, u64, Lane)> {
        let (ticket, _) = self.waiting.front()?;
        Some((self.held, *ticket, lane))
    }
}

/// Takes who waits out of the line, wherever it is left.
struct Waiting<'a> {
    dials: &'a Dials,
    lane: Lane,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.dials.state.lock().leave(self.lane, self.ticket);
    }
}

/// A turn, given back on drop.
#[derive(Debug)]
pub(in crate::pool) struct Turn {
    dials: Arc<Dials>,
    lane: Lane,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.dials.state.lock().give_back(self.lane);
        self.dials.serve();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::Poll;

    use proptest::prelude::*;
    use tokio_test::task;

    use super::*;

    type Acquiring = task::Spawn<Pin<Box<dyn Future<Output = Option<Turn>>>>>;

    fn acquiring(dials: &Arc<Dials>, lane: u64) -> Acquiring {
        let dials = Arc::clone(dials);
        task::spawn(Box::pin(async move { dials.acquire(Lane(lane)).await }))
    }

    fn turn(acquiring: &mut Acquiring) -> Option<Turn> {
        match acquiring.poll() {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_raised_limit_wakes_those_who_wait() {
        let dials = Dials::new(1);
        let _first = turn(&mut acquiring(&dials, 0)).unwrap();
        let mut second = acquiring(&dials, 0);
        assert!(turn(&mut second).is_none());
        dials.set_limit(2);
        assert!(second.is_woken() && turn(&mut second).is_some());
    }

    #[test]
    fn hosts_whose_dials_hang_leave_turns_to_others() {
        let dials = Dials::new(32);
        let mut hanging: Vec<_> = (0..40).map(|n| acquiring(&dials, n % 4)).collect();
        let held: Vec<_> = hanging.iter_mut().filter_map(turn).collect();
        assert_eq!(held.len(), 24, "a quarter is for hosts that have none");
        assert_eq!(dials.in_the_way_of(Lane(0)), Some(24));
        assert_eq!(dials.in_the_way_of(Lane(9)), None);
        let others: Vec<_> = (4..20)
            .filter_map(|n| turn(&mut acquiring(&dials, n)))
            .collect();
        assert_eq!(others.len(), 8);
        assert_eq!(dials.in_the_way_of(Lane(9)), Some(32));
        drop((others, held, hanging));
        assert!(dials.state.lock().lanes.is_empty());
    }

    #[test]
    fn who_has_fewest_is_next_and_then_who_came_first() {
        let dials = Dials::new(2);
        let held = [0, 0].map(|lane| turn(&mut acquiring(&dials, lane)).unwrap());
        let mut waiting = [0, 1, 2].map(|lane| acquiring(&dials, lane));
        assert!(waiting.iter_mut().all(|waiting| turn(waiting).is_none()));
        let [first, second] = held;
        drop(first);
        assert!(turn(&mut waiting[0]).is_none() && turn(&mut waiting[2]).is_none());
        let _one = turn(&mut waiting[1]).unwrap();
        drop(second);
        // The first has none any more, and came before the third.
        assert!(turn(&mut waiting[2]).is_none() && turn(&mut waiting[0]).is_some());
    }

    #[test]
    fn a_turn_that_comes_as_its_caller_leaves_goes_to_the_next() {
        let dials = Dials::new(1);
        let first = turn(&mut acquiring(&dials, 0)).unwrap();
        let (mut leaving, mut next) = (acquiring(&dials, 1), acquiring(&dials, 2));
        assert!(turn(&mut leaving).is_none() && turn(&mut next).is_none());
        drop(first);
        drop(leaving);
        assert!(next.is_woken() && turn(&mut next).is_some());
        assert!(dials.state.lock().lanes.is_empty() && dials.state.lock().out == 0);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Acquire(u64),
        Release(usize),
        Leave(usize),
        Limit(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4_u64).prop_map(Step::Acquire),
            3 => any::<usize>().prop_map(Step::Release),
            1 => any::<usize>().prop_map(Step::Leave),
            1 => (1..9_usize).prop_map(Step::Limit),
        ]
    }

    proptest! {
        #[test]
        fn nobody_waits_for_a_turn_that_is_there_and_none_is_given_beyond_the_limit(
            limit in 1..9_usize,
            steps in prop::collection::vec(step(), 1..150),
        ) {
            let dials = Dials::new(limit);
            let (mut limit, mut out, mut waiting) = (limit, Vec::new(), Vec::new());
            for step in steps {
                let before = out.len();
                match step {
                    Step::Acquire(lane) => waiting.push((lane, acquiring(&dials, lane))),
                    Step::Release(which) if !out.is_empty() => drop(out.remove(which % out.len())),
                    Step::Leave(which) if !waiting.is_empty() => {
                        drop(waiting.remove(which % waiting.len()));
                    }
                    Step::Limit(new) => {
                        dials.set_limit(new);
                        limit = new;
                    }
                    Step::Release(_) | Step::Leave(_) => {}
                }
                let mut still = Vec::new();
                for (lane, mut acquiring) in waiting {
                    match turn(&mut acquiring) {
                        Some(turn) => out.push((lane, turn)),
                        None => still.push((lane, acquiring)),
                    }
                }
                waiting = still;
                prop_assert!(out.len() <= limit.max(before));
                let known: usize = dials.state.lock().lanes.values().map(|dialing| dialing.waiting.len()).sum();
                prop_assert_eq!(known, waiting.len(), "who left is not kept");
                for (lane, _) in &waiting {
                    let has_one = out.iter().any(|(other, _)| other == lane);
                    let most = if has_one { limit - limit / RESERVED_PART } else { limit };
                    prop_assert!(out.len() >= most, "{lane} waits, {} of {limit} are out", out.len());
                    prop_assert_eq!(dials.in_the_way_of(Lane(*lane)), Some(out.len()));
                }
            }
            drop((out, waiting));
            prop_assert!(dials.state.lock().lanes.is_empty() && dials.state.lock().order.is_empty());
            prop_assert_eq!(dials.state.lock().out, 0);
        }
    }
}
