//! What stands for a profile.

use super::{Profile, ProfileError};

mod sealed {
    #[allow(unnameable_types, reason = "sealed: nobody outside is to implement it")]
    pub trait Sealed {}
}

/// A [`Profile`], or text: the name of one that is compiled in, or else a file.
pub trait IntoProfile: sealed::Sealed {
    /// The profile meant.
    ///
    /// # Errors
    ///
    /// As [`Profile::named_or_file`].
    fn into_profile(self) -> Result<Profile, ProfileError>;
}

impl sealed::Sealed for Profile {}
impl sealed::Sealed for &str {}

impl IntoProfile for Profile {
    fn into_profile(self) -> Result<Profile, ProfileError> {
        Ok(self)
    }
}

impl IntoProfile for &str {
    fn into_profile(self) -> Result<Profile, ProfileError> {
        Profile::named_or_file(self)
    }
}
