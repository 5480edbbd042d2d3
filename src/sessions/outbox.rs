//! What the session store has still to be told, where the accounts are kept in another one.
//!
//! The change of an account and the row that says which sessions end with it are one step there.
//! Then the session store is told, the row is crossed off, and the change is acknowledged. A writer
//! that dies in between leaves its row to the others, and telling twice changes nothing.

use std::collections::HashSet;

use async_trait::async_trait;

use super::{EpochMove, Sessions};
use crate::accounts::{Epoch, UserId};
use crate::failure::StoreError;

/// How many rows are carried out at a look, so that a long outage is made up for in turns.
const AT_ONCE: u32 = 200;

/// The rises of epochs that were decided where the accounts are kept, and not crossed off yet.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// At most `most` of them, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending(&self, most: u32) -> Result<Vec<EpochMove>, StoreError>;

    /// Crosses one off, once the session store has it. Nothing happens where it is gone already.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it may be pending still.
    async fn cross_off(&self, user: UserId, to: Epoch) -> Result<(), StoreError>;
}

/// What was pending at the last look. What is pending at the next look too, its writer has left
/// behind: no clock has to be compared with that of another machine.
#[derive(Debug, Default)]
pub struct Pending(HashSet<(UserId, Epoch)>);

impl Sessions {
    /// Whether the accounts are kept in another store than the sessions.
    #[must_use]
    pub fn has_outbox(&self) -> bool {
        self.outbox().is_some()
    }

    /// Ends the sessions that a change of an account ended, where they are not kept with it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. Where there is an outbox, some server makes up for it.
    pub async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        let ended = self.store().raise_epoch(epoch_move).await?;
        if let Some(outbox) = self.outbox()
            && let Err(error) = outbox.cross_off(epoch_move.user, epoch_move.to).await
        {
            // It is told once more, which changes nothing.
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the end of some sessions stays in the outbox for now");
        }
        Ok(ended)
    }

    /// Carries out what writers have left behind: whatever is pending now and was at the last look.
    /// How many that were.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails; what is left is left to the next look.
    pub async fn finish_left_behind(&self, seen: &mut Pending) -> Result<u32, StoreError> {
        let Some(outbox) = self.outbox() else { return Ok(0) };
        let pending = outbox.pending(AT_ONCE).await?;
        let (left, fresh): (Vec<EpochMove>, Vec<EpochMove>) =
            pending.into_iter().partition(|one| seen.0.contains(&(one.user, one.to)));
        seen.0.extend(fresh.iter().map(|one| (one.user, one.to)));
        let finished = self.finish(&left).await;
        if finished.is_ok() {
            seen.0 = fresh.iter().map(|one| (one.user, one.to)).collect();
        }
        finished
    }

    async fn finish(&self, left: &[EpochMove]) -> Result<u32, StoreError> {
        let mut finished = 0;
        for one in left {
            self.raise_epoch(one).await?;
            self.wake_user(one.user);
            finished += 1;
        }
        Ok(finished)
    }
}
