//! Whether the parts of a profile can be of one client.
//!
//! A client is told by what its `user-agent` says, and compared with the profiles that are compiled in and call themselves alike:
//! so nothing here knows what any one client does. The rest follows from the protocols.

mod agent;
mod contradiction;
mod encodings;
mod hints;
mod origin;
mod protocols;
mod relatives;
mod system;
#[cfg(test)]
mod tests;
mod traits;

use agent::UserAgent;
pub use contradiction::Contradiction;
pub(super) use protocols::leaves_http2_open;

use super::document::ProfileDocument;
use super::installation::Installation;

/// Whatever of an installation contradicts the rest of it, or the profile's provenance.
pub(super) fn contradictions(
    document: &ProfileDocument,
    installation: &Installation,
) -> Vec<Contradiction> {
    let mut found = protocols::contradictions(document, installation);
    found.extend(encodings::contradictions(installation));
    if let Some(agent) = UserAgent::of(installation) {
        found.extend(hints::contradictions(installation, &agent));
        found.extend(origin::contradictions(&document.provenance, &agent));
        found.extend(traits::contradictions(installation, &agent));
    }
    found
}
