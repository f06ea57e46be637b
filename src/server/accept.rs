//! Takes connections from the system, when there is a place for them.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::connection::House;
use super::handler::Handler;
use super::limits::ACCEPT_BACKOFF;
use super::orders::Follower;

/// Accepts until closing time; then the socket is closed.
pub(super) async fn accept<H: Handler>(
    socket: TcpListener,
    house: Arc<House<H>>,
    mut follower: Follower,
) {
    let places = house.max_connections().min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(places));
    loop {
        let next = tokio::select! {
            biased;
            () = follower.closing_time() => return,
            next = next(&socket, &places) => next,
        };
        let Some((stream, remote_addr, place)) = next else {
            return;
        };
        house.admit(stream, remote_addr, place, follower.newcomer());
    }
}

/// The next connection with its place; none when there will be no places any more.
async fn next(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, remote_addr) = accepted(|context| socket.poll_accept(context)).await;
    Some((stream, remote_addr, place))
}

/// What `poll_accept` gives when it gives no error.
async fn accepted<T>(mut poll_accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>) -> T {
    let mut is_refused = false;
    loop {
        match poll_fn(&mut poll_accept).await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Told once: it may last.
                if !mem::replace(&mut is_refused, true) {
                    tracing::warn!(%error, "cannot accept connections for now");
                }
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// The client left before it was accepted; the next one may be well.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Linux: too many open files.
    const EMFILE: i32 = 24;

    #[tokio::test(start_paused = true)]
    async fn a_refusing_system_is_asked_again_and_not_at_once() {
        let started = Instant::now();
        let mut script = [
            Err(io::Error::from_raw_os_error(EMFILE)),
            Err(io::ErrorKind::ConnectionAborted.into()),
            Err(io::Error::from_raw_os_error(EMFILE)),
            Ok("a connection"),
        ]
        .into_iter();
        let accepted = accepted(|_| script.next().map_or(Poll::Pending, Poll::Ready)).await;
        assert_eq!(accepted, "a connection");
        let waited = started.elapsed();
        assert!(waited >= 2 * ACCEPT_BACKOFF && waited < 3 * ACCEPT_BACKOFF);
    }
}
