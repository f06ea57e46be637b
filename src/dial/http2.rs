//! HTTP/2 on an open stream, by h2, settled before it counts as open.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite};

use super::outcome::Driver;
use super::ping::Pinger;
use crate::config::Shares;
use crate::error::{Error, ErrorKind, Result};
use crate::profile::http2::Http2Template;
use crate::shape::h2::{self as shape, Http2Peer, Http2Stream};

/// Sends requests; cloned for each.
pub(crate) type Http2Sender = SendRequest<Bytes>;

/// Sends preface and SETTINGS, those of `template` if there is one, and waits for the server's SETTINGS.
pub(super) async fn open<IO>(
    io: IO,
    template: Option<&Arc<Http2Template>>,
    shares: &Shares,
) -> Result<(Http2Sender, Driver, Arc<Http2Peer>, Arc<Pinger>)>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let peer = Arc::new(Http2Peer::new());
    let (builder, stream) = match template {
        None => (
            unshaped(shares),
            Http2Stream::watching(io, Arc::clone(&peer)),
        ),
        Some(template) => {
            let mut rng = rand::rng();
            let stream = Http2Stream::shaping(io, Arc::clone(&peer), template, &mut rng);
            (shape::client(template, shares), stream)
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

/// What a response's head may weigh.
pub(super) fn head_limit(template: Option<&Arc<Http2Template>>, shares: &Shares) -> u32 {
    template.map_or(shares.head, |template| shape::head_limit(template, shares))
}

fn unshaped(shares: &Shares) -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(shares.stream_window)
        .initial_connection_window_size(shares.connection_window)
        .max_header_list_size(shares.head)
        .max_send_buffer_size(shares.upload)
        .enable_push(false);
    builder
}
