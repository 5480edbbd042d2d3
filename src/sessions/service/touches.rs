//! Activity that is noted but not yet written. It is written in batches, at most once a minute per
//! session.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::failure::StoreError;
use crate::sessions::{Client, Session, SessionId, SessionPolicy, SessionStore, Touch};

/// The most touches in one write.
const BATCH: usize = 500;

/// The activity since the last write. Losing it can only shorten sessions.
#[derive(Debug, Default)]
pub(in crate::sessions) struct Touches {
    pending: Mutex<HashMap<SessionId, (OffsetDateTime, Client)>>,
}

impl Touches {
    /// Notes that `session` was active at `now`, if its written activity is old enough.
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

    /// Adds unwritten activity to a session that was read from the store.
    pub(in crate::sessions) fn add_to(&self, session: &mut Session) {
        if let Some((at, client)) = self.lock().get(&session.id)
            && session.last_seen_at < *at
        {
            session.last_seen_at = *at;
            session.came_from(client);
        }
    }

    /// The last noted activity of a session.
    #[cfg(test)]
    pub(in crate::sessions) fn noted(&self, id: SessionId) -> Option<OffsetDateTime> {
        self.lock().get(&id).map(|(at, _)| *at)
    }

    /// Writes the noted activity. After an error the rest stays noted.
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
            // Removed only now: until it is written, a check must find it here.
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
