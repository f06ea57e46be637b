//! Stock h2 over the stream.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::profile::http2::Http2Template;
use crate::shape::h2::{Http2Peer, Http2Stream, client};

/// A client's side of a connection. Dropping it cuts the connection.
pub(super) struct Client {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) peer: Arc<Http2Peer>,
    pub(super) driver: JoinSet<Result<(), h2::Error>>,
}

impl Client {
    pub(super) async fn new<IO>(template: Http2Template, io: IO) -> Self
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let peer = Arc::new(Http2Peer::new());
        let stream = shaping(template.clone(), io, &peer);
        let (sender, connection) = client(&template, &Config::default().shares())
            .handshake(stream)
            .await
            .unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self {
            sender,
            peer,
            driver,
        }
    }

    /// How the connection ended.
    pub(super) async fn ended(&mut self) -> Result<(), h2::Error> {
        self.driver.join_next().await.unwrap().unwrap()
    }
}

pub(super) fn shaping<IO>(
    template: Http2Template,
    io: IO,
    peer: &Arc<Http2Peer>,
) -> Http2Stream<IO> {
    let mut rng = StdRng::seed_from_u64(4);
    Http2Stream::shaping(io, Arc::clone(peer), &Arc::new(template), &mut rng)
}
