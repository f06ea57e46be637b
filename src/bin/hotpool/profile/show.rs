//! `hotpool profile show`: a profile as JSON.

use super::load;
use crate::failure::{Failure, Status};
use crate::output;

pub(super) fn run(profile: &str) -> Result<Status, Failure> {
    let profile = load(profile)?;
    output::line(&profile.to_json())?;
    for missing in profile.deliverable().missing() {
        output::complain(&format!(
            "{}: cannot be delivered: {missing}",
            profile.name()
        ));
    }
    Ok(Status::Done)
}
