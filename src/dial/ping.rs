//! Asking an HTTP/2 server whether it is still there.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use h2::{Ping, PingPong};

use crate::shape::h2::Http2Peer;

/// Has the connection's driver send a PING; the answer goes to the connection's observer.
///
/// Asking never waits: neither for the driver nor for a socket that takes no bytes.
#[derive(Default)]
pub(crate) struct Pinger {
    asked: AtomicBool,
    driver: AtomicWaker,
}

impl Pinger {
    /// Sends a PING unless one is under way, whose answer then answers this one too.
    pub(crate) fn ask(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.driver.wake();
        }
    }

    /// Sends what was asked for; never returns. Part of the connection's driver.
    pub(super) async fn run(&self, mut ping_pong: PingPong, peer: &Http2Peer) -> ! {
        loop {
            self.asked().await;
            if ping_pong.ping(Ping::opaque()).await.is_ok() {
                self.asked.store(false, Ordering::Release);
                peer.answered();
            } else {
                // The connection has ended, and its driver is about to say so.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn asked(&self) {
        std::future::poll_fn(|context| {
            if self.asked.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            self.driver.register(context.waker());
            match self.asked.load(Ordering::Acquire) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

impl fmt::Debug for Pinger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinger")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
