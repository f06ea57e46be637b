//! permessage-deflate (RFC 7692).

mod negotiation;
mod offer;
mod parameters;

pub(crate) use negotiation::NegotiationError;
pub(crate) use offer::PERMESSAGE_DEFLATE;
pub(crate) use parameters::DeflateParameters;
