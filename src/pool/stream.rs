//! A connection that is handed out whole: for whoever speaks a protocol of his own on it, or brings his own HTTP.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::acquire::{Lease, Site};
use super::handle::Pool;
use super::info::ConnectionInfo;
use super::target::AsTarget;
use crate::dial::{Kind, TakenStream};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::ActivityGuard;
#[cfg(feature = "websocket")]
use crate::registry::Protocol;

/// A connection on which nothing has been sent: TCP, and for `https` TLS with the profile's hello and the protocol that was agreed on.
///
/// It is its holder's alone and never comes back: dropping it closes the connection. It counts in the pool's limits and its registry
/// until then, which may also close it ([`shutdown`](Pool::shutdown), a kick): reading and writing then fail with
/// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted).
pub struct HotStream {
    /// Dropped first, and closed by that.
    stream: TakenStream,
    lease: Lease,
    /// Taken, it is active.
    _activity: ActivityGuard,
}

impl Pool {
    /// A stream to `target`, one of those that [`preheat_streams`](Self::preheat_streams) keeps warm, or a new one. It is made as a
    /// connection for requests is, by the same limits, addresses, proxies and profiles, but nothing is sent on it.
    ///
    /// Which protocol the server chose is in its [`tls`](ConnectionInfo::tls); without TLS it is what the pool's
    /// [`protocols`](super::PoolBuilder::protocols) say.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn stream(&self, target: impl AsTarget) -> impl Future<Output = Result<HotStream>> {
        self.stream_at(target, None, Site::caller())
    }

    pub(crate) async fn stream_at(
        &self,
        target: impl AsTarget,
        patience: Option<Duration>,
        site: Site,
    ) -> Result<HotStream> {
        let shared = self.shared();
        let host = shared.with_key(&target, |key| shared.host_pool(key.of_kind(Kind::Stream)))?;
        drop(target);
        // Those that the server ended while they rested, and the first after them.
        for _ in 0..=shared.config().max_connections_per_host() {
            let connection = Box::pin(host.connection(patience)).await?;
            connection.locate(site);
            let live = connection.live();
            if live.is_still_open().await
                && let Some(stream) = live.take_stream()
            {
                live.give_away();
                return Ok(HotStream {
                    stream,
                    _activity: live.entry().begin(),
                    lease: connection.into_lease(),
                });
            }
            live.found_dead(ErrorKind::ConnectionClosed);
        }
        Err(Error::new(ErrorKind::ConnectionClosed).with_host(host.key().origin.host()))
    }
}

#[cfg(feature = "websocket")]
impl HotStream {
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// What is spoken on it from now on.
    pub(crate) fn speaks(&self, protocol: Protocol) {
        self.lease.live().registration().set_protocol(protocol);
    }

    /// Gives back what was read too much: it is read again first.
    pub(crate) fn unread(&mut self, bytes: bytes::Bytes) {
        self.stream.unread(bytes);
    }
}

impl Deref for HotStream {
    type Target = ConnectionInfo;

    fn deref(&self) -> &ConnectionInfo {
        self.lease.info()
    }
}

impl AsyncRead for HotStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for HotStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for HotStream {
    /// Else the connection's end would look like the server's doing.
    fn drop(&mut self) {
        self.lease.live().closed_by_its_user();
    }
}

impl fmt::Debug for HotStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HotStream").field(self.lease.info()).finish()
    }
}
