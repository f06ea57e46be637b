//! Why a request opens no WebSocket.

use std::fmt;

use http::header::SEC_WEBSOCKET_VERSION;
use http::{HeaderValue, Response, StatusCode};

/// The only version there is (RFC 6455 §4.4).
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("13");

/// A request that does not ask for a WebSocket, or not as it should.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// It asks for something else.
    NotAsked,
    /// It asks for another version of the protocol.
    Version,
    /// Its key is missing or no key.
    Key,
}

impl Refusal {
    /// The answer: 426 to whoever asked for something else or another version, 400 to a request that is broken.
    pub fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = match self {
            Self::NotAsked | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key => StatusCode::BAD_REQUEST,
        };
        if self != Self::Key {
            let headers = response.headers_mut();
            headers.insert(SEC_WEBSOCKET_VERSION, VERSION);
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "the request does not ask for a WebSocket",
            Self::Version => "the request asks for another version of WebSocket than 13",
            Self::Key => "the request's Sec-WebSocket-Key is no key",
        })
    }
}

impl std::error::Error for Refusal {}
