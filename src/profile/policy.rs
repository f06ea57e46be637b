//! Which of several profiles a host, a source or a connection gets.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rand::{Rng, RngExt};

use super::{IntoProfile, Profile, ProfileError};

/// Which profile connections have, where their caller names none.
///
/// One client that shows several faces is found by comparing them: a server sees the address, and who changes his browser from one
/// connection to the next while the address stays is none. [`Fixed`](Self::Fixed), the default, is what blends in; the sticky ones
/// show each server, or each source, one face; [`Random`](Self::Random) and [`Weighted`](Self::Weighted) are for tests of servers.
///
/// ```
/// use hotpool::Pool;
/// use hotpool::profile::{ProfilePolicy, ProfileSet};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let browsers = ProfileSet::weighted([("chrome", 3), ("firefox", 1)])?;
/// let pool = Pool::builder().profiles(ProfilePolicy::PerHostSticky(browsers)).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProfilePolicy {
    /// The same for all.
    Fixed(Profile),
    /// One for each host and [partition](crate::Target::partition), as long as the pool has the same set: of many, in proportion to the
    /// set's weights.
    PerHostSticky(ProfileSet),
    /// One for each [partition](crate::Target::partition), whatever the host, as long as the pool has the same set: of many, in
    /// proportion to the set's weights. Callers without a partition are one source.
    PerSource(ProfileSet),
    /// Each connection draws one, all with the same chance.
    Random(ProfileSet),
    /// Each connection draws one, by the set's weights.
    Weighted(ProfileSet),
}

/// Profiles to choose among, with weights; never none.
#[derive(Clone, Eq, PartialEq)]
pub struct ProfileSet(Arc<[(Profile, u32)]>);

impl ProfileSet {
    /// Of equal weight.
    ///
    /// # Errors
    ///
    /// As [`weighted`](Self::weighted).
    pub fn new<P: IntoProfile>(
        profiles: impl IntoIterator<Item = P>,
    ) -> Result<Self, ProfileError> {
        Self::weighted(profiles.into_iter().map(|profile| (profile, 1)))
    }

    /// Each with its weight. What is named twice has both weights.
    ///
    /// # Errors
    ///
    /// When a profile cannot be loaded, has the weight zero, or there is none.
    pub fn weighted<P: IntoProfile>(
        profiles: impl IntoIterator<Item = (P, u32)>,
    ) -> Result<Self, ProfileError> {
        let mut set: Vec<(Profile, u32)> = Vec::new();
        for (profile, weight) in profiles {
            let profile = profile.into_profile()?;
            if weight == 0 {
                return Err(ProfileError::new(profile.name(), "its weight is zero"));
            }
            match set.iter_mut().find(|(known, _)| *known == profile) {
                Some((_, sum)) => *sum = sum.saturating_add(weight),
                None => set.push((profile, weight)),
            }
        }
        match set.is_empty() {
            true => Err(ProfileError::new(
                "a set of profiles",
                "there is none in it",
            )),
            false => Ok(Self(set.into())),
        }
    }

    /// Those in it, with their weights.
    pub fn iter(&self) -> impl Iterator<Item = (&Profile, u32)> {
        self.0.iter().map(|(profile, weight)| (profile, *weight))
    }

    /// The one on which this point of the line of all numbers falls, where each takes as much of it as its weight.
    fn at(&self, point: u64) -> Option<&Profile> {
        let total: u64 = self.iter().map(|(_, weight)| u64::from(weight)).sum();
        let mut left = ((u128::from(point) * u128::from(total)) >> u64::BITS) as u64;
        for (profile, weight) in self.iter() {
            let weight = u64::from(weight);
            if left < weight {
                return Some(profile);
            }
            left -= weight;
        }
        None
    }
}

impl ProfilePolicy {
    /// All that connections may have.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        let (fixed, set) = match self {
            Self::Fixed(profile) => (Some(profile), None),
            Self::PerHostSticky(set)
            | Self::PerSource(set)
            | Self::Random(set)
            | Self::Weighted(set) => (None, Some(set)),
        };
        let of_set = set.into_iter().flat_map(ProfileSet::iter);
        fixed.into_iter().chain(of_set.map(|(profile, _)| profile))
    }

    /// The one that every connection of this host and partition has; `None` where each connection draws. No allocation.
    pub(crate) fn settled(
        &self,
        seed: u64,
        host: &impl Hash,
        partition: Option<&str>,
    ) -> Option<&Profile> {
        match self {
            Self::Fixed(profile) => Some(profile),
            Self::PerHostSticky(set) => set.at(point(&(seed, host, partition))),
            Self::PerSource(set) => set.at(point(&(seed, partition))),
            Self::Random(_) | Self::Weighted(_) => None,
        }
    }

    /// One connection's.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> Option<&Profile> {
        match self {
            Self::Random(set) => {
                let place = rng.random_range(0..set.0.len());
                set.0.get(place).map(|(profile, _)| profile)
            }
            Self::Weighted(set) => set.at(rng.random()),
            Self::Fixed(_) | Self::PerHostSticky(_) | Self::PerSource(_) => self.profiles().next(),
        }
    }
}

