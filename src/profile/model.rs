//! The profile a connection is made with.

use std::sync::{Arc, LazyLock};

/// What a client looks like on the wire.
///
/// There is one, [`rustls`](Self::rustls), which changes nothing. Two profiles are equal if their names are; a clone shares
/// the original's memory.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Profile {
    name: Arc<str>,
}

impl Profile {
    /// No shaping: what stock rustls and stock h2 send.
    pub fn rustls() -> Self {
        static RUSTLS: LazyLock<Profile> = LazyLock::new(|| Profile {
            name: Arc::from("rustls"),
        });
        RUSTLS.clone()
    }

    /// The name, unique among the profiles of a process.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_the_name() {
        let profile = Profile::rustls();
        assert_eq!(&**profile.name(), "rustls");
        assert!(Arc::ptr_eq(profile.name(), Profile::rustls().name()));
        assert_eq!(
            profile,
            Profile {
                name: Arc::from("rustls")
            }
        );
    }
}
