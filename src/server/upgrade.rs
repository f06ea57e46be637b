//! What is spoken after HTTP: on a connection that was upgraded, or on an HTTP/2 stream that is a tunnel.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::UPGRADE;
use http::{Method, Request};
use hyper::rt::Executor;
use hyper::upgrade::{OnUpgrade, Upgraded};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio_util::sync::CancellationToken;

use super::builder::ListenerBuilder;
use super::drive::{Graceful, drive};
use super::ending::Ending;
use super::executor::StreamTasks;
use super::orders::Follower;
use crate::registry::{
    ActivityGuard, CloseReason, Direction, Draft, Entry, Protocol, Registration, State,
};

/// A request that may be answered by another protocol: HTTP/1.1's upgrade, or HTTP/2's extended CONNECT (RFC 8441) where
/// [`extended_connect`](super::ListenerBuilder::extended_connect) allows it.
///
/// The handler says what is to be [spoken](Self::then) and answers with 101, over HTTP/2 with 200. The conversation is one of the server's
/// tasks: it is told to leave when its connection is to end, and is cut when it does not. For WebSockets there is
#[cfg_attr(
    feature = "websocket",
    doc = "[`WebSocketUpgrade`](super::websocket::WebSocketUpgrade)."
)]
#[cfg_attr(not(feature = "websocket"), doc = "the feature `websocket`.")]
#[derive(Debug)]
pub struct Upgrade {
    upgraded: OnUpgrade,
    switch: Arc<Switch>,
}

/// One side of a conversation, as its function is given it.
#[derive(Debug)]
pub struct Conversation {
    /// The bytes in both directions.
    pub io: Upgraded,
    /// Its place in the registry: the connection's, or over HTTP/2 one of its own.
    pub entry: Arc<Entry>,
    /// Completes when the conversation is to end: the server or the connection is shutting down, or somebody asked for it; what it was is
    /// the entry's [close reason](Entry::close_reason). From then on the listener's
    /// [`close_grace`](super::ListenerBuilder::close_grace), or the shutdown's deadline, passes before it is cut.
    pub leave: CancellationToken,
}

type Speak = Box<dyn FnOnce(Conversation) -> Speaking + Send>;
type Speaking = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a handler wants to be spoken, and when it may begin.
struct Next {
    upgraded: OnUpgrade,
    protocol: Protocol,
    speak: Speak,
}

/// Where a connection's handlers leave it.
pub(super) struct Switch {
    /// HTTP/1.1's.
    next: Mutex<Option<Next>>,
    streams: Option<Streams>,
}

/// What the conversations of an HTTP/2 connection need.
pub(super) struct Streams {
    pub(super) tasks: StreamTasks,
    pub(super) settings: Arc<ListenerBuilder>,
    pub(super) connection: Arc<Entry>,
    pub(super) follower: Follower,
}

/// In the extensions of requests that ask for it.
#[derive(Clone)]
struct Offer(Arc<Switch>);

impl Upgrade {
    /// Takes it out of a request that asks for an upgrade or a tunnel; `None` if it does not, or has been asked before.
    pub fn of<B>(request: &mut Request<B>) -> Option<Self> {
        let Offer(switch) = request.extensions_mut().remove()?;
        Some(Self {
            upgraded: request.extensions_mut().remove()?,
            switch,
        })
    }

    /// Has `speak` run once the request has been answered with 101, or over HTTP/2 with 200; with anything else it is forgotten. The
    /// connection, or the stream, ends with it.
    pub fn then<F, Fut>(self, protocol: Protocol, speak: F)
    where
        F: FnOnce(Conversation) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let next = Next {
            upgraded: self.upgraded,
            protocol,
            speak: Box::new(move |conversation| Box::pin(speak(conversation))),
        };
        match &self.switch.streams {
            Some(streams) => streams.begin(next),
            None => *self.switch.next.lock() = Some(next),
        }
    }
}

impl Switch {
    pub(super) fn http1() -> Self {
        Self {
            next: Mutex::default(),
            streams: None,
        }
    }

