//! Profiles as JSON values, all that they extend written out.

use hotpool::profile::Profile;
use serde_json::Value;

/// What the profile says.
pub(super) fn document(profile: &Profile) -> Value {
    serde_json::from_str(&profile.to_json()).unwrap_or_default()
}

/// Whether it says what its client's hello is.
pub(super) fn fixes_a_hello(profile: &Profile) -> bool {
    document(profile).get("client_hello").is_some()
}
