//! What an opening handshake says (RFC 6455 §4.1, RFC 8441 §5), and what its answer must be.

use std::fmt;
use std::time::Duration;

use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, response};

use crate::client::RequestOptions;
use crate::client::appearance::Appearance;
use crate::client::outgoing::invalid;
use crate::error::{Error, ErrorKind, Result};
use crate::websocket::{Agreed, DeflateParameters, Extension, Key, Malformed, has_token};

/// What is offered by a client that is to compress and whose profile says nothing of it: anything.
const COMPRESSION: HeaderValue =
    HeaderValue::from_static("permessage-deflate; client_max_window_bits");

/// The kind of request that profiles have for it.
const KIND: &str = "websocket";

/// What an opening request is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Opening {
    pub(super) path: Option<PathAndQuery>,
    pub(super) subprotocols: Vec<String>,
    pub(super) headers: HeaderMap,
    pub(super) options: RequestOptions,
    pub(super) compression: Option<bool>,
}

impl Opening {
    pub(super) fn path(&self) -> PathAndQuery {
        let path = self.path.clone();
        path.unwrap_or_else(|| PathAndQuery::from_static("/"))
    }

    /// The headers of an upgrade.
    pub(super) fn http1_headers(
        &self,
        key: &Key,
        appearance: &Appearance<'_>,
    ) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        if !self.headers.contains_key(HOST) {
            headers.insert(HOST, value(appearance.origin().authority())?);
        }
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(KIND));
        headers.insert(SEC_WEBSOCKET_KEY, value(key.as_str())?);
        self.complete(Version::HTTP_11, &Method::GET, headers, appearance)
    }

    /// The headers of an extended CONNECT.
    pub(super) fn http2_headers(&self, appearance: &Appearance<'_>) -> Result<HeaderMap> {
        self.complete(
            Version::HTTP_2,
            &Method::CONNECT,
            HeaderMap::new(),
            appearance,
        )
    }

    fn complete(
        &self,
        version: Version,
        method: &Method,
        mut headers: HeaderMap,
        appearance: &Appearance<'_>,
    ) -> Result<HeaderMap> {
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        if !self.subprotocols.is_empty() {
            let offered = value(&self.subprotocols.join(", "))?;
            headers.insert(SEC_WEBSOCKET_PROTOCOL, offered);
        }
        for (name, value) in &self.headers {
            let is_ours = [
                CONNECTION,
                UPGRADE,
                SEC_WEBSOCKET_KEY,
                SEC_WEBSOCKET_VERSION,
            ]
            .contains(name);
            if !is_ours {
                headers.append(name, value.clone());
            }
        }
        let options = self.options(appearance);
        let dressed = appearance.dress(version, method, &options, headers)?;
        let mut headers = dressed.headers;
        if self.compression == Some(true) {
            headers
                .entry(SEC_WEBSOCKET_EXTENSIONS)
                .or_insert(COMPRESSION);
        }
        Ok(headers)
    }

    fn options(&self, appearance: &Appearance<'_>) -> RequestOptions {
        let mut options = self.options.clone();
        if self.compression == Some(false) {
            options = options.without(SEC_WEBSOCKET_EXTENSIONS);
        }
        match options.kind {
            Some(_) => options,
            None if appearance.has_kind(KIND) => options.kind(KIND),
            // What its client would say besides is not known.
            None => options.own_headers_only(),
        }
    }

    /// Checks the answer to an upgrade (RFC 6455 §4.1).
    ///
    /// # Errors
    ///
    /// [`WebSocketRefused`](ErrorKind::WebSocketRefused).
    pub(super) fn upgraded(
        &self,
        key: &Key,
        offered: &HeaderMap,
        answer: response::Parts,
    ) -> Result<Agreed> {
        let headers = &answer.headers;
        let fault = if answer.status != StatusCode::SWITCHING_PROTOCOLS {
            Some(format!("it answered {}", answer.status))
        } else if !has_token(headers, &UPGRADE, KIND) || !has_token(headers, &CONNECTION, "upgrade")
        {
            Some("it switched to something else".to_owned())
        } else if !key.is_accepted_by(headers.get(SEC_WEBSOCKET_ACCEPT)) {
            Some("Sec-WebSocket-Accept does not fit the key".to_owned())
        } else {
            None
        };
        self.agreed(fault, offered, answer)
    }

    /// Checks the answer to an extended CONNECT (RFC 8441 §5).
    ///
    /// # Errors
    ///
    /// [`WebSocketRefused`](ErrorKind::WebSocketRefused).
    pub(super) fn connected(&self, offered: &HeaderMap, answer: response::Parts) -> Result<Agreed> {
        let refused = !answer.status.is_success();
        let fault = refused.then(|| format!("it answered {}", answer.status));
        self.agreed(fault, offered, answer)
    }

    fn agreed(
        &self,
        fault: Option<String>,
        offered: &HeaderMap,
        answer: response::Parts,
    ) -> Result<Agreed> {
        let agreed = match fault {
            Some(fault) => Err(fault),
            None => self.choices(offered, &answer.headers),
        };
        agreed.map_err(|fault| {
            Error::new(ErrorKind::WebSocketRefused)
                .with_detail(fault)
                .with_source(Refusal(answer))
                .sent()
        })
    }

    /// What the server chose of what was offered.
    fn choices(&self, offered: &HeaderMap, answer: &HeaderMap) -> Result<Agreed, String> {
        let mut chosen = answer.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
        let subprotocol = match (chosen.next(), chosen.next()) {
            (None, _) => None,
            (Some(one), None) if self.subprotocols.iter().any(|offered| offered == one) => {
                one.to_str().ok().map(Box::from)
            }
            _ => return Err("it chose a subprotocol that was not offered".to_owned()),
        };
        let deflate = DeflateParameters::answered(
            &extensions(offered).unwrap_or_default(),
            &extensions(answer).map_err(|fault| fault.to_string())?,
        );
        Ok(Agreed {
            subprotocol,
            deflate: deflate.map_err(|fault| fault.to_string())?,
        })
    }
}

/// A server's answer that did not open the WebSocket: the source of an [`Error`] of the kind
/// [`WebSocketRefused`](ErrorKind::WebSocketRefused).
///
/// ```no_run
/// use std::error::Error;
///
/// use hotpool::client::websocket::Refusal;
///
/// # async fn run(pool: hotpool::Pool) {
/// if let Err(error) = pool.websocket("wss://example.com/chat").await {
///     let refusal = error.source().and_then(|source| source.downcast_ref::<Refusal>());
///     if let Some(refusal) = refusal {
///         println!("{} {:?}", refusal.status(), refusal.headers().get("location"));
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Refusal(response::Parts);

impl Refusal {
    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The answer's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's answer was {}", self.0.status)
    }
}

impl std::error::Error for Refusal {}

/// The server has not answered the opening.
pub(super) fn unanswered(deadline: Duration) -> Error {
    Error::new(ErrorKind::RequestTimeout)
        .with_detail(format!(
            "no answer to a WebSocket's opening within {deadline:?}"
        ))
        .sent()
}

fn extensions(headers: &HeaderMap) -> Result<Vec<Extension>, Malformed> {
    let lines = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    Extension::parse_all(lines.map(HeaderValue::as_bytes))
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|error| invalid(&format!("{text:?} is no header value")).with_source(error))
}
