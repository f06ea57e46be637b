//! A timer wheel: what is due in this round, without looking at what is not.

/// Rounds that the wheel has slots for; what is due later goes round once more. 512 rounds of a quarter of a second are two minutes.
const SLOTS: usize = 512;

#[derive(Debug)]
pub(in crate::pool) struct Wheel<T> {
    slots: Vec<Vec<(u64, T)>>,
    /// The next round to be handed out.
    next: u64,
    len: usize,
}

impl<T> Wheel<T> {
    pub(in crate::pool) fn new() -> Self {
        Self {
            slots: std::iter::repeat_with(Vec::new).take(SLOTS).collect(),
            next: 0,
            len: 0,
        }
    }

    /// Has `item` handed out in `round`, or in the next one if that is past.
    pub(super) fn insert(&mut self, round: u64, item: T) {
        let round = round.max(self.next);
        if let Some(slot) = self.slots.get_mut(place(round)) {
            slot.push((round, item));
            self.len += 1;
        }
    }

    /// Hands out what is due up to and including `round`, in the order of rounds.
    pub(super) fn advance(&mut self, round: u64) -> Vec<(u64, T)> {
        let mut due = Vec::new();
        // After a long pause each slot needs to be looked at only once.
        let from = self.next.max(round.saturating_sub(SLOTS as u64 - 1));
        for at in from..=round {
            let Some(slot) = self.slots.get_mut(place(at)) else {
                continue;
            };
            due.extend(slot.extract_if(.., |(when, _)| *when <= round));
        }
        self.next = self.next.max(round.saturating_add(1));
        self.len -= due.len();
        due.sort_by_key(|(when, _)| *when);
        due
    }

    /// The first round that has not been handed out.
    pub(super) fn next_round(&self) -> u64 {
        self.next
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.len
    }
}

fn place(round: u64) -> usize {
    (round % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_u64..2_000).prop_map(Step::Insert),
            1 => (0_u64..900).prop_map(Step::Advance),
        ]
    }

    proptest! {
        #[test]
        fn everything_is_handed_out_once_when_it_is_due(steps in proptest::collection::vec(step(), 0..200)) {
            let mut wheel = Wheel::new();
            let mut model: Vec<(u64, usize)> = Vec::new();
            let mut round = 0;
            for (name, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(at) => {
                        wheel.insert(at, name);
                        model.push((at.max(wheel.next), name));
                    }
                    Step::Advance(by) => {
                        round += by;
                        let mut due = wheel.advance(round);
                        let mut wanted: Vec<_> = model.extract_if(.., |(at, _)| *at <= round).collect();
                        prop_assert!(due.is_sorted_by_key(|(at, _)| *at));
                        due.sort_unstable();
                        wanted.sort_unstable();
                        prop_assert_eq!(due, wanted);
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
            }
        }
    }
}
