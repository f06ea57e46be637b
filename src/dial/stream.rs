//! A connection on which nothing has been said yet. It rests with its driver until somebody takes it, and is his from then on.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::outcome::Driver;
use crate::error::{Error, Result};

/// An HTTP/2 server speaks first; SETTINGS and what it may put behind them are a few hundred bytes. A server that says more before it
/// was asked waits.
const MOST_SAID_FIRST: usize = 16 * 1024;

/// The stream's two ends: where it rests, and what ends it.
pub(super) fn open<IO>(io: IO) -> (RestingStream, Driver)
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = RestingStream(Arc::new(Mutex::new(State {
        io: Some(Box::new(io)),
        said_first: BytesMut::new(),
        is_taken: false,
        driver: None,
        reader: None,
        writer: None,
    })));
    (stream.clone(), Box::pin(Resting(stream)))
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A stream that nobody has taken.
#[derive(Clone)]
pub(crate) struct RestingStream(Arc<Mutex<State>>);

struct State {
    /// Gone when either end has dropped it.
    io: Option<Box<dyn Io>>,
    said_first: BytesMut,
    is_taken: bool,
    driver: Option<Waker>,
    /// Who holds it, to be told when the connection is cut.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl RestingStream {
    /// Takes it, if it is still open and nobody has.
    pub(crate) fn take(&self) -> Option<TakenStream> {
        let mut state = self.0.lock();
        if state.is_taken || state.io.is_none() {
            return None;
        }
        state.is_taken = true;
        Some(TakenStream {
            said_first: std::mem::take(&mut state.said_first).freeze(),
            state: Arc::clone(&self.0),
        })
    }
}

/// The driver: notices when the server ends what nobody has taken, and lasts as long as the stream. Dropped, it ends it.
struct Resting(RestingStream);

impl Future for Resting {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let mut state = self.0.0.lock();
        let State {
            io,
            said_first,
            is_taken,
            driver,
            ..
        } = &mut *state;
        let Some(open) = io else {
            return Poll::Ready(Ok(()));
        };
        // Before anything that may return: what wakes it is the taker, the dropper or the socket.
        note(driver, context);
        while !*is_taken && said_first.len() < MOST_SAID_FIRST {
            let mut chunk = [0; 1024];
            let mut buffer = ReadBuf::new(&mut chunk);
            let outcome = ready!(Pin::new(&mut *open).poll_read(context, &mut buffer));
            if outcome.is_err() || buffer.filled().is_empty() {
                *io = None;
                return Poll::Ready(outcome.map_err(Error::from_connection));
            }
            said_first.extend_from_slice(buffer.filled());
        }
        Poll::Pending
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        let (io, reader, writer) = (state.io.take(), state.reader.take(), state.writer.take());
        drop(state);
        drop(io);
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
    }
}

/// A stream and its one user. Dropping it closes the connection.
pub(crate) struct TakenStream {
    said_first: Bytes,
    state: Arc<Mutex<State>>,
}

impl TakenStream {
    /// Gives back what was read too much: it is read again first.
    #[cfg(feature = "websocket")]
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        self.said_first = match self.said_first.is_empty() {
            true => bytes,
            false => [bytes, self.said_first.clone()].concat().into(),
        };
    }
}

impl AsyncRead for TakenStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.said_first.is_empty() {
            let part = self.said_first.len().min(buffer.remaining());
            buffer.put_slice(&self.said_first.split_to(part));
            return Poll::Ready(Ok(()));
        }
        let mut state = self.state.lock();
        let State { io, reader, .. } = &mut *state;
        let open = io.as_mut().ok_or_else(cut)?;
        let outcome = Pin::new(open).poll_read(context, buffer);
        noted(reader, context, outcome)
    }
}

impl AsyncWrite for TakenStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |io, context| io.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |io, context| {
            io.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        let state = self.state.lock();
        state.io.as_ref().is_some_and(|io| io.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(context, |io, context| io.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(context, |io, context| io.poll_shutdown(context))
    }
}

impl TakenStream {
    fn write<T>(
        &self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut dyn Io>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut state = self.state.lock();
        let State { io, writer, .. } = &mut *state;
        let open = io.as_mut().ok_or_else(cut)?;
        let outcome = write(Pin::new(&mut **open), context);
        noted(writer, context, outcome)
    }
}

impl Drop for TakenStream {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        let (io, driver) = (state.io.take(), state.driver.take());
        drop(state);
        drop(io);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl fmt::Debug for TakenStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakenStream").finish_non_exhaustive()
    }
}

/// Whoever waits is told when the connection is cut under him.
fn noted<T>(place: &mut Option<Waker>, context: &Context<'_>, outcome: Poll<T>) -> Poll<T> {
    if outcome.is_pending() {
        note(place, context);
    }
    outcome
}

fn note(place: &mut Option<Waker>, context: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(context.waker()),
        None => *place = Some(context.waker().clone()),
    }
}

fn cut() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the pool closed the connection",
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;

    #[tokio::test]
    async fn what_the_server_says_first_is_read_first() {
        let (client, mut server) = duplex(64 * 1024);
        let (resting, driver) = open(client);
        let mut driver = task::spawn(driver);
        server.write_all(b"set").await.unwrap();
        assert_pending!(driver.poll());
        server.write_all(b"tings").await.unwrap();
        assert_pending!(driver.poll());
        let mut taken = resting.take().unwrap();
        assert!(resting.take().is_none(), "there is one");
        server.write_all(b", and more").await.unwrap();
        let mut read = vec![0; 18];
        taken.read_exact(&mut read).await.unwrap();
        assert_eq!(read, b"settings, and more");
        taken.write_all(b"hello").await.unwrap();
        let mut read = vec![0; 5];
        server.read_exact(&mut read).await.unwrap();
        assert_eq!(read, b"hello");
        assert_pending!(driver.poll());
        drop(taken);
        assert!(driver.is_woken());
        assert!(assert_ready!(driver.poll()).is_ok());
        assert_eq!(server.read(&mut read).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_server_that_says_too_much_waits() {
        let (client, mut server) = duplex(1024);
        let (resting, driver) = open(client);
        let mut driver = task::spawn(driver);
        let mut said = 0;
        for _ in 0..40 {
            let mut write = task::spawn(server.write_all(&[7; 1024]));
            if write.poll().is_pending() {
                break;
            }
            drop(write);
            said += 1024;
            assert_pending!(driver.poll());
        }
        assert_eq!(said, MOST_SAID_FIRST + 1024, "and what the pipe holds");
        let mut taken = resting.take().unwrap();
        let mut read = vec![0; said];
        taken.read_exact(&mut read).await.unwrap();
    }

    #[tokio::test]
    async fn nobody_takes_what_the_server_has_ended() {
        let (client, server) = duplex(64);
        let (resting, driver) = open(client);
        let mut driver = task::spawn(driver);
        assert_pending!(driver.poll());
        drop(server);
        assert!(driver.is_woken());
        assert!(assert_ready!(driver.poll()).is_ok());
        assert!(resting.take().is_none());
    }

    #[tokio::test]
    async fn whoever_has_it_learns_that_it_was_cut() {
        let (client, mut server) = duplex(64);
        let (resting, driver) = open(client);
        let mut taken = resting.take().unwrap();
        let mut byte = [0];
        let mut reading = task::spawn(taken.read(&mut byte));
        assert_pending!(reading.poll());
        drop(driver);
        assert!(reading.is_woken());
        let error = assert_ready!(reading.poll()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(server.read(&mut byte).await.unwrap(), 0, "closed at once");
    }
}
