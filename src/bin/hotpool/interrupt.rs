//! Ctrl-C: the first asks to stop, the second insists.

use std::future::{Future, ready};
use std::io;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long stopping may take before the process ends as it is, for instance because nobody reads what it writes.
const PATIENCE: Duration = Duration::from_secs(3);

/// Listens for Ctrl-C while it exists.
#[derive(Debug)]
pub(crate) struct Interrupt {
    asked: CancellationToken,
    _listener: JoinSet<()>,
}

impl Interrupt {
    /// From the moment that it returns, Ctrl-C does not end the process by itself.
    pub(crate) fn listen() -> Self {
        let asked = CancellationToken::new();
        let mut listener = JoinSet::new();
        listener.spawn(listen(first(), asked.clone()));
        Self {
            asked,
            _listener: listener,
        }
    }

    /// Ends when the user asks to stop.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    pub(crate) fn was_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Cancelled when the user asks to stop, or earlier by its holder.
    pub(crate) fn token(&self) -> CancellationToken {
        self.asked.child_token()
    }
}

/// The first Ctrl-C, which is handled from now on: the signal's handler is there once it has been polled.
type First = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

fn first() -> First {
    let mut first: First = Box::pin(tokio::signal::ctrl_c());
    match first.as_mut().now_or_never() {
        Some(result) => Box::pin(ready(result)),
        None => first,
    }
}

async fn listen(first: First, asked: CancellationToken) {
    if first.await.is_err() {
        // Without a handler the system ends the process, as ever.
        return;
    }
    asked.cancel();
    let _ = timeout(PATIENCE, tokio::signal::ctrl_c()).await;
    std::process::exit(1);
}
