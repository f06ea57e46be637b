//! The TLS handshake of a connection that came in.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::arrival::{Verdict, judge};
use super::builder::ListenerBuilder;
use super::ending::Ending;
use super::observer::Observed;
use super::orders::{Follower, Order};
use super::recording::Recording;
use crate::registry::{CloseReason, Identity, Metered, Registration};

type Stream = Observed<Metered<TcpStream>>;

/// Shakes hands, and notes whom the client asks for and who it has proven to be. What its hello says is in `recording`, if that is of
/// interest.
pub(super) async fn accept(
    stream: Stream,
    config: Arc<ServerConfig>,
    recording: Option<Recording>,
    settings: &ListenerBuilder,
    registration: &Registration,
) -> io::Result<TlsStream<Stream>> {
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    if let Some(name) = start.client_hello().server_name() {
        registration.set_host(Arc::from(name.to_ascii_lowercase()));
    }
    if let Some(recording) = recording
        && judge(&recording, settings, registration) == Verdict::Refuse
    {
        registration.note_close(CloseReason::Refused);
        start.io.write_all(ACCESS_DENIED).await?;
        start.io.shutdown().await?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let stream = start.into_stream(config).await?;
    let chain = stream.get_ref().1.peer_certificates();
    if let Some(certificate) = chain.and_then(<[_]>::first) {
        let certificate = Arc::from(certificate.as_ref());
        registration.set_identity(Identity::new().peer_certificate(certificate));
    }
    Ok(stream)
}

/// Gives `handshake` up at the deadline, when the server stops, and when somebody asks for it. That it failed, or was late, is `failure`.
pub(super) async fn guard<T>(
    handshake: impl Future<Output = io::Result<T>>,
    limit: Duration,
    failure: CloseReason,
    registration: &Registration,
    follower: &mut Follower,
) -> Result<T, Ending> {
    // An order to those present is obeyed after the handshake: so it must not be taken here.
    let mut orders = follower.clone();
    let stopped = async {
        loop {
            match orders.next().await {
                Order::Drain(CloseReason::LocalClose) => {}
                Order::Drain(reason) => return Ending::Stopped(reason),
                Order::Cut => return Ending::Cut,
            }
        }
    };
    tokio::select! {
        biased;
        ending = stopped => Err(ending),
        () = registration.close_requested() => Err(Ending::Stopped(CloseReason::Requested)),
        result = timeout(limit, handshake) => match result {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) | Err(_) => Err(Ending::Failed(failure)),
        },
    }
}

/// The record of a fatal alert (RFC 8446 section 6).
const ACCESS_DENIED: &[u8] = &[21, 3, 3, 0, 2, 2, 49];
