//! Which of a host's addresses the next connection goes to, and which after it if that one does not answer.

use std::cmp::Reverse;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use rand::{Rng, RngExt};

use crate::config::Balance;

/// Connection times that differ by less, in microseconds, are the same: within a data centre they are noise.
const LEAST_COST: f32 = 1_000.0;

/// What is known of an address that may be tried.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    /// Connections there, those being dialed included, for whatever host.
    pub(super) connections: usize,
    pub(super) standing: Standing,
    /// How long connections take to open there, in microseconds; `None` when none was opened lately.
    pub(super) cost: Option<f32>,
    /// Counts for [`Balance::Weighted`].
    pub(super) weight: u32,
}

/// What an address has shown of itself; the first is the best.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Standing {
    /// The last connection opened.
    Proven,
    /// Nothing was tried yet.
    New,
    /// Was blacklisted, and may be tried by one connection.
    Probation,
    /// The last attempt failed, a moment ago.
    Failing,
}

/// Why a connection is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Need {
    /// Callers wait, and nothing else can serve them.
    Urgent,
    /// To have it warm, or as one more: time enough to find out about an address.
    Unhurried,
}

/// Puts the candidates in the order in which they are to be tried. They come in the resolver's, which stands wherever nothing
/// speaks against it (RFC 6724). `turn` counts the host's dials, `sticky` is what [`Balance::Sticky`] sticks to.
pub(super) fn order(
    mut candidates: Vec<Candidate>,
    balance: Balance,
    need: Need,
    turn: usize,
    sticky: u64,
    rng: &mut impl Rng,
) -> Vec<SocketAddr> {
    match balance {
        Balance::PowerOfTwo => power_of_two(&mut candidates, rng),
        Balance::RoundRobin => {
            // The resolver may rotate them itself.
            candidates.sort_unstable_by_key(|candidate| candidate.address);
            let turn = turn % candidates.len().max(1);
            candidates.rotate_left(turn);
        }
        Balance::LeastLoaded => candidates.sort_by_key(|candidate| candidate.connections),
        Balance::Weighted => candidates.sort_by(|one, other| share(one).total_cmp(&share(other))),
        Balance::Sticky => {
            candidates.sort_by_cached_key(|candidate| Reverse(affinity(sticky, candidate.address)));
        }
    }
    // Stable: among those of one rank the order stands.
    candidates.sort_by_key(|candidate| rank(candidate.standing, need));
    candidates
        .into_iter()
        .map(|candidate| candidate.address)
        .collect()
}

/// What `Sticky` sticks to. The same in every process: servers keep what they know of a caller.
pub(super) fn stickiness(host: &impl Hash, partition: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (host, partition).hash(&mut hasher);
    hasher.finish()
}

/// Who waits is sent where it works. Else only what failed a moment ago comes last, so that what is new, or was blacklisted, is
/// found out about.
fn rank(standing: Standing, need: Need) -> Standing {
    match (need, standing) {
        (Need::Urgent, standing) => standing,
        (Need::Unhurried, Standing::Failing) => Standing::Failing,
        (Need::Unhurried, _) => Standing::Proven,
    }
}

/// The better of two drawn comes first, then the rest from the best to the worst.
fn power_of_two(candidates: &mut [Candidate], rng: &mut impl Rng) {
    let count = candidates.len();
    let blank = |candidate: &Candidate| candidate.connections == 0 && candidate.cost.is_none();
    if count < 2 || candidates.iter().all(blank) {
        return;
    }
    let assumed = typical_cost(candidates);
    let load = |candidate: &Candidate| {
        let cost = candidate.cost.unwrap_or(assumed).max(LEAST_COST);
        (candidate.connections + 1) as f32 * cost
    };
    let one = rng.random_range(0..count);
    let other = (one + rng.random_range(1..count)) % count;
    let drawn = [one.min(other), one.max(other)].map(|at| candidates.get(at));
    let [Some(first), Some(second)] = drawn else {
        return;
    };
    let chosen = if load(second) < load(first) {
        second
    } else {
        first
    }
    .address;
    candidates.sort_by(|one, other| load(one).total_cmp(&load(other)));
    candidates.sort_by_key(|candidate| candidate.address != chosen);
}

/// The mean: what is not measured is neither the best nor the worst.
fn typical_cost(candidates: &[Candidate]) -> f32 {
    let measured = candidates.iter().filter_map(|candidate| candidate.cost);
    let (sum, count) = measured.fold((0.0, 0.0_f32), |(sum, count), cost| {
        (sum + cost.max(LEAST_COST), count + 1.0)
    });
    sum / count.max(1.0)
}

/// Connections by weight, with one more; what weighs nothing comes last.
fn share(candidate: &Candidate) -> f64 {
    (candidate.connections + 1) as f64 / f64::from(candidate.weight)
}

