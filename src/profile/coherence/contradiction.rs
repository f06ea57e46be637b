//! What is said of a contradiction.

use std::fmt;

/// Two parts of a profile that no one client has together: a server that sees both knows that it is an imitation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contradiction {
    place: Box<str>,
    words: Box<str>,
}

impl Contradiction {
    pub(super) fn new(place: impl Into<Box<str>>, words: impl Into<Box<str>>) -> Self {
        Self {
            place: place.into(),
            words: words.into(),
        }
    }

    /// The field that contradicts another, by its path, such as `http2.settings`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is there, and what it contradicts.
    pub fn words(&self) -> &str {
        &self.words
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.words)
    }
}
