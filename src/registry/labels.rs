//! Words that group connections as the application sees fit.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use super::tables::Closed;
use super::{ConnectionId, Entry, Registration, Registry};

/// Labels of one connection. Each is a place in an index, which takes about a hundred bytes; who
/// needs more of them has values to keep, which are [attributes](super::Attributes).
pub const MAX_LABELS: usize = 16;

/// Bytes of one label. Labels are listed and compared as a whole: a name fits, a document does not.
pub const MAX_LABEL_LENGTH: usize = 64;

impl Registration {
    /// Adds a label, as [`Registry::add_label`] does; whether it is new.
    ///
    /// # Errors
    ///
    /// Those of [`Registry::add_label`].
    pub fn add_label(&self, label: impl Into<Arc<str>>) -> Result<bool, LabelError> {
        self.shared.add_label(&self.entry, label.into())
    }

    /// Removes a label; whether it was there.
    pub fn remove_label(&self, label: &str) -> bool {
        self.shared.remove_label(&self.entry, label)
    }
}

impl Registry {
    /// Adds a label to a connection; whether it is new. Labels are compared as they are given, and
    /// found by [`by_label`](Self::by_label).
    ///
    /// # Errors
    ///
    /// [`Empty`](LabelError::Empty) and [`TooLong`](LabelError::TooLong) for what is no label,
    /// [`TooMany`](LabelError::TooMany) when the connection has [`MAX_LABELS`] others,
    /// [`Closed`](LabelError::Closed) when it is not here, or no longer.
    pub fn add_label(
        &self,
        id: ConnectionId,
        label: impl Into<Arc<str>>,
    ) -> Result<bool, LabelError> {
        let entry = self.entry(id).ok_or(LabelError::Closed)?;
        self.shared.add_label(&entry, label.into())
    }

    /// Removes a label from a connection; whether it was there.
    pub fn remove_label(&self, id: ConnectionId, label: &str) -> bool {
        self.entry(id)
            .is_some_and(|entry| self.shared.remove_label(&entry, label))
    }
}

impl Shared {
    fn add_label(&self, entry: &Arc<Entry>, label: Arc<str>) -> Result<bool, LabelError> {
        let mut outcome = Ok(());
        let added = self.change(entry, |facts| outcome = facts.labels.add(label))?;
        outcome.map(|()| added)
    }

    fn remove_label(&self, entry: &Arc<Entry>, label: &str) -> bool {
        self.change(entry, |facts| facts.labels.remove(label))
            .unwrap_or(false)
    }
}

/// The labels of a connection, sorted. Without any it takes no memory, and a copy is a pointer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Labels(Option<Arc<[Arc<str>]>>);

impl Labels {
    pub(super) fn as_slice(&self) -> &[Arc<str>] {
        self.0.as_deref().unwrap_or_default()
    }

    pub(super) fn contains(&self, label: &str) -> bool {
        self.as_slice().iter().any(|own| **own == *label)
    }

    /// Adds a label that may be there already; without success nothing changes.
    fn add(&mut self, label: Arc<str>) -> Result<(), LabelError> {
        match label.len() {
            0 => return Err(LabelError::Empty),
            1..=MAX_LABEL_LENGTH => {}
            _ => return Err(LabelError::TooLong),
        }
        let labels = self.as_slice();
        let Err(at) = labels.binary_search(&label) else {
            return Ok(());
        };
        if labels.len() >= MAX_LABELS {
            return Err(LabelError::TooMany);
        }
        let (before, after) = labels.split_at(at);
        let more = [before, &[label], after].concat();
        self.0 = Some(more.into());
        Ok(())
    }

    fn remove(&mut self, label: &str) {
        let mut labels = self.as_slice().to_vec();
        labels.retain(|own| **own != *label);
        self.0 = (!labels.is_empty()).then(|| labels.into());
    }
}

/// Why a label was not added.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LabelError {
    /// The connection is closed, or was never in this registry.
    Closed,
    /// The label has no bytes.
    Empty,
    /// The label has more than [`MAX_LABEL_LENGTH`] bytes.
    TooLong,
    /// The connection has [`MAX_LABELS`] already.
    TooMany,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closed"),
            Self::Empty => f.write_str("the label is empty"),
            Self::TooLong => write!(f, "the label is longer than {MAX_LABEL_LENGTH} bytes"),
            Self::TooMany => write!(f, "the connection has {MAX_LABELS} labels already"),
        }
    }
}

impl StdError for LabelError {}

impl From<Closed> for LabelError {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{CloseReason, Direction, Draft, Protocol};

    fn register(registry: &Registry) -> Registration {
        registry.register(Draft::new(Direction::Inbound, Protocol::WebSocket))
    }

    #[test]
    fn a_connection_is_found_by_its_labels_while_it_has_them() {
        let registry = Registry::new();
        let registration = register(&registry);
        let id = registration.id();
        assert_eq!(registration.add_label("red"), Ok(true));
        assert_eq!(registry.add_label(id, "blue"), Ok(true));
        assert_eq!(registry.add_label(id, "red"), Ok(false));
        assert_eq!(registration.labels(), [Arc::from("blue"), Arc::from("red")]);
        assert_eq!(registry.by_label("red")[0].id(), id);

        assert!(registration.remove_label("red"));
        assert!(!registry.remove_label(id, "red"));
        assert_eq!(registry.count_by_label("red"), 0);
        assert!(registration.has_label("blue") && !registration.has_label("red"));

        registration.close(CloseReason::LocalClose);
        assert_eq!(registry.count_by_label("blue"), 0);
        assert_eq!(registration.add_label("green"), Err(LabelError::Closed));
        assert_eq!(registry.add_label(id, "green"), Err(LabelError::Closed));
        assert!(!registration.remove_label("blue") && !registry.remove_label(id, "blue"));
        assert_eq!(registration.labels(), [Arc::from("blue")]);
    }

    #[test]
    fn labels_are_bounded_in_number_and_length() {
        let registry = Registry::new();
        let registration = register(&registry);
        let longest = "x".repeat(MAX_LABEL_LENGTH);
        assert_eq!(registration.add_label(longest.as_str()), Ok(true));
        assert_eq!(
            registration.add_label(longest + "x"),
            Err(LabelError::TooLong)
        );
        assert_eq!(registration.add_label(""), Err(LabelError::Empty));

        for number in 1..MAX_LABELS {
            assert_eq!(registration.add_label(number.to_string()), Ok(true));
        }
        assert_eq!(registration.add_label("more"), Err(LabelError::TooMany));
        assert_eq!(registration.add_label("1"), Ok(false));
        assert_eq!(registration.labels().len(), MAX_LABELS);
        assert_eq!(registry.count_by_label("more"), 0);
        assert!(registration.remove_label("1"));
        assert_eq!(registration.add_label("more"), Ok(true));
    }
}
