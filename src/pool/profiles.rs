//! Which profile a host's connections have: the one that its key names, or one that each of them draws.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::builder::PoolBuilder;
use super::shared::{Defaults, Shared};
use crate::dial::OriginRef;
use crate::profile::{AcceptLanguage, IntoProfile, Profile, ProfilePolicy};

/// Part of a key: two hosts whose connections draw from the same set by the same rule are the same host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Look {
    /// All have this one.
    One(Profile),
    /// Each draws.
    Drawn(ProfilePolicy),
}

/// A [`Look`] that borrows.
#[derive(Clone, Copy, Debug)]
pub(super) enum LookRef<'a> {
    One(&'a Profile),
    Drawn(&'a ProfilePolicy),
}

impl Look {
    pub(super) fn borrowed(&self) -> LookRef<'_> {
        match self {
            Self::One(profile) => LookRef::One(profile),
            Self::Drawn(policy) => LookRef::Drawn(policy),
        }
    }

    /// All that its connections may have.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        let (one, drawn) = match self {
            Self::One(profile) => (Some(profile), None),
            Self::Drawn(policy) => (None, Some(policy)),
        };
        let drawn = drawn.into_iter().flat_map(ProfilePolicy::profiles);
        one.into_iter().chain(drawn)
    }

    /// The name of the one, or of all that may be drawn.
    pub(super) fn name(&self) -> String {
        match self {
            Self::One(profile) => profile.name().to_string(),
            Self::Drawn(policy) => policy.to_string(),
        }
    }
}

impl LookRef<'_> {
    pub(super) fn to_owned(self) -> Look {
        match self {
            Self::One(profile) => Look::One(profile.clone()),
            Self::Drawn(policy) => Look::Drawn(policy.clone()),
        }
    }
}

impl PartialEq<Look> for LookRef<'_> {
    fn eq(&self, other: &Look) -> bool {
        match (self, other) {
            (Self::One(one), Look::One(other)) => *one == other,
            (Self::Drawn(one), Look::Drawn(other)) => *one == other,
            _ => false,
        }
    }
}

impl Defaults {
    /// What connections to a host look like, unless their caller says otherwise. No allocation.
    pub(super) fn look(&self, origin: OriginRef<'_>, partition: Option<&str>) -> LookRef<'_> {
        match self.profiles.settled(self.profile_seed, &origin, partition) {
            Some(profile) => LookRef::One(profile),
            None => LookRef::Drawn(&self.profiles),
        }
    }
}

impl Shared {
    /// The profile of a connection that is to be made.
    pub(super) fn profile_for(&self, look: &Look) -> Profile {
        let drawn = match look {
            Look::One(profile) => Some(profile),
            Look::Drawn(policy) => policy.draw(&mut *self.draws.lock()),
        };
        // A set is never empty.
        drawn.cloned().unwrap_or_else(Profile::rustls)
    }
}

/// What connections look like.
impl PoolBuilder {
    /// What connections look like: a [`Profile`], or the name of one that is compiled in (`"chrome"`, `"firefox-156"`), or a file.
    /// Default: [`Profile::rustls`].
    pub fn profile(mut self, profile: impl IntoProfile) -> Self {
        match profile.into_profile() {
            Ok(profile) => self.profiles(profile.into()),
            Err(error) => {
                self.no_profile = Some(error);
                self
            }
        }
    }

    /// As [`profile`](Self::profile), for several: one for each host or source, or drawn by each connection. Callers that name one, by
    /// [`Target::profile`](crate::Target::profile) or a request's extension, get that.
    pub fn profiles(mut self, policy: ProfilePolicy) -> Self {
        (self.profiles, self.no_profile) = (Some(policy), None);
        self
    }

    /// Whatever is drawn or chosen of [`profiles`](Self::profiles) follows from this and the order of the dials: two pools with the same
    /// seed choose the same for the same host or source. Default: each pool has its own.
    pub fn profile_seed(mut self, seed: u64) -> Self {
        self.profile_seed = Some(seed);
        self
    }

    /// What requests say about languages, where they have no `accept-language` of their own and the profile's client sends one.
    /// Default: what the profile says.
    pub fn accept_language(mut self, language: AcceptLanguage) -> Self {
        self.accept_language = language;
        self
    }
}

pub(super) fn seeded(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}
