//! How one session stands, for whoever has to explain it.

use crate::failure::StoreError;
use crate::sessions::cache::End;
use crate::sessions::{Ended, Session, SessionId, Sessions};

/// A session that is live, or ended within the last day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What is kept of it; `None` once its end was written down.
    pub session: Option<Session>,
    /// How and when it ended; `None` while it is live.
    pub ended: Option<Ended>,
    /// Whether this server would answer a check of it now without asking a store: from what it
    /// remembers, under a lease.
    pub under_lease: bool,
}

impl Sessions {
    /// How a session stands; `None` where nothing is known of it. Not told from memory: what is
    /// explained is asked of the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn explain(&self, id: SessionId) -> Result<Option<Explained>, StoreError> {
        let cutoffs = self.cutoffs();
        if let Some(mut session) = self.store().find(id).await? {
            let ended = cutoffs.ended(&session);
            self.room().recent.add_to(&mut session);
            let under_lease = self.is_remembered(id);
            return Ok(Some(Explained { session: Some(session), ended, under_lease }));
        }
        let ended = self.store().find_ended(id).await?;
        if ended.is_some() {
            self.outlast_end(End::Session(id)).await?;
        }
        let ended = ended.filter(|ended| cutoffs.remembers(*ended));
        Ok(ended.map(|ended| Explained { session: None, ended: Some(ended), under_lease: false }))
    }
}
