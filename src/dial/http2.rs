//! HTTP/2 on an open stream, by h2, settled before it counts as open.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite};

use super::outcome::Driver;
use super::ping::Pinger;
use crate::error::{Error, ErrorKind, Result};
use crate::profile::http2::Http2Template;
use crate::shape::h2::{self as shape, Http2Peer, Http2Stream};

/// What one response may send before it is read: 2 MiB is a 160 Mbit/s stream at 100 ms. Also hyper's default.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;

/// What all responses of a connection may send before they are read. Also hyper's default.
const CONNECTION_WINDOW: u32 = 5 * 1024 * 1024;

/// What a response's headers may weigh: four times hyper's default. h2's own, 16 MiB, would let every response take as much memory.
const LARGEST_HEADER_LIST: u32 = 64 * 1024;

/// Sends requests; cloned for each.
pub(crate) type Http2Sender = SendRequest<Bytes>;

/// Sends preface and SETTINGS, those of `template` if there is one, and waits for the server's SETTINGS.
pub(super) async fn open<IO>(
    io: IO,
    template: Option<&Arc<Http2Template>>,
) -> Result<(Http2Sender, Driver, Arc<Http2Peer>, Arc<Pinger>)>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let peer = Arc::new(Http2Peer::new());
    let (builder, stream) = match template {
        None => (unshaped(), Http2Stream::watching(io, Arc::clone(&peer))),
        Some(template) => {
            let mut rng = rand::rng();
            let stream = Http2Stream::shaping(io, Arc::clone(&peer), template, &mut rng);
            (shape::client(template), stream)
        }
    };
    let (sender, mut connection) = builder
        .handshake(stream)
        .await
        .map_err(|error| peer.explain(error))?;
    tokio::select! {
        biased;
        ended = &mut connection => {
            let cause = match ended {
                Ok(()) => Error::new(ErrorKind::ConnectionClosed),
                Err(error) => peer.explain(error),
            };
            return Err(match cause.kind() {
                ErrorKind::TlsAlert => cause,
                _ if peer.last_stream_id().is_some() => {
                    Error::new(ErrorKind::GoAway).with_detail("at once").with_source(cause)
                }
                _ => cause.with_detail("before any HTTP/2 SETTINGS"),
            });
        }
        () = peer.settled() => {}
    }
    let pinger = Arc::new(Pinger::default());
    let driver = Box::pin(drive(connection, Arc::clone(&pinger), Arc::clone(&peer)));
    Ok((sender, driver, peer, pinger))
}

/// Borrowed within, never moved: a future keeps a place for each, and this one holds kilobytes for as long as the connection lives.
fn drive<IO>(
    mut connection: Connection<Http2Stream<IO>, Bytes>,
    pinger: Arc<Pinger>,
    peer: Arc<Http2Peer>,
) -> impl Future<Output = Result<()>> + Send
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let ping_pong = connection.ping_pong();
    async move {
        // h2 gives it out once.
        let Some(ping_pong) = ping_pong else {
            return (&mut connection).await.map_err(|error| peer.explain(error));
        };
        tokio::select! {
            biased;
            ended = &mut connection => ended.map_err(|error| peer.explain(error)),
            never = pinger.run(ping_pong, &peer) => never,
        }
    }
}

fn unshaped() -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(LARGEST_HEADER_LIST)
        .enable_push(false);
    builder
}
