//! Tasks that finish even if the request that started them is dropped.
//!
//! A client that disconnects cancels its request at the next `await`. Work that must not stop
//! halfway runs in a task instead. [`drain`] waits for these tasks at shutdown.

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::failure::StoreError;
use crate::telemetry::for_the_same_request;

/// How long a shutdown waits for the tasks.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// All such tasks of this process: of two applications in it, each waits for both.
static TASKS: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Starts `work` in a task, in the span of the caller. The panic hook logs a panic of it.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    TASKS.spawn(for_the_same_request(work.in_current_span()))
}

/// Runs `work` in a task and waits for its result. A panic of the task goes on in the caller, as
/// if there were no task.
///
/// # Errors
/// [`StoreError`] when the runtime ends before the work does; then it is unknown what was done.
// The type of a boxed future hides that of `work`. So the compiler proves once that `work` is `Send`,
// and not again for each handler around it.
pub(crate) fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> BoxFuture<'static, Result<T, StoreError>> {
    let task = spawn(work);
    Box::pin(async move {
        task.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => StoreError::backend(cancelled),
        })
    })
}

/// Waits until none of the tasks runs, three seconds at most. To be called once no request can
/// start another.
pub(crate) async fn drain() {
    TASKS.close();
    if timeout(DRAIN_LIMIT, TASKS.wait()).await.is_err() {
        tracing::warn!(tasks = TASKS.len(), "could not finish all tasks before shutdown");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_its_caller_is_dropped() {
        let (started, go_on, done) = <(Arc<Notify>, Arc<Notify>, Arc<Notify>)>::default();
        let work = {
            let (started, go_on, done) = (started.clone(), go_on.clone(), done.clone());
            async move {
                started.notify_one();
                go_on.notified().await;
                done.notify_one();
            }
        };
        let caller = tokio::spawn(run_to_completion(work));
        started.notified().await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());

        go_on.notify_one();
        timeout(Duration::from_secs(10), done.notified()).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller() {
        let caller = tokio::spawn(run_to_completion(async { panic!("on purpose") }));
        assert!(caller.await.unwrap_err().is_panic());
    }
}
