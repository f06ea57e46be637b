//! HAProxy's PROXY protocol, versions 1 and 2: how a proxy that does not read what it forwards says for whom it connects.
//!
//! Read by our own few lines rather than a library (`proxy-header`, `ppp`, `proxy-protocol` were looked at): none of them verifies the
//! checksum or accepts every LOCAL header, as the specification demands, and the two that are maintained take version 1 lines that it
//! wants refused. What remains of them behind such checks is two address formats. `proxy-header` is what the tests compare with.

mod header;
mod mode;
mod receive;
mod v1;
mod v2;

pub use header::ProxyHeader;
pub use mode::ProxyProtocol;
pub(super) use receive::receive_if_due;
