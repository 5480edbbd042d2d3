//! The outbox: raises of epochs that the session store has not received yet.
//!
//! Used where accounts and sessions are in different stores. The change of an account and its
//! outbox row are one transaction. Then the session store gets the new epoch, the row is deleted,
//! and the change is acknowledged. If a server crashes in between, another one processes the row.
//! Processing a row twice changes nothing. The same goes for deleted passkeys, whose sessions end.

use std::collections::HashSet;

use async_trait::async_trait;

use super::service::EndScope;
use super::{EndReason, Ended, Ending, EpochMove, SessionId, Sessions};
use crate::accounts::{Epoch, PasskeyId, UserId};
use crate::failure::StoreError;

/// The most rows that one call processes.
const BATCH: u32 = 200;

/// The raises of epochs in the accounts' store that the session store may not have received.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// At most `most` rows, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending(&self, most: u32) -> Result<Vec<EpochMove>, StoreError>;

    /// Deletes a row, once the session store has the epoch. A missing row is no error.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then the row may still be there.
    async fn cross_off(&self, user: UserId, to: Epoch) -> Result<(), StoreError>;

    /// At most `most` deleted passkeys, whose sessions may not have been ended yet.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn removed_passkeys(&self, most: u32) -> Result<Vec<(UserId, PasskeyId)>, StoreError>;

    /// Deletes the row of a passkey, once its sessions have ended. A missing row is no error.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then the row may still be there.
    async fn cross_off_passkey(&self, passkey: PasskeyId) -> Result<(), StoreError>;
}

/// The rows that the last call found. A row that the next call finds again was abandoned by its
/// writer. So no clocks of different machines are compared.
#[derive(Debug, Default)]
pub struct Pending(HashSet<(UserId, Epoch)>, HashSet<PasskeyId>);

impl Sessions {
    /// Whether accounts and sessions are in different stores.
    #[must_use]
    pub(crate) fn has_outbox(&self) -> bool {
        self.outbox().is_some()
    }

    /// Raises a user's epoch in the session store, which ends the sessions of earlier epochs.
    /// Returns how many ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. With an outbox, a server retries it.
    pub(crate) async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        let ended = self.store().raise_epoch(epoch_move).await?;
        if let Some(outbox) = self.outbox()
            && let Err(error) = outbox.cross_off(epoch_move.user, epoch_move.to).await
        {
            // The row is processed once more, which changes nothing.
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not delete a row of the outbox; will process it again");
        }
        Ok(ended)
    }

    /// Processes abandoned rows: those that this call and the last one found. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails; the next call retries the rest.
    pub(crate) async fn process_outbox(&self, seen: &mut Pending) -> Result<u32, StoreError> {
        let Some(outbox) = self.outbox() else { return Ok(0) };
        let pending = outbox.pending(BATCH).await?;
        let (left, fresh): (Vec<EpochMove>, Vec<EpochMove>) =
            pending.into_iter().partition(|one| seen.0.contains(&(one.user, one.to)));
        seen.0.extend(fresh.iter().map(|one| (one.user, one.to)));
        let finished = self.finish(&left).await;
        if finished.is_ok() {
            seen.0 = fresh.iter().map(|one| (one.user, one.to)).collect();
        }
        Ok(finished? + self.finish_removed_passkeys(outbox, seen).await?)
    }

    async fn finish_removed_passkeys(
        &self,
        outbox: &dyn Outbox,
        seen: &mut Pending,
    ) -> Result<u32, StoreError> {
        let (left, fresh): (Vec<_>, Vec<_>) = outbox
            .removed_passkeys(BATCH)
            .await?
            .into_iter()
            .partition(|(_, passkey)| seen.1.contains(passkey));
        let mut finished = 0;
        for (user, passkey) in left {
            self.end_of_passkey(user, passkey).await?;
            finished += 1;
        }
        seen.1 = fresh.into_iter().map(|(_, passkey)| passkey).collect();
        Ok(finished)
    }

    /// The live sessions that a passkey started.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn of_passkey(
        &self,
        user: UserId,
        passkey: PasskeyId,
    ) -> Result<Vec<SessionId>, StoreError> {
        let all = self.store().list(user).await?.into_iter();
        Ok(all.filter(|session| session.is_of(passkey)).map(|session| session.id).collect())
    }

    /// Ends the sessions that a deleted passkey started, where the change that deleted it has not.
    /// Returns once no server accepts any of them.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails. With an outbox, a server retries it.
    pub(crate) async fn end_of_passkey(
        &self,
        user: UserId,
        passkey: PasskeyId,
    ) -> Result<(), StoreError> {
        let ids = self.of_passkey(user, passkey).await?;
        let shared = self.service().epoch_lock.shared().await?;
        let ended = Ended { reason: EndReason::CredentialRemoved, at: self.now() };
        for id in &ids {
            let ending = Ending { id: *id, of: Some(user), unseen_since: None, ended };
            self.store().end(&ending).await?;
        }
        drop(shared);
        if !ids.is_empty() {
            self.ended(EndScope::Sessions { ids: &ids, owner: Some(user) }).await;
        }
        if let Some(outbox) = self.outbox()
            && let Err(error) = outbox.cross_off_passkey(passkey).await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not delete a row of the outbox; will process it again");
        }
        Ok(())
    }

    async fn finish(&self, left: &[EpochMove]) -> Result<u32, StoreError> {
        let mut finished = 0;
        for one in left {
            self.raise_epoch(one).await?;
            self.invalidate_and_notify(EndScope::User(one.user));
            finished += 1;
        }
        Ok(finished)
    }
}
