//! Who sees what clients send.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::recording::Recording;
use crate::registry::Entry;

/// Sees what clients send, before anything is made of it: for fingerprints and captures.
///
/// It is called on the task of the connection, which waits for it: it must not block, and it must limit what it keeps.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// `bytes` arrived. They begin and end anywhere.
    fn received(&self, connection: &Entry, layer: Layer, bytes: &[u8]);

    /// The connection has ended. It is called once for each, the ones that sent nothing included.
    fn ended(&self, connection: &Entry);
}

/// Where bytes were seen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// At the socket: TLS records, where TLS is spoken.
    Wire,
    /// Inside TLS. There is none without.
    Plain,
}

/// One connection, as its observer follows it. Dropping it is the end.
#[derive(Debug)]
pub(super) struct Observation {
    observer: Arc<dyn Observer>,
    entry: Arc<Entry>,
}

impl Observation {
    pub(super) fn begin(
        observer: Option<&Arc<dyn Observer>>,
        entry: &Arc<Entry>,
    ) -> Option<Arc<Self>> {
        observer.map(|observer| {
            Arc::new(Self {
                observer: Arc::clone(observer),
                entry: Arc::clone(entry),
            })
        })
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.observer.ended(&self.entry);
    }
}

pin_project! {
    /// A stream that shows what is read from it, and records what it begins with.
    #[derive(Debug)]
    pub(super) struct Observed<IO> {
        #[pin]
        stream: IO,
        layer: Layer,
        observation: Option<Arc<Observation>>,
        recording: Option<Recording>,
    }
}

impl<IO> Observed<IO> {
    pub(super) fn new(
        stream: IO,
        layer: Layer,
        observation: Option<&Arc<Observation>>,
        recording: Option<Recording>,
    ) -> Self {
        Self {
            stream,
            layer,
            observation: observation.cloned(),
            recording,
        }
    }
}

impl<IO: AsyncRead> AsyncRead for Observed<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.filled().len();
        ready!(this.stream.poll_read(context, buffer))?;
        if let Some(recording) = this.recording
            && !recording.add(buffer.filled().get(before..).unwrap_or_default())
        {
            *this.recording = None;
        }
        if let Some(observation) = this.observation
            && let Some(read @ [_, ..]) = buffer.filled().get(before..)
        {
            let Observation { observer, entry } = &**observation;
            observer.received(entry, *this.layer, read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite> AsyncWrite for Observed<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(context)
    }
}
