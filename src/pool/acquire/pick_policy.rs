//! Which of a host's connections serves the next caller under the pool's [`Balance`].
//!
//! The default is [`pick`](super::pick)'s. The others choose among all that are there, not only among those that the load needs: who
//! asks for one wants it kept to. No lock and no allocation, and of what is shared only the host's count of turns is written.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use super::pick::first_choice;
use crate::config::{Balance, Config};
use crate::pool::host::HostPool;
use crate::pool::live::Live;

/// 2⁶⁴ divided by the golden ratio: its multiples, modulo 2⁶⁴, lie as evenly as multiples can.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A connection to an address of weight one has so many parts; of several to one address each has its part of them. Eight can share
/// it evenly.
const PARTS: u64 = 840;

/// A host's policy, and how often it has chosen.
#[derive(Debug)]
pub(in crate::pool) struct Choosing {
    /// The policy's place in [`Balance::ALL`], so that no configuration has to be loaded.
    balance: AtomicU8,
    turns: AtomicUsize,
}

/// What speaks for a connection.
#[derive(Debug)]
pub(in crate::pool) struct Preference {
    share: AtomicU64,
    affinity: u64,
}

/// What a choice looks at.
pub(super) trait Choosable {
    /// Uses at this moment.
    fn uses(&self) -> u32;

    /// Whether it takes one more.
    fn is_free(&self) -> bool;

    /// Its part of the uses, for [`Balance::Weighted`].
    fn share(&self) -> u64;

    /// How much the host sticks to its address, for [`Balance::Sticky`].
    fn affinity(&self) -> u64;
}

impl Choosing {
    pub(in crate::pool) fn new(config: &Config) -> Self {
        Self {
            balance: AtomicU8::new(config.balance() as u8),
            turns: AtomicUsize::new(0),
        }
    }

    fn balance(&self) -> Balance {
        let place = usize::from(self.balance.load(Ordering::Relaxed));
        Balance::ALL.get(place).copied().unwrap_or_default()
    }

    /// The place of the connection to try first; by default among the `spread` oldest.
    pub(in crate::pool) fn choice(&self, connections: &[Arc<Live>], spread: usize) -> usize {
        match self.balance() {
            Balance::PowerOfTwo => first_choice(connections, spread),
            other => choose(connections, other, &self.turns),
        }
    }
}

impl Preference {
    pub(in crate::pool) fn new(affinity: u64) -> Self {
        Self {
            share: AtomicU64::new(0),
            affinity,
        }
    }
}

impl HostPool {
    /// Chooses from now on as the configuration says.
    pub(in crate::pool) fn follow_balance(&self, config: &Config) {
        let balance = config.balance() as u8;
        self.choosing().balance.store(balance, Ordering::Relaxed);
        self.share_out();
    }

    /// Gives each connection its part of its address's weight.
    pub(in crate::pool) fn share_out(&self) {
        if self.choosing().balance() != Balance::Weighted {
            return;
        }
        let connections = self.connections();
        for live in connections.iter() {
            let address = live.address();
            let same = |other: &&Arc<Live>| other.address() == address;
            let together = connections.iter().filter(same).count().max(1) as u64;
            let share = u64::from(self.weight_of(address)) * PARTS / together;
            live.preference().share.store(share, Ordering::Relaxed);
        }
    }

    fn weight_of(&self, address: SocketAddr) -> u32 {
        self.addresses().weight_of(address.ip())
    }
}

impl Choosable for Arc<Live> {
    fn uses(&self) -> u32 {
        self.slot().usage().in_use
    }

    fn is_free(&self) -> bool {
        let usage = self.slot().usage();
        !usage.draining && !usage.held && usage.in_use < self.slot().limit()
    }

    fn share(&self) -> u64 {
        self.preference().share.load(Ordering::Relaxed)
    }

    fn affinity(&self) -> u64 {
        self.preference().affinity
    }
}

/// The place of the connection to try first. `turns` counts the host's choices.
pub(super) fn choose<C: Choosable>(
    connections: &[C],
    balance: Balance,
    turns: &AtomicUsize,
) -> usize {
    let turn = || turns.fetch_add(1, Ordering::Relaxed);
    let found = match balance {
        Balance::RoundRobin => in_turn(connections, turn()),
        Balance::LeastLoaded => free(connections).min_by_key(|(_, one)| one.uses()),
        Balance::Weighted => by_weight(connections, turn()),
        // Of those to the same address the oldest.
        Balance::Sticky => {
            free(connections).min_by_key(|(_, one)| std::cmp::Reverse(one.affinity()))
        }
        // `pick` chooses.
        _ => None,
    };
    found.map_or(0, |(place, _)| place)
}

/// The first free one from the one whose turn it is.
fn in_turn<C: Choosable>(connections: &[C], turn: usize) -> Option<(usize, &C)> {
    let first = turn % connections.len().max(1);
    let (passed, coming) = connections.split_at_checked(first)?;
    let coming = free(coming).map(|(place, one)| (first + place, one)).next();
    coming.or_else(|| free(passed).next())
}

