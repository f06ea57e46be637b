//! Drives a connection, and makes it end when it should.

use std::future::Future;
use std::pin::{Pin, pin};

use tokio::time::{Instant, sleep_until};

use super::builder::ListenerBuilder;
use super::ending::Ending;
use super::orders::{Follower, Order};
use super::watchdog::overdue;
use crate::registry::{CloseReason, Registration, State};

/// A connection of hyper's, whichever version of HTTP it speaks.
pub(super) trait Graceful: Future<Output = Result<(), hyper::Error>> {
    /// Has it end once the requests under way are answered.
    fn graceful_shutdown(self: Pin<&mut Self>);
}

/// Drives `connection` to its end.
pub(super) async fn drive<C: Graceful>(
    connection: C,
    settings: &ListenerBuilder,
    registration: &Registration,
    follower: &mut Follower,
) -> Ending {
    let mut connection = pin!(connection);
    let mut asked = pin!(registration.close_requested());
    let mut overdue = pin!(overdue(registration.entry(), settings));
    let mut grace = pin!(sleep_until(Instant::now()));
    let mut is_ending = false;
    loop {
        let reason = tokio::select! {
            biased;
            result = &mut connection => return Ending::of(result),
            order = follower.next() => match order {
                Order::Cut => return Ending::Cut,
                Order::Drain(reason) => {
                    drain(connection.as_mut(), registration, reason);
                    continue;
                }
            },
            () = &mut grace, if is_ending => return Ending::GraceOver,
            () = &mut asked, if !is_ending => CloseReason::Requested,
            () = &mut overdue, if !is_ending => CloseReason::IdleTimeout,
        };
        is_ending = true;
        grace.as_mut().reset(Instant::now() + settings.close_grace);
        drain(connection.as_mut(), registration, reason);
    }
}

fn drain<C: Graceful>(connection: Pin<&mut C>, registration: &Registration, reason: CloseReason) {
    registration.note_close(reason);
    registration.set_state(State::Draining);
    connection.graceful_shutdown();
}
