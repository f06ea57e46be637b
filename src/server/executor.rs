//! Runs the tasks that answer HTTP/2 streams.

use std::future::Future;

use hyper::rt::Executor;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The tasks of one connection's streams. They belong to the server and end with the connection.
#[derive(Clone, Debug)]
pub(super) struct StreamTasks {
    tasks: TaskTracker,
    runtime: Handle,
    cut: CancellationToken,
}

impl StreamTasks {
    pub(super) fn new(tasks: TaskTracker, runtime: Handle) -> Self {
        Self {
            tasks,
            runtime,
            cut: CancellationToken::new(),
        }
    }

    /// Ends the tasks when it is dropped.
    pub(super) fn guard(&self) -> DropGuard {
        self.cut.clone().drop_guard()
    }
}

impl<F> Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let cut = self.cut.clone();
        let task = async move {
            cut.run_until_cancelled(stream).await;
        };
        self.tasks.spawn_on(task, &self.runtime);
    }
}
