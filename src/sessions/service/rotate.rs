//! Gives a live session a new token.

use super::start::MAX_ID_ATTEMPTS;
use crate::failure::StoreError;
use crate::sessions::cache::Change;
use crate::sessions::{
    EndedByStart, ResumeError, Rotation, Session, Sessions, StartedSession, Token,
};

impl Sessions {
    /// Gives a live session a new token; the old one says `replaced` from now on. With
    /// `authenticated` its user has just proven who they are.
    ///
    /// # Errors
    /// [`ResumeError`] when the session ended meanwhile or the store failed.
    pub async fn rotate(
        &self,
        session: &Session,
        token: &Token,
        authenticated: bool,
    ) -> Result<StartedSession, ResumeError> {
        let at = self.now();
        for _ in 0..MAX_ID_ATTEMPTS {
            let new = Token::generate(&self.room().entropy).map_err(StoreError::from)?;
            let rotation = Rotation { from: token.digest(), to: new.digest(), authenticated, at };
            let shared = self.room().turns.shared().await?;
            let rotated = match self.store().rotate(&rotation).await {
                // Perhaps only the reply is lost. Then nobody but this request has the token
                // under which the session goes on.
                Err(error) => self.went_on(session.id, &new).await.then_some(true).ok_or(error),
                rotated => rotated,
            };
            drop(shared);
            self.room().leases.forget(Change::Token(token.digest()));
            self.is_over(session.id);
            if rotated? {
                self.room().leases.outlast().await;
                let proven_at = if authenticated { Some(at) } else { session.authenticated_at };
                let session = Session { authenticated_at: proven_at, ..session.clone() };
                return Ok(StartedSession {
                    token: new,
                    session,
                    displaced: EndedByStart::default(),
                });
            }
            // Whoever rotated or ended it first left a reason. If it is live after all, the drawn
            // token is somebody else's.
            self.resume(token).await?;
        }
        Err(StoreError::Corrupt("every token drawn was in use").into())
    }
}
