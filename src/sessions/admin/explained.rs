//! The state of one session in detail, for administrators.

use crate::failure::StoreError;
use crate::sessions::cache::End;
use crate::sessions::{Child, Ended, LiveChild, Session, SessionId, Sessions};

/// A session that is live, or ended within the last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The session; `None` once its end was written.
    pub session: Option<Session>,
    /// The child that was asked for; the session is its parent then.
    pub child: Option<Child>,
    /// How and when it ended; `None` while it is live.
    pub ended: Option<Ended>,
    /// Whether this server's cache would answer a check of it now.
    pub under_lease: bool,
}

impl Sessions {
    /// The state of a session; `None` where it is unknown. Always asks the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn explain(&self, id: SessionId) -> Result<Option<Explained>, StoreError> {
        let cutoffs = self.cutoffs();
        let (session, child) = match self.store().find(id).await? {
            Some(session) => (Some(session), None),
            None => match self.store().find_child(id).await? {
                Some(LiveChild { child, parent }) => (Some(parent), Some(child)),
                None => (None, None),
            },
        };
        if let Some(mut session) = session {
            let ended = cutoffs.ended(&session);
            self.service().recent_activity.add_to(&mut session);
            let under_lease = self.is_remembered(id);
            return Ok(Some(Explained { session: Some(session), child, ended, under_lease }));
        }
        let ended = self.store().find_ended(id).await?;
        if ended.is_some() {
            self.wait_for_end(End::Session(id)).await?;
        }
        let ended = ended.filter(|ended| cutoffs.remembers(*ended));
        Ok(ended.map(|ended| Explained {
            session: None,
            child: None,
            ended: Some(ended),
            under_lease: false,
        }))
    }
}
