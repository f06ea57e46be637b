//! The axes along which a connection is described. They are independent of each other.

use std::fmt;

use super::named::named;

named! {
    /// Who opened the connection.
    Direction {
        /// The peer connected to us.
        Inbound = "inbound",
        /// We connected to the peer.
        Outbound = "outbound",
    }
}

named! {
    /// Where in its life a connection is.
    ///
    /// A connection only ever moves forward; it may skip states. The order of the values is the
    /// order of life, so `state < State::Draining` reads "not yet on its way out".
    #[non_exhaustive]
    State {
        /// The transport is being established. Every connection starts here.
        Connecting = "connecting",
        /// The transport is there; TLS or the protocol's opening is being negotiated.
        Handshaking = "handshaking",
        /// Ready for requests.
        Open = "open",
        /// Takes no new requests; those under way may finish.
        Draining = "draining",
        /// Gone. Such a connection stands in no table of the registry.
        Closed = "closed",
    }
}

named! {
    /// Whether anything is under way on a connection.
    ///
    /// Derived from [`Entry::in_flight`](super::Entry::in_flight), never set.
    Activity {
        /// At least one request or exchange is under way.
        Active = "active",
        /// None is.
        Idle = "idle",
    }
}

named! {
    /// What the owner thinks of a connection. It may change either way.
    #[non_exhaustive]
    Health {
        /// Nothing speaks against it.
        Healthy = "healthy",
        /// An answer is late: taken out of rotation until it is proven good or bad.
        Suspect = "suspect",
        /// It failed a check and is to be replaced.
        Unhealthy = "unhealthy",
    }
}

/// What is spoken on a connection: the outermost protocol that is known so far.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// Bytes over TCP.
    Tcp,
    /// Bytes over TLS.
    Tls,
    /// WebSocket, over whichever version of HTTP.
    WebSocket,
    /// A protocol of the application's own, by its name. The name should be lower case and not one
    /// of the names above: `Other("http2")` is not [`Protocol::Http2`].
    Other(&'static str),
}

impl Protocol {
    /// The stable name: `grpc`, `http1`, `http2`, `tcp`, `tls`, `websocket`, or the given one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::WebSocket => "websocket",
            Self::Other(name) => name,
        }
    }
}

impl serde::Serialize for Protocol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_ordered_as_lived() {
        assert!(State::ALL.is_sorted());
        assert_eq!(State::ALL.first(), Some(&State::Connecting));
        assert_eq!(State::ALL.last(), Some(&State::Closed));
    }

    #[test]
    fn names_are_stable() {
        assert_eq!(Direction::Outbound.to_string(), "outbound");
        assert_eq!(State::Draining.to_string(), "draining");
        assert_eq!(Activity::Idle.to_string(), "idle");
        assert_eq!(Health::Suspect.to_string(), "suspect");
        assert_eq!(Protocol::WebSocket.to_string(), "websocket");
        assert_eq!(Protocol::Other("mqtt").to_string(), "mqtt");
        assert_eq!(format!("{:>6}|", Protocol::Tls), "   tls|");
    }
}
