//! Polls the store for subscribed lists: one poll serves all subscribers on this server.
//!
//! Starts and ends on this server notify subscribers directly; the poll finds those on others.

use std::collections::BTreeSet;

use crate::failure::StoreError;
use crate::sessions::{Cursor, Revocations, SessionId, Sessions};

/// The most ends and the most starts that one poll reads. With more, all lists are notified.
const POLL_SIZE: u32 = 200;

/// The position of the last poll.
#[derive(Default)]
pub(in crate::sessions) struct ListPoll(tokio::sync::Mutex<Position>);

#[derive(Default)]
struct Position {
    cursor: Option<Cursor>,
    newest: Option<BTreeSet<SessionId>>,
}

impl Sessions {
    /// Notifies the subscribers of lists that changed since the last call. Reads the latest starts
    /// and ends from the store, and nothing while there is no subscriber.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; the next call finds the same changes.
    pub(crate) async fn poll_lists(&self) -> Result<(), StoreError> {
        let service = self.service();
        let mut position = service.list_poll.0.lock().await;
        if !service.subscribers.has_lists() {
            *position = Position::default();
            return Ok(());
        }
        let has_all_ends = self.poll_ended(&mut position).await?;
        let has_all_starts = self.poll_started(&mut position).await?;
        if !(has_all_ends && has_all_starts) {
            service.subscribers.notify_lists();
        }
        Ok(())
    }

    /// `false`: some ends may be missing from the answer.
    async fn poll_ended(&self, position: &mut Position) -> Result<bool, StoreError> {
        // No wait for leases here: a subscriber reads the list itself, and waits then.
        let found = self.store().revocations_after(position.cursor.as_ref(), POLL_SIZE).await?;
        let is_first = position.cursor.is_none();
        let Revocations::After { revocations, next } = found else {
            position.cursor = None;
            return Ok(false);
        };
        for user in revocations.iter().filter_map(|end| end.user) {
            self.service().subscribers.notify_list(user);
        }
        position.cursor = Some(next);
        let is_all = u32::try_from(revocations.len()).is_ok_and(|found| found < POLL_SIZE);
        Ok(is_all && !is_first)
    }

    /// `false`: some starts may be missing from the answer.
    async fn poll_started(&self, position: &mut Position) -> Result<bool, StoreError> {
        let newest = self.store().list_newest(None, POLL_SIZE).await?.sessions;
        let ids: BTreeSet<SessionId> = newest.iter().map(|session| session.id).collect();
        let Some(known) = position.newest.replace(ids) else { return Ok(false) };
        let fresh = newest.iter().filter(|session| !known.contains(&session.id));
        let mut count = 0;
        for session in fresh {
            count += 1;
            if let Some(user) = session.owner.user() {
                self.service().subscribers.notify_list(user);
            }
        }
        Ok(count < POLL_SIZE)
    }
}
