//! The ceilings and deadlines of a listener, and why each is what it is.

use std::time::Duration;

/// Connections of one listener, handshaking ones included: some 20 MB of TLS and HTTP state.
pub const DEFAULT_MAX_CONNECTIONS: usize = 1_000;

/// HTTP/2 streams at a time on one connection: RFC 9113 §6.5.2 advises 100 or more, and what one
/// peer can keep busy grows with it.
pub const DEFAULT_MAX_CONCURRENT_STREAMS: u32 = 200;

/// The TLS handshake: two round trips, so even a bad mobile link needs a tenth of this.
pub const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The PROXY header, which a proxy sends in one piece as soon as it has connected: the specification asks for three seconds at least,
/// for a segment that is lost; two more are for one that is lost twice.
pub const DEFAULT_PROXY_HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The first request's header block: what the largest one allowed takes at 20 kbit/s.
pub const DEFAULT_HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Between requests: as long as this crate's pool keeps an unused connection.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// From the polite word to the cut: a response in flight fits, an operator does not wait for more.
pub const DEFAULT_CLOSE_GRACE: Duration = Duration::from_secs(2);

/// What a timeout is cut down to: a year is for ever, and added to an `Instant` it cannot overflow.
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Bytes of one header block: browsers' cookies for one site stay below 8 KiB by far, and each
/// connection may keep as much in memory.
pub(super) const MAX_HEADER_BYTES: u32 = 64 * 1024;

/// Between attempts to accept while the system refuses (no descriptors, no memory): a place gets
/// free when a connection ends, so trying more often only takes time from ending them.
pub(super) const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
