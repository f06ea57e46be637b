//! The provenance against the user agent.

use super::Contradiction;
use super::agent::{UserAgent, major};
use super::relatives::{Relative, all};
use super::system::System;
use crate::profile::document::Provenance;

pub(super) fn contradictions(provenance: &Provenance, agent: &UserAgent) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let mut add = |field: &str, value: &str| {
        found.push(Contradiction::new(
            format!("provenance.{field}"),
            format!("{value} does not call itself {}", agent.text),
        ));
    };
    // A client that is known by its name, but not as one that calls itself so.
    let of_name = |relative: &&Relative| relative.is_named_in(&provenance.client);
    let mut named = all().iter().filter(of_name).peekable();
    if named.peek().is_some() && !named.any(|relative| agent.includes(&relative.agent)) {
        add("client", &provenance.client);
    }
    if major(&provenance.version).is_some_and(|version| !agent.is_of_version(version)) {
        add("version", &provenance.version);
    }
    if let (Some(own), Some(other)) = (agent.system(), System::named_in(&provenance.os))
        && own != other
    {
        add("os", &provenance.os);
    }
    found
}
