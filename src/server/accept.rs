//! Takes connections from the system, when there is a place for them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

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
    let places = Arc::new(Semaphore::new(house.max_connections()));
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
    loop {
        match socket.accept().await {
            Ok((stream, remote_addr)) => return Some((stream, remote_addr, place)),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections for now");
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
