//! A stream that is taken away from whoever has it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes of a [`Conversation`](super::Conversation), in both directions. When that is over, or is cut, reading and writing fail with
/// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted), whoever has it by then.
pub struct ConversationStream(Arc<Mutex<State>>);

/// Ends the stream when it is dropped.
pub(super) struct Leash(Arc<Mutex<State>>);

struct State {
    io: Option<TokioIo<Upgraded>>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

pub(super) fn leashed(io: Upgraded) -> (ConversationStream, Leash) {
    let state = Arc::new(Mutex::new(State {
        io: Some(TokioIo::new(io)),
        reader: None,
        writer: None,
    }));
    (ConversationStream(Arc::clone(&state)), Leash(state))
}

impl Drop for Leash {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let (io, reader, writer) = (state.io.take(), state.reader.take(), state.writer.take());
        drop(state);
        drop(io);
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
    }
}

impl Drop for ConversationStream {
    fn drop(&mut self) {
        let io = self.0.lock().io.take();
        drop(io);
    }
}

impl AsyncRead for ConversationStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let State { io, reader, .. } = &mut *state;
        let outcome = Pin::new(io.as_mut().ok_or_else(over)?).poll_read(context, buffer);
        noted(reader, context, outcome)
    }
}

impl AsyncWrite for ConversationStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |io, context| io.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(context, |io, context| io.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(context, |io, context| io.poll_shutdown(context))
    }
}

impl ConversationStream {
    fn write<T>(
        &self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TokioIo<Upgraded>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut state = self.0.lock();
        let State { io, writer, .. } = &mut *state;
        let outcome = write(Pin::new(io.as_mut().ok_or_else(over)?), context);
        noted(writer, context, outcome)
    }
}

impl fmt::Debug for ConversationStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversationStream")
            .field("is_over", &self.0.lock().io.is_none())
            .finish_non_exhaustive()
    }
}

/// Whoever waits is told when the stream is taken away.
fn noted<T>(place: &mut Option<Waker>, context: &Context<'_>, outcome: Poll<T>) -> Poll<T> {
    if outcome.is_pending() {
        match place {
            Some(waker) => waker.clone_from(context.waker()),
            None => *place = Some(context.waker().clone()),
        }
    }
    outcome
}

fn over() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the server has ended the conversation",
    )
}
