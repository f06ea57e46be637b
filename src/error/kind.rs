//! The kinds of error, sorted by whose fault they are.

use std::fmt;

/// Who would have to act differently for the error not to occur.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The code or the configuration that called us.
    Caller,
    /// This process: a limit of the pool was reached, or it is shutting down.
    Local,
    /// What lies between: name resolution, routing, a cut connection.
    Network,
    /// The server.
    Peer,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident, $fault:ident, $transient:literal, $code:literal, $text:literal;)*) => {
        /// What went wrong.
        ///
        /// [`as_str`](ErrorKind::as_str) is the stable name used in logs and in `hotpool get --json`.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* #[doc = concat!("\n\nIts stable name is `", $code, "`.")] $variant,)*
        }

        impl ErrorKind {
            /// Every kind there is, in the order of their documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name: lower case, words joined by hyphens.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)* }
            }

            /// Whether the cause may pass by itself, so that trying again later makes sense.
            pub const fn is_transient(self) -> bool {
                match self { $(Self::$variant => $transient,)* }
            }

            pub(super) const fn describe(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

kinds! {
    /// A setting is impossible or contradicts another; the message names it.
    InvalidConfiguration, Caller, false, "invalid-configuration", "invalid configuration";
    /// What was given is no host, `host:port` or `http(s)` URL.
    InvalidTarget, Caller, false, "invalid-target", "not a host, host:port or URL";
    /// The request cannot be expressed in the connection's protocol.
    InvalidRequest, Caller, false, "invalid-request", "the request cannot be sent";
    /// The request's own body stream failed.
    RequestBody, Caller, false, "request-body", "the request's body failed";
    /// Every address of the host is one that the access list denies; the message names them and what denies them.
    AddressDenied, Caller, false, "address-denied", "the access list denies the addresses";
    /// The tokio runtime that the pool was built on has ended, and the pool's tasks with it.
    RuntimeGone, Caller, false, "runtime-gone", "the runtime that owns the pool has ended";

    /// No connection became free before the acquire deadline; the message names the limit that stood in the way.
    AcquireTimeout, Local, true, "acquire-timeout", "no connection became free in time";
    /// As many callers wait for the host as may (`max_waiters_per_host`); this one was refused at once.
    QueueFull, Local, true, "queue-full", "too many callers wait already";
    /// A limit allows no further connection to the host's addresses for now; the message names it. Callers wait for a place and are
    /// not given this error; it is what became of the one dial.
    LimitReached, Local, true, "limit-reached", "a limit allows no more for now";
    /// The host failed so often that its circuit breaker lets nobody through for a while; the message says for how long.
    CircuitOpen, Local, true, "circuit-open", "the host's circuit breaker is open";
    /// The pool was closed.
    PoolClosed, Local, false, "pool-closed", "the pool is closed";
    /// The connection was closed from this side, for instance by the registry or by a shutdown deadline.
    ClosedLocally, Local, true, "closed-locally", "the connection was closed on this side";
    /// The process is out of descriptors, memory or ports.
    OutOfResources, Local, true, "out-of-resources", "the system refused the resources for a connection";

    /// The name does not exist or has no address.
    HostNotFound, Network, false, "host-not-found", "host not found";
    /// The name servers failed or could not be reached.
    ResolveFailed, Network, true, "resolve-failed", "name resolution failed";
    /// No answer from name resolution within its deadline.
    ResolveTimeout, Network, true, "resolve-timeout", "name resolution took too long";
    /// The network or host is unreachable, or connecting failed for another reason.
    ConnectFailed, Network, true, "connect-failed", "could not connect";
    /// Nobody listens at the address.
    ConnectRefused, Peer, true, "connect-refused", "connection refused";
    /// No answer to the TCP handshake within its deadline.
    ConnectTimeout, Network, true, "connect-timeout", "connecting took too long";
    /// The connection was reset.
    ConnectionReset, Network, true, "connection-reset", "the connection was reset";

    /// The server closed the connection before the answer was complete.
    ConnectionClosed, Peer, true, "connection-closed", "the server closed the connection";
    /// What listens at the address does not speak TLS.
    NotTls, Peer, false, "not-tls", "the server does not speak TLS";
    /// The TLS handshake did not finish within its deadline.
    TlsTimeout, Peer, true, "tls-timeout", "the TLS handshake took too long";
    /// The server refused the handshake with an alert; the message names it.
    TlsAlert, Peer, false, "tls-alert", "the server refused the TLS handshake";
    /// The TLS handshake failed for another reason.
    TlsFailed, Peer, false, "tls-failed", "the TLS handshake failed";
    /// The server did not agree to a protocol that the caller insists on.
    ProtocolNotOffered, Peer, false, "protocol-not-offered", "the server does not offer the protocol asked for";
    /// The certificate's time has passed.
    CertificateExpired, Peer, false, "certificate-expired", "the server's certificate has expired";
    /// The certificate's time has not come.
    CertificateNotYetValid, Peer, false, "certificate-not-yet-valid", "the server's certificate is not valid yet";
    /// The certificate is for other names.
    CertificateWrongName, Peer, false, "certificate-wrong-name", "the server's certificate is for another name";
    /// No trusted authority issued the certificate.
    CertificateUnknownIssuer, Peer, false, "certificate-unknown-issuer", "the server's certificate is from an unknown issuer";
    /// The certificate was revoked.
    CertificateRevoked, Peer, false, "certificate-revoked", "the server's certificate was revoked";
    /// The certificate is broken or not fit for a server.
    CertificateInvalid, Peer, false, "certificate-invalid", "the server's certificate is invalid";
    /// The server's HTTP/2 SETTINGS did not arrive within their deadline.
    SettingsTimeout, Peer, true, "settings-timeout", "the server sent no HTTP/2 SETTINGS in time";
    /// The server broke its protocol.
    ProtocolViolation, Peer, false, "protocol-violation", "the server broke the protocol";
    /// The head of the server's answer is larger than there is memory for; the message says how large it may be, and by which limit.
    ResponseHeadTooLarge, Peer, false, "response-head-too-large", "the head of the answer is too large";
    /// The server is going away and did not process the request.
    GoAway, Peer, true, "going-away", "the server is going away";
    /// The server refused the stream before any processing (RFC 9113 §8.7).
    StreamRefused, Peer, true, "stream-refused", "the server refused the request unprocessed";
    /// The server reset the stream; the message names its reason.
    StreamReset, Peer, false, "stream-reset", "the server reset the stream";
    /// A connection whose server did not answer a PING was ended with all that was under way on it (`ping_timeout`). Of a blacklisted
    /// address: connections there ended for that, or for failing probes, one after the other.
    Unresponsive, Network, true, "unresponsive", "the server did not answer a PING or a probe";
    /// The response's body is not in the content coding that its head names, or ends before the coding does.
    ContentCoding, Peer, false, "content-coding", "the response's body cannot be decoded";
    /// A redirect was not followed: the policy refuses it, or it leads to something else than `http` and `https`.
    RedirectRefused, Peer, false, "redirect-refused", "the redirect is not followed";
    /// The server did not open the WebSocket; the message has its answer, or what is wrong with it.
    WebSocketRefused, Peer, false, "websocket-refused", "the server did not open the WebSocket";
    /// A message is larger than its receiver takes; the message names the limit.
    MessageTooLarge, Peer, false, "message-too-large", "the message is too large";
    /// The proxy will not open a tunnel to the host; the message has its answer.
    ProxyRefused, Peer, false, "proxy-refused", "the proxy refuses to connect to the host";
    /// The proxy could not reach the host, says the proxy; the message has its answer.
    ProxyConnectFailed, Network, true, "proxy-connect-failed", "the proxy could not connect to the host";
    /// The proxy wants credentials, or others than it was given.
    ProxyAuthRequired, Caller, false, "proxy-auth-required", "the proxy wants credentials";
    /// The proxy closed the connection before it had opened the tunnel.
    ProxyClosed, Peer, true, "proxy-closed", "the proxy closed the connection";
    /// The proxy had not opened the tunnel within its deadline (`proxy_timeout`).
    ProxyTimeout, Peer, true, "proxy-timeout", "the proxy took too long";
    /// The proxy's answer is none of its protocol, or too long; what listens there may be something else.
    ProxyProtocol, Peer, false, "proxy-protocol", "the proxy does not speak its protocol";
    /// The TLS handshake with an HTTPS proxy failed; the message says why.
    ProxyTlsFailed, Peer, false, "proxy-tls-failed", "the TLS handshake with the proxy failed";
    /// The answer did not arrive within the caller's deadline.
    ///
    /// The pool sets no such deadline for requests; `HotClient` does where its user wants one, and so does the command (`--timeout`). A
    /// WebSocket's opening has one.
    RequestTimeout, Peer, false, "request-timeout", "the answer took too long";
}

impl ErrorKind {
    /// Whether a deadline passed.
    pub const fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::AcquireTimeout
                | Self::ConnectTimeout
                | Self::ProxyTimeout
                | Self::RequestTimeout
                | Self::ResolveTimeout
                | Self::SettingsTimeout
                | Self::TlsTimeout
        )
    }

    /// Whether the server's certificate was refused.
    pub const fn is_certificate(self) -> bool {
        matches!(
            self,
            Self::CertificateExpired
                | Self::CertificateInvalid
                | Self::CertificateNotYetValid
                | Self::CertificateRevoked
                | Self::CertificateUnknownIssuer
                | Self::CertificateWrongName
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_lower_case_words() {
        let names: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
        for name in names {
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()),
                "{name}"
            );
        }
    }

    #[test]
    fn every_timeout_says_so() {
        for kind in ErrorKind::ALL {
            assert_eq!(
                kind.is_timeout(),
                kind.as_str().ends_with("-timeout"),
                "{kind}"
            );
            assert_eq!(
                kind.is_certificate(),
                kind.as_str().starts_with("certificate-"),
                "{kind}"
            );
        }
    }
}
