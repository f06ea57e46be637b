//! The profiles that are compiled in, as what others are compared with.

use std::sync::LazyLock;

use super::agent::UserAgent;
use super::traits::Traits;
use crate::profile::catalogue;

/// One installation of a profile.
#[derive(Debug)]
pub(super) struct Relative {
    pub(super) profile: String,
    client: String,
    pub(super) agent: UserAgent,
    pub(super) traits: Traits,
}

impl Relative {
    /// Whether the text has a word of the client's name.
    pub(super) fn is_named_in(&self, text: &str) -> bool {
        let mut words = text.split_whitespace();
        words.any(|word| {
            let mut own = self.client.split_whitespace();
            own.any(|own| own.eq_ignore_ascii_case(word))
        })
    }
}

/// All that say who they are.
pub(super) fn all() -> &'static [Relative] {
    static ALL: LazyLock<Vec<Relative>> = LazyLock::new(|| {
        let profiles = catalogue().unwrap_or_default();
        let relatives = profiles.iter().flat_map(|profile| {
            profile.installations().iter().filter_map(|installation| {
                Some(Relative {
                    profile: profile.name().to_string(),
                    client: profile.provenance().client.clone(),
                    agent: UserAgent::of(installation)?,
                    traits: Traits::of(installation),
                })
            })
        });
        relatives.collect()
    });
    &ALL
}
