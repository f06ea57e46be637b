//! An open WebSocket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::AsyncWrite;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

use super::deflate::{DeflateParameters, INFLATED_CHUNK};
use super::heartbeat::{Beat, Heartbeat};
use super::transport::{Carrier, Transport};
use super::write_deadline::WriteDeadline;
use super::{Bytes, CloseCode, CloseFrame, Message, Utf8Bytes};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::Entry;

/// The default of tungstenite and of most other libraries.
const MAX_MESSAGE_SIZE: usize = 64 << 20;

/// Allocated at once and kept; larger messages are read past it.
const READ_BUFFER: usize = 4 * 1024;

/// How much of what is [fed](SinkExt::feed) is collected before it is written, in bytes: a TLS record.
const WRITE_BUFFER: usize = 16 * 1024;

/// How long a peer may take to answer a Close frame and end the connection. Chromium's.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// RFC 6455 §5.5: control frames carry 125 bytes, of which a close code takes two.
const LARGEST_CONTROL: usize = 125;
const LARGEST_REASON: usize = LARGEST_CONTROL - 2;

/// Of a control frame: two bytes, and a client's mask.
const LONGEST_CONTROL_HEAD: usize = 6;

/// With so many bytes of pongs waiting, a peer that pings and takes no answers is not read on.
const MOST_PONGS: usize = 16 * 1024;

/// What a WebSocket takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) message: usize,
    /// After which silence the server is asked, and how long it may take to answer.
    pub(crate) heartbeat: Option<(Duration, Duration)>,
    /// How long the peer may take nothing of what waits to be written.
    pub(crate) write: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: MAX_MESSAGE_SIZE,
            heartbeat: None,
            write: None,
        }
    }
}

/// What both sides agreed on.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) subprotocol: Option<Box<str>>,
    pub(crate) deflate: Option<DeflateParameters>,
}

/// Who speaks with whom.
#[derive(Debug)]
pub(crate) struct Parties {
    /// What this side is.
    pub(crate) role: Role,
    pub(crate) entry: Arc<Entry>,
    /// For errors.
    pub(crate) host: Option<Arc<str>>,
    pub(crate) address: SocketAddr,
}

/// An open WebSocket: a [`Stream`] of what the peer sends and a [`Sink`] of what is sent to it, which can be
/// [split](StreamExt::split).
///
/// Pings are answered while it is read, as in all such libraries: whoever only sends should read it too. Pings, pongs and the peer's
/// Close frame are among what is read.
///
/// Dropping it ends the connection, or the HTTP/2 stream, without the closing handshake; the peer sees an abnormal closure.
/// [`close`](Self::close) takes leave. In the registry, its messages are counted with its connection.
pub struct WebSocket<C> {
    stream: WebSocketStream<Transport>,
    connection: C,
    parties: Parties,
    subprotocol: Option<Box<str>>,
    limits: Limits,
    heartbeat: Option<Heartbeat>,
    write_deadline: Option<WriteDeadline>,
    /// Whoever waits to write.
    writer: Option<Waker>,
    /// What the reading half has to say, and could not write yet.
    must_flush: bool,
    /// Bytes of pongs among it.
    pongs: usize,
    /// Completes when this side has to take leave, with what the peer is to be told.
    leave: Option<Pin<Box<dyn Future<Output = CloseCode> + Send>>>,
    /// The peer has taken leave.
    has_peer_left: bool,
    /// Nothing more comes.
    is_over: bool,
}

