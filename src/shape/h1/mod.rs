//! Between hyper and the network: gives the names of a request's headers the case that the profile's client gives them.
//!
//! [`http::HeaderName`] knows lower case only, and so does what hyper writes. Everything else of a request is already right when it
//! comes here; bodies pass without a copy.

mod framing;
mod head;
mod outbound;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use head::Spelling;
pub(crate) use stream::Http1Stream;
