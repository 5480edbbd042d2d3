//! Activity that is noted but not yet written: at most once a minute per session, in batches.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::failure::StoreError;
use crate::sessions::{Client, Session, SessionId, SessionPolicy, SessionStore, Touch};

/// How many touches one write takes.
const BATCH: usize = 500;

/// What was noted since the last write. Losing it can only shorten sessions.
#[derive(Debug, Default)]
pub(in crate::sessions) struct Touches {
    pending: Mutex<HashMap<SessionId, (OffsetDateTime, Client)>>,
}

impl Touches {
    /// Notes that `session` was active at `now`, if what is written of it is old enough.
    pub(in crate::sessions) fn note(
        &self,
        policy: &SessionPolicy,
        session: &Session,
        now: OffsetDateTime,
        client: &Client,
    ) {
        let mut pending = self.lock();
        let seen = pending
            .get(&session.id)
            .map_or(session.last_seen_at, |(at, _)| (*at).max(session.last_seen_at));
        if now - seen >= policy.touch_interval(session.rule) {
            pending.insert(session.id, (now, client.clone()));
        }
    }

    /// Adds to what was read of a session the activity that is noted and not yet written.
    pub(in crate::sessions) fn add_to(&self, session: &mut Session) {
        if let Some((at, client)) = self.lock().get(&session.id)
            && session.last_seen_at < *at
        {
            session.last_seen_at = *at;
            session.came_from(client);
        }
    }

    /// When a session was noted last.
    #[cfg(test)]
    pub(in crate::sessions) fn noted(&self, id: SessionId) -> Option<OffsetDateTime> {
        self.lock().get(&id).map(|(at, _)| *at)
    }

    /// Writes what was noted. What could not be written is noted again, unless newer came.
    pub(in crate::sessions) async fn flush(
        &self,
        store: &dyn SessionStore,
    ) -> Result<(), StoreError> {
        let touch = |(id, (at, client)): (&SessionId, &(OffsetDateTime, Client))| Touch {
            id: *id,
            at: *at,
            client: client.clone(),
        };
        let taken: Vec<Touch> = self.lock().iter().map(touch).collect();
        for batch in taken.chunks(BATCH) {
            store.touch(batch).await?;
            // Only now: until it is written, a check must still find it here.
            let mut pending = self.lock();
            for touch in batch {
                if pending.get(&touch.id).is_some_and(|(at, _)| *at == touch.at) {
                    pending.remove(&touch.id);
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, (OffsetDateTime, Client)>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