impl<C: Unpin> WebSocket<C> {
    pub(crate) async fn new(
        carrier: impl Carrier + 'static,
        connection: C,
        parties: Parties,
        agreed: Agreed,
        limits: Limits,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(limits.message))
            .max_frame_size(Some(limits.message.max(INFLATED_CHUNK)));
        let transport = Transport::new(Box::new(carrier), parties.role, agreed.deflate);
        Self {
            stream: WebSocketStream::from_raw_socket(transport, parties.role, Some(config)).await,
            connection,
            parties,
            subprotocol: agreed.subprotocol,
            limits,
            heartbeat: limits
                .heartbeat
                .map(|(interval, patience)| Heartbeat::new(interval, patience)),
            write_deadline: limits.write.map(WriteDeadline::new),
            writer: None,
            must_flush: false,
            pongs: 0,
            leave: None,
            has_peer_left: false,
            is_over: false,
        }
    }

    /// Takes leave of the peer, while the WebSocket is read, when `leave` completes.
    #[cfg(feature = "server")]
    pub(crate) fn leaving(self, leave: impl Future<Output = CloseCode> + Send + 'static) -> Self {
        Self {
            leave: Some(Box::pin(leave)),
            ..self
        }
    }

    /// The subprotocol that the server chose of those offered.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Whether compression (RFC 7692) was agreed on.
    pub fn is_compressed(&self) -> bool {
        self.stream.get_ref().is_compressed()
    }

    /// The connection that it is on.
    pub fn connection(&self) -> &C {
        &self.connection
    }

    /// What the peer sends next; `None` once the WebSocket is closed. The same as the stream's `next`.
    ///
    /// # Errors
    ///
    /// [`ConnectionClosed`](ErrorKind::ConnectionClosed) or [`ConnectionReset`](ErrorKind::ConnectionReset) if the peer ended the
    /// connection without a Close frame; [`ClosedLocally`](ErrorKind::ClosedLocally) if the pool did; over HTTP/2 also
    /// [`StreamReset`](ErrorKind::StreamReset) and [`GoAway`](ErrorKind::GoAway);
    /// [`MessageTooLarge`](ErrorKind::MessageTooLarge) and [`ProtocolViolation`](ErrorKind::ProtocolViolation), of which the peer is told
    /// by a Close frame; [`Unresponsive`](ErrorKind::Unresponsive) if it does not answer a
    /// heartbeat. After an error there is nothing more to come.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    pub async fn recv(&mut self) -> Option<Result<Message>> {
        self.next().await
    }

    /// Sends a message and waits until it has been written. Several are sent with less effort by [`feed`](SinkExt::feed) and one
    /// [`flush`](SinkExt::flush).
    ///
    /// # Errors
    ///
    /// [`ConnectionClosed`](ErrorKind::ConnectionClosed) if the WebSocket is closed already; what became of the connection;
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a control frame that is too long.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the message may be sent with the next one.
    pub async fn send(&mut self, message: Message) -> Result<()> {
        SinkExt::send(self, message).await
    }

    /// Takes leave: sends a Close frame, waits for the peer's and for the connection's end, and returns what the peer said, if it did
    /// within 2 s. Messages that are still on their way are dropped.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the Close frame may have been sent.
    pub async fn close(mut self, code: CloseCode, reason: &str) -> Result<Option<CloseFrame>> {
        if reason.len() > LARGEST_REASON {
            return Err(too_long("the reason", LARGEST_REASON));
        }
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from(reason),
        };
        let answer = async {
            match self.send(Message::Close(Some(frame))).await {
                // The peer was first.
                Err(error) if error.kind() == ErrorKind::ConnectionClosed => {}
                outcome => outcome?,
            }
            let mut answer = None;
            while let Some(Ok(message)) = self.recv().await {
                if let Message::Close(frame) = message {
                    answer = frame;
                }
            }
            Ok(answer)
        };
        timeout(CLOSE_TIMEOUT, answer).await.unwrap_or(Ok(None))
    }

    /// The same as tokio-tungstenite's, for code that wants that. It has no heartbeat and no write deadline, and is not told to leave.
    pub fn into_inner(self) -> WebSocketStream<Transport> {
        self.stream
    }

    /// Both have taken leave: so does the connection, as far as that can be written at once.
    fn over(&mut self, context: &mut Context<'_>) -> Option<Result<Message>> {
        self.is_over = true;
        let _ = Pin::new(self.stream.get_mut()).poll_shutdown(context);
        None
    }

    /// Tells the peer why nothing more will be read, as far as it can be written at once.
    fn say_goodbye(&mut self, code: CloseCode) {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::default(),
        };
        let _ = self.stream.start_send_unpin(Message::Close(Some(frame)));
        self.must_flush = true;
    }

    /// Writes what the reading half has to say, as far as that is possible now. Whoever waits to write is not forgotten for it.
    fn flush_on_the_side(&mut self, reader: &Waker) {
        if !self.must_flush {
            return;
        }
        let both = match &self.writer {
            Some(writer) if !writer.will_wake(reader) => Waker::from(Arc::new(Both {
                reader: reader.clone(),
                writer: writer.clone(),
            })),
            _ => reader.clone(),
        };
        let flushed = self
            .stream
            .poll_flush_unpin(&mut Context::from_waker(&both));
        // What became of the connection, if it failed, reading tells.
        if flushed.is_ready() {
            self.must_flush = false;
            self.pongs = 0;
        }
    }

    /// A write, in the task that waits for it.
    fn poll_writing(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(
            &mut WebSocketStream<Transport>,
            &mut Context<'_>,
        ) -> Poll<Result<(), tungstenite::Error>>,
    ) -> Poll<Result<()>> {
        match &mut self.writer {
            Some(writer) => writer.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        let outcome = write(&mut self.stream, context);
        let Some(deadline) = &mut self.write_deadline else {
            return outcome.map_err(|error| self.error(error).sent());
        };
        if let Poll::Ready(outcome) = outcome {
            deadline.done();
            return Poll::Ready(outcome.map_err(|error| self.error(error).sent()));
        }
        ready!(deadline.poll(context, self.stream.get_ref().carrier().written()));
        let limit = deadline.limit();
        self.is_over = true;
        let error = Error::new(ErrorKind::Unresponsive)
            .with_detail(format!("a WebSocket's peer took nothing for {limit:?}"));
        Poll::Ready(Err(self.noted(error).sent()))
    }

    fn error(&mut self, error: tungstenite::Error) -> Error {
        let error = match error {
            tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(ProtocolError::SendAfterClosing) => {
                Error::new(ErrorKind::ConnectionClosed).with_detail("the WebSocket is closed")
            }
            tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Error::new(ErrorKind::ConnectionClosed).with_detail("without a Close frame")
            }
            tungstenite::Error::Io(error) => self.broken(error),
            tungstenite::Error::Capacity(error) => {
                self.say_goodbye(CloseCode::Size);
                let most = self.limits.message;
                Error::new(ErrorKind::MessageTooLarge)
                    .with_detail(format!("more than {most} bytes (max_message_size)"))
                    .with_source(error)
            }
            tungstenite::Error::Utf8(_) => {
                self.say_goodbye(CloseCode::Invalid);
                Error::new(ErrorKind::ProtocolViolation).with_detail("a text that is not UTF-8")
            }
            other => {
                self.say_goodbye(CloseCode::Protocol);
                Error::new(ErrorKind::ProtocolViolation).with_detail(other.to_string())
            }
        };
        self.noted(error)
    }

    fn noted(&self, error: Error) -> Error {
        self.parties.entry.stats().record_error();
        let error = match &self.parties.host {
            Some(host) => error.with_host(host),
            None => error,
        };
        error.with_address(self.parties.address)
    }

    /// The connection below has ended.
    fn broken(&mut self, error: io::Error) -> Error {
        match error.kind() {
            // Only the pool's own streams end so.
            io::ErrorKind::ConnectionAborted => {
                Error::new(ErrorKind::ClosedLocally).with_source(error)
            }
            // Of what is below, TLS says so too, but that is a rustls::Error inside: this is decompression's.
            io::ErrorKind::InvalidData
                if error
                    .get_ref()
                    .is_some_and(|inner| !inner.is::<rustls::Error>()) =>
            {
                self.say_goodbye(CloseCode::Protocol);
                Error::new(ErrorKind::ProtocolViolation)
                    .with_detail(error.to_string())
                    .with_source(error)
            }
            _ => match error.downcast::<h2::Error>() {
                Ok(error) => Error::from_http2(error),
                Err(error) => Error::from_connection(error),
            },
        }
    }
}

