//! The session that outlives a change of its own user.

use crate::accounts::KeptSession;
use crate::failure::StoreError;
use crate::sessions::{
    EndedByStart, Loaded, ResumeError, Session, SessionId, Sessions, StartedSession, Token,
    TokenDigest,
};

impl Sessions {
    /// Waits until nothing else on this server ends or rotates a session. Where the store is not
    /// the database of the accounts, this is what makes the look at a survivor and the change one
    /// step.
    ///
    /// # Errors
    /// [`StoreError`] when the others take too long.
    pub async fn turn_to_survive(&self) -> Result<impl Send + use<'_>, StoreError> {
        self.room().turns.alone().await
    }

    /// Whether a session still has the token under which it was to outlive a change.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn can_survive(&self, survivor: &KeptSession) -> Result<bool, StoreError> {
        let loaded = self.store().load(&TokenDigest::from_bytes(survivor.from)).await?;
        let session = SessionId::from_uuid(survivor.session);
        Ok(matches!(loaded, Loaded::Live(live) if live.id == session))
    }

    /// The session that outlived a change of its own user, under its new token. A store that fails
    /// now cannot undo the change, and without the token its owner would be signed out by an
    /// outage: then it is `before`, as far as it is known.
    ///
    /// `None`: it was rotated or ended since. The change is done all the same, and whoever asked
    /// for it is told so; of the end they are told by their next request.
    pub async fn survived(&self, token: Token, before: &Session) -> Option<StartedSession> {
        let session = match self.resume(&token).await {
            Ok(session) if session.id == before.id => session,
            // If the drawn token was in use, whoever has it keeps it to themselves.
            Ok(_) | Err(ResumeError::Ended(_) | ResumeError::Unknown) => return None,
            Err(ResumeError::Store(_)) => before.clone(),
        };
        Some(StartedSession { token, session, displaced: EndedByStart::default() })
    }

    /// Prepares the session of `token` to outlive a change of its own user: what the change takes
    /// along, and the token that the browser gets once it is done.
    ///
    /// # Errors
    /// [`StoreError::NoEntropy`].
    pub fn survivor(
        &self,
        session: &Session,
        token: &Token,
        authenticated: bool,
    ) -> Result<(KeptSession, Token), StoreError> {
        let new = Token::generate(&self.room().entropy)?;
        let survivor = KeptSession {
            session: session.id.as_uuid(),
            from: *token.digest().as_bytes(),
            to: *new.digest().as_bytes(),
            authenticated,
        };
        Ok((survivor, new))
    }
}