/// The same for the same subject, in every process.
fn point(subject: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.hash(&mut hasher);
    hasher.finish()
}

impl fmt::Debug for ProfileSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self
            .iter()
            .map(|(profile, weight)| (profile.name(), weight));
        f.debug_map().entries(named).finish()
    }
}

impl fmt::Display for ProfilePolicy {
    /// The name of the one, or of all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, profile) in self.profiles().enumerate() {
            let separator = if place == 0 { "" } else { " | " };
            write!(f, "{separator}{}", profile.name())?;
        }
        Ok(())
    }
}

impl From<Profile> for ProfilePolicy {
    fn from(profile: Profile) -> Self {
        Self::Fixed(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::HashMap;

    const NAMES: [&str; 3] = ["chrome", "firefox", "rustls"];

    fn set(weights: [u32; 3]) -> ProfileSet {
        ProfileSet::weighted(NAMES.into_iter().zip(weights)).unwrap()
    }

    fn counted<'a>(drawn: impl Iterator<Item = Option<&'a Profile>>) -> Vec<usize> {
        let mut counts = HashMap::new();
        for profile in drawn {
            *counts.entry(profile.unwrap().clone()).or_insert(0) += 1;
        }
        NAMES
            .iter()
            .map(|name| counts.get(&Profile::named(name).unwrap()).copied())
            .map(Option::unwrap_or_default)
            .collect()
    }

    #[test]
    fn a_set_has_something_in_it() {
        assert!(ProfileSet::new::<&str>([]).is_err());
        assert!(ProfileSet::new(["no-such-profile"]).is_err());
        assert!(ProfileSet::weighted([("chrome", 0)]).is_err());
        let twice = ProfileSet::new(["chrome", "firefox", "chrome"]).unwrap();
        let weights: Vec<_> = twice.iter().map(|(_, weight)| weight).collect();
        assert_eq!(weights, [2, 1]);
    }

    /// Four standard deviations of a binomial distribution.
    fn check(counts: &[usize], weights: [u32; 3]) {
        let (all, total): (usize, u32) = (counts.iter().sum(), weights.iter().sum());
        for (count, weight) in counts.iter().zip(weights) {
            let part = f64::from(weight) / f64::from(total);
            let deviation = (all as f64 * part * (1.0 - part)).sqrt();
            let off = (*count as f64 - all as f64 * part).abs();
            assert!(off <= 4.0 * deviation, "{counts:?} for {weights:?}");
        }
    }

    #[test]
    fn draws_follow_the_weights_and_random_does_not_care() {
        let mut rng = StdRng::seed_from_u64(5);
        let weights = [6, 3, 1];
        let mut drawn = |policy: &ProfilePolicy| {
            let drawn: Vec<_> = (0..4_000).map(|_| policy.draw(&mut rng)).collect();
            counted(drawn.into_iter())
        };
        check(&drawn(&ProfilePolicy::Weighted(set(weights))), weights);
        check(&drawn(&ProfilePolicy::Random(set(weights))), [1, 1, 1]);
    }

    #[test]
    fn of_many_hosts_or_sources_each_profile_has_its_part() {
        let weights = [6, 3, 1];
        let names: Vec<_> = (0..4_000).map(|number| number.to_string()).collect();
        let per_host = ProfilePolicy::PerHostSticky(set(weights));
        let hosts = names.iter().map(|host| per_host.settled(1, host, None));
        check(&counted(hosts), weights);
        let per_source = ProfilePolicy::PerSource(set(weights));
        let sources = names
            .iter()
            .map(|source| per_source.settled(1, &"host", Some(source)));
        check(&counted(sources), weights);
    }

    proptest! {
        #[test]
        fn what_is_sticky_stays(seed: u64, host: String, other: String, partition: Option<String>) {
            let partition = partition.as_deref();
            let per_host = ProfilePolicy::PerHostSticky(set([1, 1, 1]));
            let first = per_host.settled(seed, &host, partition).unwrap();
            let again = ProfilePolicy::PerHostSticky(set([1, 1, 1]));
            prop_assert_eq!(again.settled(seed, &host, partition), Some(first));
            let per_source = ProfilePolicy::PerSource(set([1, 1, 1]));
            let here = per_source.settled(seed, &host, partition);
            prop_assert!(here.is_some());
            prop_assert_eq!(here, per_source.settled(seed, &other, partition));
        }

        #[test]
        fn every_point_falls_on_one(point: u64, weights in [1..u32::MAX, 1..u32::MAX, 1..u32::MAX]) {
            prop_assert!(set(weights).at(point).is_some());
        }
    }
}
