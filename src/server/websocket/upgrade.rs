//! A request that opens a WebSocket, and what is made of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::opening::Opening;
use super::refusal::Refusal;
use crate::registry::{CloseReason, Entry, Protocol};
use crate::server::upgrade::{Conversation, Upgrade};
use crate::websocket::{self, Agreed, CloseCode, DeflateParameters, Limits, Parties};

/// As Python's `websockets`: what a chat or a game sends is far smaller, and each client may keep as much in memory.
const MAX_MESSAGE_SIZE: usize = 1 << 20;

/// Well below the minute or two after which NATs and proxies forget a connection.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Many round trips of a bad mobile link.
const PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// A WebSocket that a client opened, and its place in the registry.
pub type WebSocket = websocket::WebSocket<Arc<Entry>>;

/// A client's wish for a WebSocket, as its request told it.
#[derive(Debug)]
#[must_use = "the client waits for an answer"]
pub struct WebSocketUpgrade {
    upgrade: Upgrade,
    opening: Opening,
    subprotocol: Option<String>,
    compresses: bool,
    limits: Limits,
}

impl WebSocketUpgrade {
    /// Takes the wish out of a request.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the request does not ask for a WebSocket, or is broken. It makes the answer.
    pub fn of<B>(request: &mut Request<B>) -> Result<Self, Refusal> {
        let opening = Opening::of(request)?;
        Ok(Self {
            upgrade: Upgrade::of(request).ok_or(Refusal::NotAsked)?,
            opening,
            subprotocol: None,
            compresses: false,
            limits: Limits {
                message: MAX_MESSAGE_SIZE,
                heartbeat: Some((PING_INTERVAL, PONG_TIMEOUT)),
            },
        })
    }

    /// The subprotocols that the client offers, the preferred first.
    pub fn offered_subprotocols(&self) -> impl Iterator<Item = &str> {
        self.opening.subprotocols.iter().map(String::as_str)
    }

    /// Chooses the first that the client offers of those that are supported; none, if it offers none of them. Default: none.
    pub fn subprotocols<S: AsRef<str>>(mut self, supported: impl IntoIterator<Item = S>) -> Self {
        let supported: Vec<S> = supported.into_iter().collect();
        let is_supported = |name: &&str| supported.iter().any(|known| known.as_ref() == *name);
        let chosen = self.offered_subprotocols().find(is_supported);
        self.subprotocol = chosen.map(str::to_owned);
        self
    }

    /// Compresses messages (RFC 7692) if the client offers it. Default: false. A compressed WebSocket takes some 400 KB of memory once it has sent
    /// a message, and 50 KB once it has received one.
    pub fn compression(mut self, accepted: bool) -> Self {
        self.compresses = accepted;
        self
    }

    /// The largest message that is received, in bytes, decompressed. Default: 1 MiB.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.limits.message = bytes;
        self
    }

    /// Pings a client that has said nothing for `interval`, and gives it up if it then says nothing for `patience`. Default: 30 s and 5 s.
    pub fn heartbeat(mut self, interval: Duration, patience: Duration) -> Self {
        self.limits.heartbeat = Some((interval, patience));
        self
    }

    /// The answer that opens the WebSocket, which `serve` is then given, in a task of the server's. With its end the connection ends, or
    /// the HTTP/2 stream.
    pub fn serve<B, F, Fut>(self, serve: F) -> Response<B>
    where
        B: Default,
        F: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let deflate = match self.compresses {
            true => {
                DeflateParameters::accepted(&self.opening.extensions, DeflateParameters::default())
            }
            false => None,
        };
        let mut response = Response::new(B::default());
        let headers = response.headers_mut();
        let mut say = |name, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        if let Some(accept) = &self.opening.accept {
            say(CONNECTION, "Upgrade");
            say(UPGRADE, "websocket");
            say(SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(subprotocol) = &self.subprotocol {
            say(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        if let Some((_, answer)) = &deflate {
            say(SEC_WEBSOCKET_EXTENSIONS, &answer.to_string());
        }
        if self.opening.accept.is_some() {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        let agreed = Agreed {
            subprotocol: self.subprotocol.map(String::into_boxed_str),
            deflate: deflate.map(|(parameters, _)| parameters),
        };
        let limits = self.limits;
        self.upgrade
            .then(Protocol::WebSocket, move |conversation| async move {
                serve(open(conversation, agreed, limits).await).await;
            });
        response
    }
}

async fn open(conversation: Conversation, agreed: Agreed, limits: Limits) -> WebSocket {
    let Conversation { io, entry, leave } = conversation;
    let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let parties = Parties {
        role: Role::Server,
        entry: Arc::clone(&entry),
        host: None,
        address: entry.remote_addr().unwrap_or(unknown),
    };
    let connection = Arc::clone(&entry);
    let socket = WebSocket::new(TokioIo::new(io), connection, parties, agreed, limits).await;
    socket.leaving(async move {
        leave.cancelled_owned().await;
        code_of(entry.close_reason())
    })
}

/// What a client is told of why it has to leave (RFC 6455 §7.4.1).
fn code_of(reason: Option<CloseReason>) -> CloseCode {
    match reason {
        Some(CloseReason::Requested) => CloseCode::Policy,
        _ => CloseCode::Away,
    }
}