/// The one on which the turn's point falls, where each takes as much of the line as its share. What has none is taken when nothing
/// else is free.
fn by_weight<C: Choosable>(connections: &[C], turn: usize) -> Option<(usize, &C)> {
    let total: u64 = free(connections).map(|(_, one)| one.share()).sum();
    let point = (turn as u64).wrapping_mul(GOLDEN);
    let mut left = ((u128::from(point) * u128::from(total)) >> u64::BITS) as u64;
    for (place, one) in free(connections) {
        let share = one.share();
        if left < share {
            return Some((place, one));
        }
        left -= share;
    }
    // Nothing free has a share, or one became free or busy meanwhile.
    free(connections).next()
}

fn free<C: Choosable>(connections: &[C]) -> impl Iterator<Item = (usize, &C)> {
    connections
        .iter()
        .enumerate()
        .filter(|(_, one)| one.is_free())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    struct Fake {
        uses: u32,
        limit: u32,
        share: u32,
        affinity: u64,
    }

    impl Choosable for Fake {
        fn uses(&self) -> u32 {
            self.uses
        }

        fn is_free(&self) -> bool {
            self.uses < self.limit
        }

        fn share(&self) -> u64 {
            u64::from(self.share)
        }

        fn affinity(&self) -> u64 {
            self.affinity
        }
    }

    fn fakes() -> impl Strategy<Value = Vec<Fake>> {
        let one = (0..4_u32, 0..5_u32, 0..4_u32, 0..3_u64);
        let fake = one.prop_map(|(uses, limit, share, affinity)| Fake {
            uses,
            limit,
            share,
            affinity,
        });
        prop::collection::vec(fake, 0..9)
    }

    fn policy() -> impl Strategy<Value = Balance> {
        use Balance::*;
        prop::sample::select(vec![RoundRobin, LeastLoaded, Weighted, Sticky])
    }

    /// As the names say, without regard to cost. `None`: whatever has a share.
    fn naive(all: &[Fake], balance: Balance, turn: usize) -> Option<usize> {
        let free: Vec<_> = (0..all.len()).filter(|at| all[*at].is_free()).collect();
        let best = |worth: &dyn Fn(&Fake) -> u64| {
            let most = free.iter().map(|at| worth(&all[*at])).max();
            free.iter()
                .copied()
                .find(|at| Some(worth(&all[*at])) == most)
        };
        match balance {
            Balance::RoundRobin => (0..all.len())
                .map(|step| (turn % all.len() + step) % all.len())
                .find(|at| all[*at].is_free()),
            Balance::LeastLoaded => best(&|fake| u64::from(u32::MAX - fake.uses)),
            Balance::Sticky => best(&|fake| fake.affinity),
            _ => None,
        }
    }

    #[test]
    fn a_policy_is_found_again_by_its_place() {
        for balance in Balance::ALL {
            let config = Config::try_from(Settings {
                balance: Some(balance),
                ..Settings::default()
            });
            assert_eq!(Choosing::new(&config.unwrap()).balance(), balance);
        }
    }

    proptest! {
        #[test]
        fn a_choice_is_the_naive_one(all in fakes(), balance in policy(), turn: usize) {
            let chosen = choose(&all, balance, &AtomicUsize::new(turn));
            let Some(fake) = all.get(chosen) else {
                prop_assert!(all.is_empty());
                return Ok(());
            };
            let anything = all.iter().any(Fake::is_free);
            prop_assert!(fake.is_free() || !anything);
            match naive(&all, balance, turn) {
                Some(wanted) => prop_assert_eq!(chosen, wanted),
                None if balance == Balance::Weighted && anything => {
                    let shares = all.iter().any(|one| one.is_free() && one.share > 0);
                    prop_assert!(fake.share > 0 || !shares);
                }
                None => prop_assert!(!anything),
            }
        }

        /// After any number of turns, from anywhere, each has had its part, but for a few.
        #[test]
        fn weights_hold_over_any_stretch(
            shares in prop::collection::vec(0..9_u32, 1..9), start: usize, turns in 1..2_000_usize,
        ) {
            let all: Vec<_> = shares
                .iter()
                .map(|share| Fake { uses: 0, limit: 1, share: *share, affinity: 0 })
                .collect();
            let total: u32 = shares.iter().sum();
            prop_assume!(total > 0);
            let count = AtomicUsize::new(start);
            let mut had = vec![0_usize; all.len()];
            for _ in 0..turns {
                had[choose(&all, Balance::Weighted, &count)] += 1;
            }
            for (had, share) in had.iter().zip(&shares) {
                let wanted = turns as f64 * f64::from(*share) / f64::from(total);
                // The golden ratio's sequence is off by a logarithm of the number of turns at most.
                prop_assert!((*had as f64 - wanted).abs() <= 2.0 + 2.0 * (turns as f64).log2(), "{had} of {wanted}");
            }
        }

        #[test]
        fn each_in_turn_is_each_as_often(count in 1..9_usize, rounds in 1..9_usize) {
            let all = vec![Fake { uses: 0, limit: 1, share: 1, affinity: 0 }; count];
            let turns = AtomicUsize::new(0);
            let mut had = vec![0; count];
            for _ in 0..rounds * count {
                had[choose(&all, Balance::RoundRobin, &turns)] += 1;
            }
            prop_assert!(had.iter().all(|had| *had == rounds));
        }
    }
}
