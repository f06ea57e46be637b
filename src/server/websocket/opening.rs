//! What a client's opening handshake asks for (RFC 6455 §4.2.1, RFC 8441 §5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Version};
use hyper::ext::Protocol;

use super::refusal::{Refusal, VERSION};
use crate::websocket::{Extension, accepted, has_token};

/// RFC 6455 §4.1: 16 random bytes.
const KEY_LENGTH: usize = 16;

/// A request that opens a WebSocket.
#[derive(Debug)]
pub(super) struct Opening {
    /// The answer to its key; over HTTP/2 there is none.
    pub(super) accept: Option<String>,
    pub(super) subprotocols: Vec<String>,
    pub(super) extensions: Vec<Extension>,
}

impl Opening {
    pub(super) fn of<B>(request: &Request<B>) -> Result<Self, Refusal> {
        let headers = request.headers();
        let is_http2 = request.version() == Version::HTTP_2;
        let asks = match is_http2 {
            true => {
                let protocol = request.extensions().get::<Protocol>();
                request.method() == Method::CONNECT
                    && protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
            }
            false => {
                request.method() == Method::GET
                    && request.version() == Version::HTTP_11
                    && has_token(headers, &UPGRADE, "websocket")
                    && has_token(headers, &CONNECTION, "upgrade")
            }
        };
        if !asks {
            return Err(Refusal::NotAsked);
        }
        if headers.get(SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
            return Err(Refusal::Version);
        }
        let accept = match is_http2 {
            true => None,
            false => Some(key(headers).map(accepted).ok_or(Refusal::Key)?),
        };
        let extensions = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
        let extensions = Extension::parse_all(extensions.map(HeaderValue::as_bytes));
        Ok(Self {
            accept,
            subprotocols: subprotocols(headers),
            // What cannot be read offers nothing.
            extensions: extensions.unwrap_or_default(),
        })
    }
}

fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).into_iter();
    let key = keys.next()?.as_bytes();
    let bytes = STANDARD.decode(key).ok()?;
    (bytes.len() == KEY_LENGTH && keys.next().is_none()).then_some(key)
}

/// The client's, the preferred first.
fn subprotocols(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn request(changes: &[(&str, Option<&str>)]) -> Result<Opening, Refusal> {
        let mut request = Request::get("/").body(()).unwrap();
        for (name, value) in HEAD {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        for (name, value) in changes {
            let name: http::HeaderName = name.parse().unwrap();
            match value {
                Some(value) => request.headers_mut().append(name, value.parse().unwrap()),
                None => request.headers_mut().remove(name).is_some(),
            };
        }
        Opening::of(&request)
    }

    #[test]
    fn what_opens_one_and_what_does_not() {
        let opening = request(&[
            ("sec-websocket-protocol", Some("a, b")),
            ("sec-websocket-protocol", Some("c")),
            ("sec-websocket-extensions", Some("permessage-deflate")),
        ])
        .unwrap();
        // RFC 6455 §1.3.
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert_eq!(opening.accept.as_deref(), Some(accept));
        assert_eq!(opening.subprotocols, ["a", "b", "c"]);
        assert_eq!(opening.extensions.len(), 1);
        for (name, refusal) in [
            ("upgrade", Refusal::NotAsked),
            ("connection", Refusal::NotAsked),
            ("sec-websocket-version", Refusal::Version),
            ("sec-websocket-key", Refusal::Key),
        ] {
            assert_eq!(request(&[(name, None)]).unwrap_err(), refusal, "{name}");
        }
        for key in ["", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "?"] {
            let changes = [
                ("sec-websocket-key", None),
                ("sec-websocket-key", Some(key)),
            ];
            assert_eq!(request(&changes).unwrap_err(), Refusal::Key, "{key}");
        }
        let twice = [("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ=="))];
        assert_eq!(request(&twice).unwrap_err(), Refusal::Key);
    }
}
