//! How large a response's head may be on a connection, and what is told of one that is larger.

use super::Live;
use crate::error::Error;
use crate::pool::events::Limit;
use crate::registry::Protocol;

impl Live {
    /// A response's head was larger than there is memory for: tells it, and makes the error name the limit.
    pub(crate) fn head_was_too_large(&self, error: Error) -> Error {
        let limit = self.head_limit();
        self.host().limit_reached(
            Limit::MaxMemoryPerConnection,
            limit as usize,
            limit as usize,
        );
        // hyper parses into a place for so many.
        let fields = match self.protocol() {
            Protocol::Http1 => ", or than 100 fields",
            _ => "",
        };
        error.with_detail(format!(
            "max_memory_per_connection: more than the {limit} bytes of it that a head may take{fields}"
        ))
    }
}
