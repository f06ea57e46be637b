//! A connection's task: moves its bytes until it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::Live;
use crate::dial::Driver;
use crate::error::{ErrorKind, Result};
use crate::registry::CloseReason;

/// How long a closing connection may take to say goodbye (GOAWAY, close_notify) and to finish what is under way.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// Drives a connection until it ends or is asked to. Whatever ends this future, the connection leaves the pool with it.
pub(in crate::pool) fn drive(live: Arc<Live>, driver: Driver) -> impl Future<Output = ()> + Send {
    let driving = Driving {
        driver,
        leaving: Leaving(live),
    };
    async move { driving.run().await }
}

/// Dropped in this order: the socket is closed before the registry is told, so that its totals are complete.
struct Driving {
    driver: Driver,
    leaving: Leaving,
}

impl Driving {
    async fn run(mut self) {
        let live = Arc::clone(&self.leaving.0);
        tokio::select! {
            biased;
            () = live.cut().cancelled() => {}
            () = self.run_to_its_end(&live) => {}
        }
    }

    async fn run_to_its_end(&mut self, live: &Arc<Live>) {
        tokio::select! {
            biased;
            outcome = &mut self.driver => live.registration().note_close(reason_of(&outcome)),
            () = live.entry().close_requested() => {
                live.drain(CloseReason::Requested);
                live.drop_sender();
                // The last sender is gone, so the driver ends by itself once what is under way has ended. What has not ended by
                // then is cut, and is told so.
                if timeout(CLOSE_GRACE, &mut self.driver).await.is_err() {
                    live.cut().cancel();
                }
            }
        }
    }
}

impl Drop for Driving {
    /// Said before the driver is dropped and requests fail, so that they can tell the end of the runtime from the server's doing.
    fn drop(&mut self) {
        let registration = self.leaving.0.registration();
        registration.note_close(CloseReason::Abandoned);
    }
}

struct Leaving(Arc<Live>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.ended();
    }
}

fn reason_of(outcome: &Result<()>) -> CloseReason {
    match outcome {
        Ok(()) => CloseReason::PeerClosed,
        Err(error) => match error.kind() {
            ErrorKind::ConnectionReset => CloseReason::PeerReset,
            ErrorKind::ConnectionClosed => CloseReason::PeerClosed,
            ErrorKind::GoAway => CloseReason::GoAway,
            ErrorKind::ProtocolViolation | ErrorKind::ResponseHeadTooLarge => {
                CloseReason::ProtocolError
            }
            _ => CloseReason::Error,
        },
    }
}
