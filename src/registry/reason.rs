//! Why a connection ended.

use super::named::named;

named! {
    /// Why a connection was closed. Of several causes the first is kept: the later ones are mostly
    /// its consequences.
    #[non_exhaustive]
    CloseReason {
        /// The owner was dropped without saying why.
        Abandoned = "abandoned",
        /// An access list denies its address since.
        AddressDenied = "address-denied",
        /// The name service no longer names its address.
        AddressGone = "address-gone",
        /// The transport could not be established.
        ConnectFailed = "connect-failed",
        /// Reading or writing failed.
        Error = "error",
        /// A limit needed the place.
        Evicted = "evicted",
        /// The generation that it belonged to was retired as a whole.
        Flushed = "flushed",
        /// The peer announced that it is going away.
        GoAway = "go-away",
        /// TLS or the protocol's opening failed.
        HandshakeFailed = "handshake-failed",
        /// Nothing happened on it for too long.
        IdleTimeout = "idle-timeout",
        /// It reached its greatest age.
        LifetimeReached = "lifetime-reached",
        /// This side was done with it.
        LocalClose = "local-close",
        /// The peer closed it in order.
        PeerClosed = "peer-closed",
        /// The peer reset it.
        PeerReset = "peer-reset",
        /// A trusted proxy's PROXY header was due, and was missing, malformed or late; or a stranger came where only trusted proxies may.
        ProxyHeader = "proxy-header",
        /// The peer broke the protocol.
        ProtocolError = "protocol-error",
        /// Its user connected anew, and may have one connection only.
        Replaced = "replaced",
        /// This side's policy did not want it.
        Refused = "refused",
        /// Somebody asked for it, for instance an operator.
        Requested = "requested",
        /// The pool or server is shutting down.
        Shutdown = "shutdown",
        /// It failed its health checks.
        Unhealthy = "unhealthy",
    }
}

impl CloseReason {
    /// Whether something went wrong: the connection failed, or the peer broke it off.
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::ConnectFailed
                | Self::Error
                | Self::HandshakeFailed
                | Self::PeerReset
                | Self::ProtocolError
                | Self::Unhealthy
        )
    }

    /// Whether the peer was silent for too long.
    pub const fn is_timeout(self) -> bool {
        matches!(self, Self::IdleTimeout)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_lower_case_words() {
        let names: HashSet<_> = CloseReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        assert_eq!(names.len(), CloseReason::ALL.len());
        for name in names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{name}"
            );
        }
    }
}