/// Rendezvous hashing: the highest comes first.
pub(super) fn affinity(sticky: u64, address: SocketAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    (sticky, address).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::HashMap;

    fn address(number: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, number], 443))
    }

    fn candidate(number: u8, connections: usize) -> Candidate {
        Candidate {
            address: address(number),
            connections,
            standing: Standing::Proven,
            cost: None,
            weight: 1,
        }
    }

    /// Dials one after the other, each counted at the address that came first.
    fn spread(balance: Balance, mut candidates: Vec<Candidate>, dials: usize) -> Vec<usize> {
        let mut rng = StdRng::seed_from_u64(7);
        for turn in 0..dials {
            let first = order(
                candidates.clone(),
                balance,
                Need::Unhurried,
                turn,
                9,
                &mut rng,
            )[0];
            let chosen = candidates
                .iter_mut()
                .find(|candidate| candidate.address == first);
            chosen.unwrap().connections += 1;
        }
        candidates
            .iter()
            .map(|candidate| candidate.connections)
            .collect()
    }

    fn four() -> Vec<Candidate> {
        (1..=4).map(|number| candidate(number, 0)).collect()
    }

    #[test]
    fn policies_spread_as_they_say() {
        assert_eq!(spread(Balance::RoundRobin, four(), 8), [2, 2, 2, 2]);
        assert_eq!(spread(Balance::LeastLoaded, four(), 8), [2, 2, 2, 2]);
        let two = spread(Balance::PowerOfTwo, four(), 400);
        assert!(
            two.iter().all(|count| (90..=110).contains(count)),
            "{two:?}"
        );
        let mut weighted = four();
        for (candidate, weight) in weighted.iter_mut().zip([3, 1, 0, 4]) {
            candidate.weight = weight;
        }
        assert_eq!(spread(Balance::Weighted, weighted, 16), [6, 2, 0, 8]);
        let mut sticky = spread(Balance::Sticky, four(), 8);
        sticky.sort_unstable();
        assert_eq!(sticky, [0, 0, 0, 8]);
    }

    #[test]
    fn a_far_address_gets_fewer() {
        let mut candidates = four();
        for (candidate, cost) in candidates
            .iter_mut()
            .zip([5_000.0, 5_000.0, 50_000.0, 5_000.0])
        {
            candidate.cost = Some(cost);
        }
        let counts = spread(Balance::PowerOfTwo, candidates, 100);
        assert!(counts[2] * 4 < counts[0], "{counts:?}");
    }

    #[test]
    fn one_that_goes_moves_only_its_own() {
        let place = |sticky, candidates| {
            order(
                candidates,
                Balance::Sticky,
                Need::Urgent,
                0,
                sticky,
                &mut rand::rng(),
            )[0]
        };
        let mut callers = HashMap::new();
        for sticky in 0..500 {
            let at = place(sticky, four());
            *callers.entry(at).or_insert(0) += 1;
            let mut fewer = four();
            fewer.retain(|candidate| candidate.address != address(2));
            if at != address(2) {
                assert_eq!(place(sticky, fewer), at);
            }
        }
        assert!(
            callers.values().all(|count| (90..160).contains(count)),
            "{callers:?}"
        );
    }

    #[test]
    fn the_resolvers_order_stands_where_nothing_is_known() {
        let unknown = |number| Candidate {
            standing: Standing::New,
            ..candidate(number, 0)
        };
        let candidates: Vec<_> = [3, 1, 2].map(unknown).into();
        let wanted = [3, 1, 2].map(address);
        for balance in [Balance::PowerOfTwo, Balance::LeastLoaded, Balance::Weighted] {
            let found = order(
                candidates.clone(),
                balance,
                Need::Urgent,
                0,
                0,
                &mut rand::rng(),
            );
            assert_eq!(found, wanted);
        }
    }

    fn standing() -> impl Strategy<Value = Standing> {
        use Standing::*;
        prop::sample::select(vec![Proven, New, Probation, Failing])
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (
            0..20_usize,
            standing(),
            prop::option::of(0.0_f32..1e7),
            0..5_u32,
        );
        prop::collection::vec(one, 0..12).prop_map(|all| {
            let numbered = (1_u8..).zip(all);
            numbered
                .map(
                    |(number, (connections, standing, cost, weight))| Candidate {
                        address: address(number),
                        connections,
                        standing,
                        cost,
                        weight,
                    },
                )
                .collect()
        })
    }

    proptest! {
        #[test]
        fn everyone_stays_and_rank_goes_first(
            candidates in candidates(),
            balance in prop::sample::select(Balance::ALL.to_vec()),
            urgent: bool, turn: usize, sticky: u64, seed: u64,
        ) {
            let need = if urgent { Need::Urgent } else { Need::Unhurried };
            let run = || {
                let mut rng = StdRng::seed_from_u64(seed);
                order(candidates.clone(), balance, need, turn, sticky, &mut rng)
            };
            let found = run();
            prop_assert_eq!(&found, &run(), "not the seed's alone");
            let mut sorted = found.clone();
            sorted.sort();
            let mut all: Vec<_> = candidates.iter().map(|candidate| candidate.address).collect();
            all.sort();
            prop_assert_eq!(sorted, all);
            let by: HashMap<_, _> = candidates.iter().map(|one| (one.address, one)).collect();
            for pair in found.windows(2) {
                let [one, other] = [by[&pair[0]], by[&pair[1]]];
                prop_assert!(rank(one.standing, need) <= rank(other.standing, need));
                if rank(one.standing, need) == rank(other.standing, need) {
                    match balance {
                        Balance::LeastLoaded => prop_assert!(one.connections <= other.connections),
                        Balance::Weighted => prop_assert!(one.weight > 0 || other.weight == 0),
                        _ => {}
                    }
                }
            }
        }

        /// The choice is never the worst of all, unless all are as bad.
        #[test]
        fn of_two_the_worse_is_not_chosen(connections in prop::collection::vec(0..9_usize, 3..9), seed: u64) {
            let candidates: Vec<_> = (1_u8..)
                .zip(&connections)
                .map(|(number, connections)| candidate(number, *connections))
                .collect();
            let mut rng = StdRng::seed_from_u64(seed);
            let found = order(candidates.clone(), Balance::PowerOfTwo, Need::Urgent, 0, 0, &mut rng);
            let chosen = candidates.iter().find(|one| one.address == found[0]).unwrap();
            let worst = connections.iter().max().unwrap();
            let worst_ones = connections.iter().filter(|count| *count == worst).count();
            prop_assert!(worst_ones > 1 || chosen.connections < *worst);
        }
    }
}
