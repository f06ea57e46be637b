//! Whole connections, of stock h2 through the stream.

pub(super) mod templates;