impl<C: Unpin> Stream for WebSocket<C> {
    type Item = Result<Message>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Message>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        let next = loop {
            this.flush_on_the_side(context.waker());
            if this.pongs <= MOST_PONGS
                && let Poll::Ready(next) = this.stream.poll_next_unpin(context)
            {
                break next;
            }
            let leave = this.leave.as_mut();
            if let Some(Poll::Ready(code)) = leave.map(|leave| leave.as_mut().poll(context)) {
                this.leave = None;
                this.say_goodbye(code);
                continue;
            }
            let Some(heartbeat) = &mut this.heartbeat else {
                return Poll::Pending;
            };
            let heard = this.stream.get_ref().carrier().heard();
            match ready!(heartbeat.poll(context, heard)) {
                Beat::Ask => {
                    let _ = this.stream.start_send_unpin(Message::Ping(Bytes::new()));
                    this.must_flush = true;
                }
                Beat::GiveUp => {
                    let patience = heartbeat.patience();
                    this.is_over = true;
                    let error = Error::new(ErrorKind::Unresponsive).with_detail(format!(
                        "no answer to a WebSocket's ping within {patience:?}"
                    ));
                    return Poll::Ready(Some(Err(this.noted(error))));
                }
            }
        };
        Poll::Ready(match next {
            Some(Ok(message)) => {
                match &message {
                    Message::Close(_) => {
                        this.has_peer_left = true;
                        this.must_flush = true;
                    }
                    Message::Ping(payload) => {
                        this.must_flush = true;
                        this.pongs += LONGEST_CONTROL_HEAD + payload.len();
                    }
                    _ if is_control(&message) => {}
                    _ => this.parties.entry.stats().record_message_received(),
                }
                Some(Ok(message))
            }
            // Who has said goodbye need not say how the connection ends.
            Some(Err(tungstenite::Error::Io(_))) | None if this.has_peer_left => this.over(context),
            Some(Err(error)) => Some(Err(this.error(error))),
            None => this.over(context),
        })
    }
}

