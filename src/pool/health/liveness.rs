//! Whether a connection that was silent still works: when to ask, when its answer is late, when it is dead. Decisions only: no socket,
//! no clock. All times are the pool's, in milliseconds.

/// How patient the pool is.
#[derive(Clone, Copy, Debug)]
pub(in crate::pool) struct Patience {
    /// After this much silence an idle connection proves itself before it is handed out.
    pub(super) validate_after: u64,
    /// After this much silence it is asked, used or not.
    pub(super) interval: Option<u64>,
    /// An answer that takes longer takes it out of rotation.
    pub(super) late_after: u64,
    /// One that takes this long ends it.
    pub(super) dead_after: u64,
}

/// Between two questions that nobody's reuse calls for, unless the user set a shorter interval: servers take more for abuse.
const UNASKED: u64 = 30_000;

/// What is seen of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// When the peer's last bytes arrived, or the connection opened.
    pub(super) heard: u64,
    /// When the question under way was due.
    pub(super) asked: Option<u64>,
    /// When the last question was asked.
    pub(super) last_asked: Option<u64>,
    /// Somebody uses it.
    pub(super) used: bool,
    /// The server has said that it is asked too often.
    pub(super) calm: bool,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Nothing: it was heard of lately, or its answer may still come.
    Sound,
    /// Whoever wants it next asks it first.
    Doubtful,
    /// Ask it now; it stays in rotation meanwhile.
    Ask,
    /// It owes an answer: nobody new gets it until that comes.
    Late,
    /// It ends, whatever is under way.
    Dead,
}

pub(super) fn judge(seen: Seen, patience: Patience, now: u64) -> Verdict {
    // Whatever arrived since the question proves as much as its answer.
    if let Some(due) = seen.asked.filter(|due| seen.heard <= *due) {
        return match now.saturating_sub(due) {
            waited if waited >= patience.dead_after => Verdict::Dead,
            waited if waited >= patience.late_after => Verdict::Late,
            _ => Verdict::Sound,
        };
    }
    let silent = now.saturating_sub(seen.heard);
    let rested = seen
        .last_asked
        .is_none_or(|last| now.saturating_sub(last) >= UNASKED);
    let by_interval = !seen.calm && patience.interval.is_some_and(|interval| silent >= interval);
    let by_use = !seen.calm && seen.used && rested && silent >= patience.validate_after;
    if by_interval || by_use {
        Verdict::Ask
    } else if !seen.used && silent >= patience.validate_after {
        Verdict::Doubtful
    } else {
        Verdict::Sound
    }
}

/// When the verdict may change next, if nothing is heard.
pub(super) fn next_look(seen: Seen, patience: Patience, now: u64) -> u64 {
    let later = |at: u64| (at > now).then_some(at);
    let candidates = match seen.asked.filter(|due| seen.heard <= *due) {
        Some(due) => [
            later(due.saturating_add(patience.late_after)),
            later(due.saturating_add(patience.dead_after)),
            None,
        ],
        None => [
            later(seen.heard.saturating_add(patience.validate_after)),
            patience
                .interval
                .and_then(|interval| later(seen.heard.saturating_add(interval))),
            seen.last_asked
                .and_then(|last| later(last.saturating_add(UNASKED))),
        ],
    };
    candidates.into_iter().flatten().min().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience {
        validate_after: 10_000,
        interval: None,
        late_after: 1_000,
        dead_after: 10_000,
    };

    #[test]
    fn silence_makes_an_idle_one_doubtful_and_a_used_one_asked() {
        let idle = Seen {
            heard: 5_000,
            ..Seen::default()
        };
        assert_eq!(judge(idle, PATIENCE, 14_999), Verdict::Sound);
        assert_eq!(judge(idle, PATIENCE, 15_000), Verdict::Doubtful);
        let used = Seen { used: true, ..idle };
        assert_eq!(judge(used, PATIENCE, 15_000), Verdict::Ask);
        let asked_lately = Seen {
            last_asked: Some(1),
            ..used
        };
        assert_eq!(judge(asked_lately, PATIENCE, 15_000), Verdict::Sound);
        assert_eq!(judge(asked_lately, PATIENCE, UNASKED + 1), Verdict::Ask);
        assert_eq!(
            judge(Seen { calm: true, ..used }, PATIENCE, 15_000),
            Verdict::Sound
        );
    }

    #[test]
    fn a_late_answer_suspends_and_a_missing_one_kills() {
        let asked = Seen {
            heard: 5_000,
            asked: Some(20_000),
            ..Seen::default()
        };
        assert_eq!(judge(asked, PATIENCE, 20_999), Verdict::Sound);
        assert_eq!(judge(asked, PATIENCE, 21_000), Verdict::Late);
        assert_eq!(judge(asked, PATIENCE, 30_000), Verdict::Dead);
        assert_eq!(
            judge(
                Seen {
                    heard: 20_001,
                    ..asked
                },
                PATIENCE,
                30_000
            ),
            Verdict::Sound
        );
    }

    proptest! {
        /// Looking only when told to finds the same verdicts as looking every millisecond.
        #[test]
        fn nothing_happens_between_two_looks(
            heard in 0_u64..5_000,
            asked in proptest::option::of(0_u64..9_000),
            last_asked in proptest::option::of(0_u64..9_000),
            used: bool,
            interval in proptest::option::of(1_u64..60_000),
            begin in 0_u64..50_000,
        ) {
            let seen = Seen { heard, asked, last_asked, used, calm: false };
            let patience = Patience { interval, ..PATIENCE };
            let first = judge(seen, patience, begin);
            let next = next_look(seen, patience, begin);
            prop_assert!(next > begin);
            for at in begin..next.min(begin + 70_000) {
                prop_assert_eq!(judge(seen, patience, at), first, "at {}", at);
            }
        }
    }
}
