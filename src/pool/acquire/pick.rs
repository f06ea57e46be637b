//! Which of a host's connections serves the next caller.
//!
//! A thread keeps to one of the connections that the load needs, so that two threads do not fight over one cache line: on two cores,
//! a random pick among four connections had a third of one thread's throughput, the affine one twice it. Only when a thread's own
//! connection is busy, or slow, is it compared with one other (power of two choices), by what a further use of it would cost.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Below this many uses at once another one does not slow a connection down by more than looking at a second one costs.
const BUSY: u32 = 8;

/// What a pick looks at.
pub(in crate::pool) trait Candidate {
    /// Uses at this moment.
    fn in_use(&self) -> u32;

    /// Whether it answers much later than another does.
    fn is_slow(&self) -> bool;

    /// What one more use is expected to cost, in any unit that all candidates share.
    fn cost(&self) -> f64;
}

/// The place of the connection that the calling thread tries first, among the `spread` oldest.
pub(super) fn first_choice<C: Candidate>(connections: &[C], spread: usize) -> usize {
    let spread = spread.min(connections.len());
    if spread < 2 {
        return 0;
    }
    let mine = thread_number() % spread;
    let Some(own) = connections.get(mine) else {
        return 0;
    };
    if own.in_use() < BUSY && !own.is_slow() {
        return mine;
    }
    let other = another(mine, spread, next_turn());
    match connections.get(other) {
        Some(candidate) if candidate.cost() < own.cost() => other,
        _ => mine,
    }
}

/// Any place but `mine`; all others in turn.
fn another(mine: usize, spread: usize, turn: usize) -> usize {
    (mine + 1 + turn % (spread - 1)) % spread
}

thread_local! {
    static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    static TURN: Cell<usize> = const { Cell::new(0) };
}

/// The thread's number; threads are numbered as they first ask.
fn thread_number() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    NUMBER.get().unwrap_or_else(|| {
        let number = THREADS.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(Some(number));
        number
    })
}

pub(super) fn next_turn() -> usize {
    let turn = TURN.get();
    TURN.set(turn.wrapping_add(1));
    turn
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    struct Fake(u32, f64);

    /// What answers later than this is slow.
    const LATE: f64 = 50.0;

    impl Candidate for Fake {
        fn in_use(&self) -> u32 {
            self.0
        }

        fn is_slow(&self) -> bool {
            self.1 > LATE
        }

        fn cost(&self) -> f64 {
            self.1
        }
    }

    #[test]
    fn a_thread_keeps_to_one_connection_while_that_is_not_busy() {
        let connections: Vec<_> = (0..4).map(|_| Fake(BUSY - 1, 9.0)).collect();
        let picks: HashSet<_> = (0..100).map(|_| first_choice(&connections, 4)).collect();
        assert_eq!(picks.len(), 1);
        let all: HashSet<_> = (0..8)
            .map(|_| {
                std::thread::scope(|scope| {
                    let connections = &connections;
                    scope
                        .spawn(move || first_choice(connections, 4))
                        .join()
                        .unwrap()
                })
            })
            .collect();
        assert_eq!(all.len(), 4, "threads spread over all that the load needs");
    }

    #[test]
    fn a_slow_one_gives_way_however_little_it_is_used() {
        let connections = [Fake(0, 90.0), Fake(1, 2.0)];
        let picks: HashSet<_> = (0..100).map(|_| first_choice(&connections, 2)).collect();
        assert_eq!(picks, HashSet::from([1]));
    }

    #[test]
    fn only_those_that_the_load_needs_are_picked() {
        let connections: Vec<_> = (0..4).map(|_| Fake(100, 1.0)).collect();
        for spread in [0, 1, 2, 3, 9] {
            let picks: HashSet<_> = (0..100)
                .map(|_| first_choice(&connections, spread))
                .collect();
            assert!(
                picks.iter().all(|pick| *pick < spread.clamp(1, 4)),
                "{picks:?}"
            );
        }
        assert_eq!(first_choice::<Fake>(&[], 3), 0);
    }

    #[test]
    fn a_busy_one_gives_way_to_a_cheaper_one() {
        let connections = [Fake(BUSY, 5.0), Fake(BUSY, 1.0), Fake(BUSY, 5.0)];
        let picks: Vec<_> = (0..100).map(|_| first_choice(&connections, 3)).collect();
        assert!(picks.contains(&1));
        for mine in 0..3 {
            let others: HashSet<_> = (0..9).map(|turn| another(mine, 3, turn)).collect();
            assert!(others.len() == 2 && !others.contains(&mine));
        }
    }
}
