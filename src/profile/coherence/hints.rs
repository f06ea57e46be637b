//! Client hints against the user agent (User-Agent Client Hints, sections 3.1 to 3.4).

use super::Contradiction;
use super::agent::{UserAgent, major};
use super::system::System;
use crate::profile::installation::Installation;

pub(super) fn contradictions(installation: &Installation, agent: &UserAgent) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let Some(requests) = &installation.requests else {
        return found;
    };
    let mut hint = |name: &str, contradicts: &dyn Fn(&str) -> Option<String>| {
        // What all kinds have in common is said once.
        let of_kind = requests.kinds.iter().find_map(|kind| {
            let words = contradicts(kind.http2.fixed(name)?)?;
            Some(Contradiction::new(
                format!("requests.kinds.{}.{name}", kind.name),
                format!("{words}; the user agent is {}", agent.text),
            ))
        });
        found.extend(of_kind);
    };
    hint("sec-ch-ua", &|value| {
        let others = brands(value).filter(|(_, version)| !agent.is_of_version(*version));
        // One of the brands is made up, and so is its version.
        (others.count() > 1).then(|| format!("{value} is of another version"))
    });
    hint("sec-ch-ua-mobile", &|value| {
        (agent.is_mobile() != (value == "?1")).then(|| format!("{value} says otherwise"))
    });
    hint("sec-ch-ua-platform", &|value| {
        let named = System::named_in(value)?;
        let is_other = agent.system().is_some_and(|system| system != named);
        is_other.then(|| format!("{value} is another system"))
    });
    hint("user-agent", &|value| {
        (value != agent.text).then(|| format!("{value} is another client"))
    });
    found
}

/// The brands of a `sec-ch-ua` and the first numbers of their versions.
fn brands(value: &str) -> impl Iterator<Item = (&str, u32)> {
    // Within quotes there can be any character but these.
    value.split(", ").filter_map(|brand| {
        let (name, version) = brand.split_once("\";v=\"")?;
        Some((name.trim_start_matches('"'), major(version)?))
    })
}
