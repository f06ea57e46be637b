//! `hotpool profile show`: a profile as JSON.

use super::load;
use crate::failure::{Failure, Status};
use crate::output;

pub(super) fn run(profile: &str) -> Result<Status, Failure> {
    let profile = load(profile)?;
    output::line(&profile.to_json())?;
    if let Some(akamai) = profile.akamai() {
        output::tell(&format!("{}: HTTP/2 {akamai}", profile.name()));
    }
    let kinds = profile.request_kinds();
    if !kinds.is_empty() {
        let kinds = kinds.join(", ");
        output::tell(&format!("{}: requests: {kinds}", profile.name()));
    }
    for missing in profile.deliverable().missing() {
        output::complain(&format!(
            "{}: cannot be delivered: {missing}",
            profile.name()
        ));
    }
    Ok(Status::Done)
}
