//! HAProxy's PROXY protocol, versions 1 and 2: how a proxy that does not read what it forwards says for whom it connects.
//!
//! Read by our own few lines rather than a library. None of those there are (`ppp` 2.3, `proxy-header` 0.1.3, `proxy-protocol` 0.5) verifies
//! the checksum, or accepts every LOCAL header, as the specification demands; the first two take version 1 lines that it wants refused,
//! and the last one panics where a header ends before its fields do. What a library would save beside those checks is reading two address
//! formats. `proxy-header` is what the tests compare with.

mod header;
mod mode;
mod receive;
mod v1;
mod v2;

pub use header::ProxyHeader;
pub use mode::ProxyProtocol;
pub(super) use receive::receive_if_due;