    pub(super) fn http2(streams: Streams) -> Self {
        Self {
            next: Mutex::default(),
            streams: Some(streams),
        }
    }

    /// Lets a handler find it, if the request asks for what it is for.
    pub(super) fn offer<B>(self: &Arc<Self>, request: &mut Request<B>) {
        if request.headers().contains_key(UPGRADE) || request.method() == Method::CONNECT {
            request.extensions_mut().insert(Offer(Arc::clone(self)));
        }
    }

    /// Speaks on, after HTTP/1.1, what a handler wanted.
    pub(super) async fn speak_on(
        &self,
        http: Ending,
        settings: &ListenerBuilder,
        registration: &Registration,
        follower: &mut Follower,
    ) -> Ending {
        let next = self.next.lock().take();
        let (Ending::Finished, Some(next)) = (http, next) else {
            return http;
        };
        // It fails if the answer was another.
        match next.upgraded.await {
            Ok(io) => {
                registration.set_protocol(next.protocol);
                let spoken = Spoken::begin(io, next.speak, registration.entry());
                drive(spoken, settings, registration, follower).await
            }
            Err(_) => http,
        }
    }
}

impl Streams {
    fn begin(&self, next: Next) {
        let settings = Arc::clone(&self.settings);
        let connection = Arc::clone(&self.connection);
        let mut follower = self.follower.newcomer();
        self.tasks.execute(async move {
            let Ok(io) = next.upgraded.await else {
                return;
            };
            let stream = Stream::register(&settings, next.protocol, connection);
            stream.registration.set_state(State::Open);
            let spoken = Spoken::begin(io, next.speak, stream.registration.entry());
            let ending = tokio::select! {
                ending = drive(spoken, &settings, &stream.registration, &mut follower) => ending,
                never = stream.end_with_the_connection() => match never {},
            };
            stream.registration.close(ending.reason());
        });
    }
}

/// A conversation's own place in the registry, beside its connection's.
struct Stream {
    registration: Registration,
    connection: Arc<Entry>,
    _is_used: ActivityGuard,
}

impl Stream {
    fn register(settings: &ListenerBuilder, protocol: Protocol, connection: Arc<Entry>) -> Self {
        let mut draft = Draft::new(Direction::Inbound, protocol);
        if let Some(address) = connection.remote_addr() {
            draft = draft.remote_addr(address);
        }
        if let Some(address) = connection.local_addr() {
            draft = draft.local_addr(address);
        }
        Self {
            registration: settings.registry.register(draft),
            _is_used: connection.begin(),
            connection,
        }
    }

    async fn end_with_the_connection(&self) -> Infallible {
        self.connection.close_requested().await;
        self.registration.request_close(CloseReason::Requested);
        pending().await
    }
}

impl Drop for Stream {
    /// Cut with its connection, it ends for the same reason.
    fn drop(&mut self) {
        let reason = self.connection.close_reason();
        self.registration
            .close(reason.unwrap_or(CloseReason::LocalClose));
    }
}

pin_project! {
    /// A conversation under way.
    struct Spoken {
        #[pin]
        speaking: Speaking,
        leave: CancellationToken,
        is_used: ActivityGuard,
    }
}

impl Spoken {
    fn begin(io: Upgraded, speak: Speak, entry: &Arc<Entry>) -> Self {
        let leave = CancellationToken::new();
        if entry.state() == State::Draining {
            leave.cancel();
        }
        Self {
            speaking: speak(Conversation {
                io,
                entry: Arc::clone(entry),
                leave: leave.clone(),
            }),
            leave,
            is_used: entry.begin(),
        }
    }
}

impl Future for Spoken {
    type Output = Result<(), hyper::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().speaking.poll(context).map(Ok)
    }
}

impl Graceful for Spoken {
    fn graceful_shutdown(self: Pin<&mut Self>) {
        self.leave.cancel();
    }
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch")
            .field("is_taken", &self.next.lock().is_some())
            .finish_non_exhaustive()
    }
}
