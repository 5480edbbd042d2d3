//! Seeing a deed and its record through to the end.

use tracing::Instrument as _;

use crate::failure::StoreError;

/// Does the work in a task of its own, so that a request which is dropped in the middle can leave
/// no deed half done, and none unrecorded.
///
/// # Errors
/// [`StoreError`] when the work panicked; then it is unknown what was done.
pub(super) async fn see_through<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work.in_current_span()).await.map_err(StoreError::backend)
}