impl<C: Unpin> Sink<Message> for WebSocket<C> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_writing(context, |stream, context| stream.poll_ready_unpin(context))
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<()> {
        if let Message::Ping(payload) | Message::Pong(payload) = &message
            && payload.len() > LARGEST_CONTROL
        {
            return Err(too_long("a ping or pong", LARGEST_CONTROL));
        }
        let counts = !is_control(&message);
        let outcome = self.stream.start_send_unpin(message);
        outcome.map_err(|error| self.error(error))?;
        if counts {
            self.parties.entry.stats().record_message_sent();
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_writing(context, |stream, context| stream.poll_flush_unpin(context))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_writing(context, |stream, context| stream.poll_close_unpin(context))
    }
}

impl<C: fmt::Debug> fmt::Debug for WebSocket<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("connection", &self.connection)
            .field("subprotocol", &self.subprotocol)
            .finish_non_exhaustive()
    }
}

/// Two halves of a WebSocket in two tasks.
struct Both {
    reader: Waker,
    writer: Waker,
}

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.reader.wake_by_ref();
        self.writer.wake_by_ref();
    }
}

fn is_control(message: &Message) -> bool {
    matches!(
        message,
        Message::Ping(_) | Message::Pong(_) | Message::Close(_)
    )
}

fn too_long(what: &str, most: usize) -> Error {
    Error::new(ErrorKind::InvalidRequest).with_detail(format!(
        "{what} is longer than {most} bytes (RFC 6455 §5.5)"
    ))
}
