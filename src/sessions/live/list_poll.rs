//! Open lists of sessions, kept as they are: whoever watches one is woken when a session of that
//! person starts or ends, wherever that was. What this server does wakes them at once; for the rest
//! one look serves all who watch, however many they are.

use std::collections::BTreeSet;

use crate::failure::StoreError;
use crate::sessions::{Cursor, Revocations, SessionId, Sessions};

/// How many ends and how many starts one look passes by. Where there are more, everybody looks.
const AT_A_LOOK: u32 = 200;

/// How far the look has come.
#[derive(Default)]
pub(in crate::sessions) struct ListPoll(tokio::sync::Mutex<Seen>);

#[derive(Default)]
struct Seen {
    cursor: Option<Cursor>,
    newest: Option<BTreeSet<SessionId>>,
}

impl Sessions {
    /// Wakes whoever watches a list in which something changed since the last call. It asks the
    /// store for what started and what ended last, and for nothing while no list is watched.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; what changed is found by the next call.
    pub async fn look_after_lists(&self) -> Result<(), StoreError> {
        let room = self.room();
        let mut seen = room.list_look.0.lock().await;
        if !room.watchers.has_lists() {
            *seen = Seen::default();
            return Ok(());
        }
        let ends_are_known = self.look_for_ended(&mut seen).await?;
        let starts_are_known = self.look_for_started(&mut seen).await?;
        if !(ends_are_known && starts_are_known) {
            room.watchers.wake_lists();
        }
        Ok(())
    }

    /// `false`: there may be ends of which nobody can be told.
    async fn look_for_ended(&self, seen: &mut Seen) -> Result<bool, StoreError> {
        // Whoever is woken lists for themselves, and waits then.
        let found = self.store().revocations_after(seen.cursor.as_ref(), AT_A_LOOK).await?;
        let is_first = seen.cursor.is_none();
        let Revocations::After { revocations, next } = found else {
            seen.cursor = None;
            return Ok(false);
        };
        for user in revocations.iter().filter_map(|end| end.user) {
            self.wake_list(user);
        }
        seen.cursor = Some(next);
        let is_all = u32::try_from(revocations.len()).is_ok_and(|found| found < AT_A_LOOK);
        Ok(is_all && !is_first)
    }

    /// `false`: there may be starts that were not looked at.
    async fn look_for_started(&self, seen: &mut Seen) -> Result<bool, StoreError> {
        let newest = self.store().list_newest(None, AT_A_LOOK).await?.sessions;
        let ids: BTreeSet<SessionId> = newest.iter().map(|session| session.id).collect();
        let Some(known) = seen.newest.replace(ids) else { return Ok(false) };
        let fresh = newest.iter().filter(|session| !known.contains(&session.id));
        let mut count = 0;
        for session in fresh {
            count += 1;
            if let Some(user) = session.owner.user() {
                self.wake_list(user);
            }
        }
        Ok(count < AT_A_LOOK)
    }
}
