//! Making a registry that is not as by default.

use std::sync::Arc;

use super::Registry;
use super::recent::{DEFAULT_RECENTLY_CLOSED, Recent};
use super::shared::Shared;
use super::sync::RwLock;
use super::tables::Tables;

/// What can be chosen about a [`Registry`], from [`Registry::builder`].
#[derive(Clone, Debug)]
#[must_use = "there is no registry until it is built"]
pub struct RegistryBuilder {
    recently_closed: usize,
}

impl RegistryBuilder {
    pub(super) fn new() -> Self {
        Self {
            recently_closed: DEFAULT_RECENTLY_CLOSED,
        }
    }

    /// How many connections are [remembered](Registry::recently_closed) after they closed, each in
    /// some 400 bytes. Zero is none. Default: [`DEFAULT_RECENTLY_CLOSED`].
    pub fn recently_closed(mut self, capacity: usize) -> Self {
        self.recently_closed = capacity;
        self
    }

    /// An empty registry.
    pub fn build(self) -> Registry {
        let tables = Tables {
            recent: Recent::new(self.recently_closed),
            ..Tables::default()
        };
        let shared = Shared {
            tables: RwLock::new(tables),
            ..Shared::default()
        };
        Registry {
            shared: Arc::new(shared),
        }
    }
}
