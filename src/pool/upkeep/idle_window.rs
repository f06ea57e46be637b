//! How long a server leaves an idle connection open, learned from its word and from its deeds. A decision only: no socket, no clock;
//! times are milliseconds.

/// Less than the window by this much, a connection is given up on this side: the server's close must not cross a request.
const MARGIN: u64 = 1_000;

/// Two connections that the server closed after idle times this alike were closed by its timer.
const ALIKE: u64 = 1_000;

/// No server's timer is shorter; what is closed sooner was closed for another reason.
const LEAST: u64 = 1_000;

/// What happens within this time is one event: a server that restarts closes all its connections, whatever their age.
const ONE_EVENT: u64 = 1_000;

/// A window shorter than this is not worth keeping a connection warm for: it would be a handshake every few seconds.
const WORTH_KEEPING_WARM: u64 = 10_000;

/// So many connections in a row that were closed sooner than that show it too, if not alike.
const SHORT_LIVES: u32 = 3;

/// After this long what was learned is forgotten: servers are configured anew.
const REMEMBERED: u64 = 3_600_000;

#[derive(Clone, Debug, Default)]
pub(in crate::pool) struct IdleWindow {
    /// The longest that connections may be idle, as far as is known, and when that was learned.
    window: Option<(u64, u64)>,
    /// When the server last closed an idle connection, and how long that had been idle.
    closed: Option<(u64, u64)>,
    /// Connections in a row that were closed after a short time.
    short: u32,
}

impl IdleWindow {
    /// The server said so: `Keep-Alive: timeout=` (RFC 2068 §19.7.1.1; still sent).
    pub(super) fn announced(&mut self, now: u64, window: u64) {
        self.window = Some((window, now));
    }

    /// The server closed a connection that had been idle for so long, since its last use or, unused, since it was opened. The window,
    /// when that taught something new.
    pub(super) fn closed(&mut self, now: u64, idle: u64, used: bool) -> Option<u64> {
        let before = self.closed.replace((now, idle));
        let apart = before.is_none_or(|(then, _)| now.saturating_sub(then) > ONE_EVENT);
        // Right after a use, it was that use which ended it: the last that the server allows a connection.
        let by_use = used && idle < LEAST;
        if idle >= WORTH_KEEPING_WARM {
            self.short = 0;
        } else if apart && !by_use {
            self.short = self.short.saturating_add(1);
        }
        let (_, other) = before.filter(|(_, other)| apart && alike(idle, *other))?;
        let window = Some(other.min(idle)).filter(|window| *window >= LEAST)?;
        let new = self.known(now).is_none_or(|known| window + ALIKE < known);
        new.then(|| {
            self.window = Some((window, now));
            window
        })
    }

    /// A connection has been idle for so long and is still open.
    pub(super) fn lasted(&mut self, idle: u64) {
        if idle >= WORTH_KEEPING_WARM {
            self.short = 0;
        }
    }

    /// When to give an idle connection up; `None` when nothing is known.
    pub(super) fn limit(&self, now: u64) -> Option<u64> {
        let below = |window: u64| window.saturating_sub(MARGIN.max(window / 10));
        self.known(now).map(|window| below(window).max(window / 2))
    }

    /// Whether the server leaves connections open for so short a time that none can be kept warm.
    pub(super) fn refuses_warmth(&self, now: u64) -> bool {
        self.short >= SHORT_LIVES
            || self
                .known(now)
                .is_some_and(|window| window < WORTH_KEEPING_WARM)
    }

    fn known(&self, now: u64) -> Option<u64> {
        let (window, learned) = self.window?;
        (now.saturating_sub(learned) < REMEMBERED).then_some(window)
    }
}

fn alike(one: u64, other: u64) -> bool {
    one.abs_diff(other) <= ALIKE.max(one / 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_alike_teach_and_one_is_chance() {
        let mut learned = IdleWindow::default();
        assert_eq!(learned.closed(60_000, 25_010, false), None);
        assert_eq!(learned.limit(60_000), None);
        assert_eq!(learned.closed(90_000, 25_000, false), Some(25_000));
        assert_eq!(learned.limit(90_000), Some(22_500));
        assert!(!learned.refuses_warmth(90_000));
        assert_eq!(learned.closed(120_000, 25_000, false), None, "known");
        assert_eq!(learned.limit(90_000 + REMEMBERED), None);
    }

    #[test]
    fn a_restart_teaches_nothing() {
        let mut learned = IdleWindow::default();
        for idle in [30_000, 30_000, 30_000, 10, 10] {
            assert_eq!(learned.closed(90_000, idle, false), None);
        }
        assert_eq!(learned.closed(200_000, 100, false), None);
        assert!(learned.limit(200_000).is_none() && !learned.refuses_warmth(200_000));
    }

    #[test]
    fn short_lives_refuse_warmth_alike_or_not() {
        let mut learned = IdleWindow::default();
        learned.closed(10_000, 9_000, false);
        learned.closed(20_000, 3_000, false);
        assert!(!learned.refuses_warmth(20_000));
        learned.closed(30_000, 6_000, false);
        assert!(learned.refuses_warmth(30_000));
        learned.closed(90_000, 20_000, false);
        assert!(!learned.refuses_warmth(90_000));
    }

    #[test]
    fn what_a_use_ended_and_what_has_lasted_refuse_nothing() {
        let mut learned = IdleWindow::default();
        for hour in 1..9 {
            learned.closed(hour * 3_600_000, 3, true);
        }
        assert!(!learned.refuses_warmth(9 * 3_600_000));
        let mut learned = IdleWindow::default();
        for hour in 1..9 {
            learned.closed(hour * 3_600_000, 4_000 * (hour % 2 + 1), true);
            learned.lasted(WORTH_KEEPING_WARM);
        }
        assert!(!learned.refuses_warmth(9 * 3_600_000));
        let mut unused = IdleWindow::default();
        for second in 1..=3 {
            unused.closed(second * 2_000, 3, false);
        }
        assert!(unused.refuses_warmth(7_000));
    }

    #[test]
    fn the_servers_word_counts_at_once() {
        let mut learned = IdleWindow::default();
        for (window, limit) in [(60_000, 54_000), (5_000, 4_000), (1_000, 500), (0, 0)] {
            learned.announced(7, window);
            assert_eq!(learned.limit(8), Some(limit));
            assert_eq!(learned.refuses_warmth(8), window < WORTH_KEEPING_WARM);
        }
    }

    proptest! {
        #[test]
        fn what_is_learned_was_seen_twice_at_different_times(
            closes in proptest::collection::vec((0_u64..100_000, 0_u64..50_000), 0..50),
        ) {
            let mut learned = IdleWindow::default();
            let mut seen: Vec<u64> = Vec::new();
            let mut now = 0;
            for (later, idle) in closes {
                now += later;
                if let Some(window) = learned.closed(now, idle, false) {
                    let before = *seen.last().unwrap();
                    prop_assert!(alike(idle, before) && later > ONE_EVENT);
                    prop_assert_eq!(window, before.min(idle));
                    prop_assert!(learned.limit(now).unwrap() <= window);
                }
                seen.push(idle);
            }
        }
    }
}
