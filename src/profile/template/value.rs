//! A number that is fixed, or GREASE.

use super::HelloDraw;

/// One number of a list: a cipher suite, a group, a version, a signature algorithm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    Fixed(u16),
    /// The GREASE value drawn for the slot with this index.
    Grease(usize),
}

/// What a GREASE value is drawn for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Slot {
    /// What the profile calls it; places with the same label share one value.
    pub(crate) label: Box<str>,
    /// Whether it is an extension's number, of which no two may be equal.
    pub(crate) is_extension: bool,
}

impl Value {
    pub(crate) fn number(self, draw: &HelloDraw) -> u16 {
        match self {
            Self::Fixed(number) => number,
            Self::Grease(slot) => draw.grease(slot),
        }
    }
}
