//! Seeing a deed and its record through to the end.

use tracing::Instrument as _;

use crate::failure::StoreError;
use crate::sessions::cache::{Rule, is_kept};

/// Does the work in a task of its own, so that a request which is dropped in the middle can leave
/// no deed half done, and none unrecorded.
///
/// # Errors
/// [`StoreError`] when the runtime ends before the work does; then it is unknown what was done.
pub(super) async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    if !is_kept(Rule::OutlivesItsRequest) {
        return Ok(work.await);
    }
    tokio::spawn(work.in_current_span()).await.map_err(|error| match error.try_into_panic() {
        // It is the request's own, as if there were no task in between.
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(cancelled) => StoreError::backend(cancelled),
    })
}
