//! A request's headers as the client would have sent them.

use http::HeaderMap;

/// A request as its user gave it.
#[derive(Debug)]
pub(crate) struct Undressed {}

/// Headers in the client's order.
#[derive(Debug)]
pub(crate) struct Dressed {
    pub(crate) headers: HeaderMap,
}
