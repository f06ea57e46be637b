//! The right to one more dial under way.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Dials under way in the whole pool, and those that wait for their turn.
#[derive(Debug)]
pub(super) struct Dials {
    turns: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Turns beyond a lowered limit, to be taken away when they are given back.
    surplus: usize,
}

impl Dials {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            turns: Arc::new(Semaphore::new(limit)),
            state: Mutex::new(State { limit, surplus: 0 }),
        })
    }

    /// Waits for a turn, first come first served. Cancel-safe.
    pub(super) async fn acquire(self: &Arc<Self>) -> Turn {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        Turn {
            dials: Arc::clone(self),
            // The semaphore is never closed.
            turn: turn.ok(),
        }
    }

    pub(super) fn available_permits(&self) -> usize {
        self.turns.available_permits()
    }

    /// Dials beyond a lowered limit go on; a raised one lets those begin that wait.
    pub(super) fn set_limit(&self, limit: usize) {
        let mut state = self.state.lock();
        if limit < state.limit {
            let fewer = state.limit - limit;
            state.surplus += fewer - self.turns.forget_permits(fewer);
        } else {
            let more = limit - state.limit;
            let kept = more.min(state.surplus);
            state.surplus -= kept;
            self.turns.add_permits(more - kept);
        }
        state.limit = limit;
    }
}

/// A turn, given back on drop.
#[derive(Debug)]
pub(super) struct Turn {
    dials: Arc<Dials>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.dials.state.lock();
        if state.surplus > 0
            && let Some(turn) = self.turn.take()
        {
            state.surplus -= 1;
            turn.forget();
        }
        // Else it goes back, still under the lock: a limit that is lowered meanwhile finds it either taken or given back.
        drop(self.turn.take());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_test::task;

    use super::*;

    #[test]
    fn a_raised_limit_wakes_those_who_wait() {
        let dials = Dials::new(1);
        let mut first = task::spawn(dials.acquire());
        let std::task::Poll::Ready(_first) = first.poll() else {
            panic!("there was a turn")
        };
        let mut second = task::spawn(dials.acquire());
        assert!(second.poll().is_pending());
        dials.set_limit(2);
        assert!(second.is_woken() && second.poll().is_ready());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Acquire,
        Release(usize),
        Limit(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Acquire),
            3 => any::<usize>().prop_map(Step::Release),
            1 => (1..8_usize).prop_map(Step::Limit),
        ]
    }

    proptest! {
        #[test]
        fn a_turn_is_had_exactly_while_fewer_are_out_than_the_limit_says(
            limit in 1..8_usize,
            steps in prop::collection::vec(step(), 1..100),
        ) {
            let dials = Dials::new(limit);
            let (mut limit, mut out) = (limit, Vec::new());
            for step in steps {
                match step {
                    Step::Acquire => {
                        let mut turn = task::spawn(dials.acquire());
                        let had = match turn.poll() {
                            std::task::Poll::Ready(turn) => Some(turn),
                            std::task::Poll::Pending => None,
                        };
                        prop_assert_eq!(had.is_some(), out.len() < limit);
                        out.extend(had);
                    }
                    Step::Release(which) if !out.is_empty() => {
                        out.remove(which % out.len());
                    }
                    Step::Release(_) => {}
                    Step::Limit(new) => {
                        dials.set_limit(new);
                        limit = new;
                    }
                }
                prop_assert_eq!(dials.available_permits(), limit.saturating_sub(out.len()));
            }
        }
    }
}
