//! One atomic word per connection: how many use it, how many may, and whether it still takes anyone.
//!
//! Everything that decides whether a connection can be handed out is in the one word, so "acquired after it began to drain" cannot
//! happen.

use std::sync::atomic::Ordering;

use crate::pool::sync::AtomicU64;

const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const LIMIT_SHIFT: u32 = COUNT_BITS;
const DRAINING: u64 = 1 << 63;
/// Not handed out until it has proven that it still works.
const HELD: u64 = 1 << 62;

/// Aligned to two cache lines, since processors fetch them in pairs: a neighbour's traffic must not slow this one.
#[derive(Debug)]
#[repr(align(128))]
pub(in crate::pool) struct Slot {
    word: AtomicU64,
    /// The pool's clock when it was last given back, in milliseconds; written with the word, so it shares the line.
    last_used: AtomicU64,
}

/// What the word said after an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::pool) struct Usage {
    pub(in crate::pool) in_use: u32,
    pub(in crate::pool) draining: bool,
    pub(in crate::pool) held: bool,
}

impl Slot {
    pub(in crate::pool) fn new(limit: u32, now: u64) -> Self {
        Self {
            word: AtomicU64::new(Self::shifted(limit)),
            last_used: AtomicU64::new(now),
        }
    }

    /// Takes one use, if the connection takes anyone and its limit allows.
    pub(super) fn try_acquire(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & (DRAINING | HELD) != 0 || word & COUNT >= (word >> LIMIT_SHIFT) & COUNT {
                return false;
            }
            // SeqCst, as in `release`: a waiter that queued before looking here and a releaser that looks at the queue after
            // giving back must not miss each other.
            match self.word.compare_exchange_weak(
                word,
                word + 1,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Gives one use back.
    pub(in crate::pool) fn release(&self, now: u64) -> Usage {
        self.last_used.store(now, Ordering::Relaxed);
        let before = self.word.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(before & COUNT > 0, "released more often than acquired");
        usage(before - 1)
    }

    /// From now on nobody acquires it. Says how it was used at that moment, and whether it was draining already.
    pub(in crate::pool) fn drain(&self) -> Usage {
        usage(self.word.fetch_or(DRAINING, Ordering::SeqCst))
    }

    /// As [`drain`](Self::drain), but only if nobody uses it and it was not draining already.
    pub(in crate::pool) fn drain_if_idle(&self) -> bool {
        let idle = |word| (word & (COUNT | DRAINING) == 0).then_some(word | DRAINING);
        self.word
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, idle)
            .is_ok()
    }

    /// From now on nobody acquires it until it is [released from that](Self::readmit). True when it was not held before.
    pub(in crate::pool) fn hold(&self) -> bool {
        self.word.fetch_or(HELD, Ordering::SeqCst) & HELD == 0
    }

    /// True when it was held.
    pub(in crate::pool) fn readmit(&self) -> bool {
        self.word.fetch_and(!HELD, Ordering::SeqCst) & HELD != 0
    }

    /// The most uses at the same time.
    pub(in crate::pool) fn limit(&self) -> u32 {
        ((self.word.load(Ordering::Relaxed) >> LIMIT_SHIFT) & COUNT) as u32
    }

    /// Uses above a lowered limit stay until they are given back.
    pub(in crate::pool) fn set_limit(&self, limit: u32) {
        let limit = Self::shifted(limit);
        let keep = |word| Some(word & !(COUNT << LIMIT_SHIFT) | limit);
        // `keep` never declines, so the result tells nothing.
        let _ = self
            .word
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, keep);
    }

    /// Whether not even one use is allowed.
    pub(super) fn is_barred(&self) -> bool {
        (self.word.load(Ordering::SeqCst) >> LIMIT_SHIFT) & COUNT == 0
    }

    pub(in crate::pool) fn usage(&self) -> Usage {
        usage(self.word.load(Ordering::SeqCst))
    }

    /// The pool's clock when it was last given back, in milliseconds.
    pub(in crate::pool) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    fn shifted(limit: u32) -> u64 {
        u64::from(limit).min(COUNT) << LIMIT_SHIFT
    }
}

fn usage(word: u64) -> Usage {
    Usage {
        in_use: (word & COUNT) as u32,
        draining: word & DRAINING != 0,
        held: word & HELD != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn the_limit_holds_and_can_change() {
        let slot = Slot::new(2, 0);
        assert!(slot.try_acquire() && slot.try_acquire() && !slot.try_acquire());
        slot.set_limit(3);
        assert!(slot.try_acquire());
        slot.set_limit(1);
        assert_eq!(slot.release(5).in_use, 2);
        assert!(!slot.try_acquire());
        assert_eq!(slot.release(6).in_use, 1);
        assert_eq!(
            slot.release(7),
            Usage {
                in_use: 0,
                draining: false,
                held: false
            }
        );
        assert!(slot.try_acquire());
        assert_eq!(slot.last_used(), 7);
    }

    #[test]
    fn a_draining_slot_takes_nobody_and_ends_once() {
        let slot = Slot::new(u32::MAX, 0);
        assert!(slot.try_acquire());
        assert_eq!(
            slot.drain(),
            Usage {
                in_use: 1,
                draining: false,
                held: false
            }
        );
        assert_eq!(
            slot.drain(),
            Usage {
                in_use: 1,
                draining: true,
                held: false
            }
        );
        assert!(!slot.try_acquire());
        assert_eq!(
            slot.release(0),
            Usage {
                in_use: 0,
                draining: true,
                held: false
            }
        );
    }

    #[test]
    fn a_held_slot_takes_nobody_until_it_is_readmitted() {
        let slot = Slot::new(2, 0);
        assert!(slot.try_acquire() && slot.hold() && !slot.hold());
        assert!(!slot.try_acquire());
        assert!(slot.release(1).held);
        assert!(slot.readmit() && !slot.readmit() && slot.try_acquire());
        assert_eq!(slot.limit(), 2);
    }

    #[test]
    fn only_an_idle_slot_drains_if_idle() {
        let slot = Slot::new(1, 0);
        assert!(slot.try_acquire() && !slot.drain_if_idle());
        slot.release(0);
        assert!(slot.drain_if_idle() && !slot.drain_if_idle() && !slot.try_acquire());
    }

    #[test]
    fn threads_never_exceed_the_limit() {
        let slot = Slot::new(3, 0);
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        if slot.try_acquire() {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            slot.release(0);
                        }
                    }
                });
            }
        });
        assert_eq!(slot.usage().in_use, 0);
    }
}
