//! Ctrl-C: the first asks to stop, the second insists.

use std::time::Duration;

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
    pub(crate) fn listen() -> Self {
        let asked = CancellationToken::new();
        let mut listener = JoinSet::new();
        listener.spawn(listen(asked.clone()));
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

async fn listen(asked: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the system ends the process, as ever.
        return;
    }
    asked.cancel();
    let _ = timeout(PATIENCE, tokio::signal::ctrl_c()).await;
    std::process::exit(1);
}
