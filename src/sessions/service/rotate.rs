//! Gives a live session a new token.

use super::Sessions;
use super::ended::EndScope;
use super::start::MAX_ID_ATTEMPTS;
use crate::accounts::Proof;
use crate::failure::StoreError;
use crate::sessions::cache::Change;
use crate::sessions::{EndedByStart, ResumeError, Rotation, Session, StartedSession, Token};

impl Sessions {
    /// Gives a live session a new token; the old one is refused as `replaced` from then on. With
    /// `proof` is what its user has just proven. Returns once no server accepts the
    /// old token.
    ///
    /// # Errors
    /// [`ResumeError`] when the session has ended or the store failed.
    pub async fn rotate(
        &self,
        session: &Session,
        token: &Token,
        proof: Proof,
    ) -> Result<StartedSession, ResumeError> {
        let at = self.now();
        for _ in 0..MAX_ID_ATTEMPTS {
            let new = Token::generate(&self.service().entropy).map_err(StoreError::from)?;
            let rotation = Rotation { from: token.digest(), to: new.digest(), proof, at };
            let shared = self.service().epoch_lock.shared().await?;
            let rotated = match self.store().rotate(&rotation).await {
                // Perhaps only the reply was lost. Then this request alone has the new token.
                Err(error) => {
                    self.is_live_under(session.id, &new).await.then_some(true).ok_or(error)
                }
                rotated => rotated,
            };
            drop(shared);
            self.service().leases.invalidate(Change::Token(token.digest()));
            self.invalidate_and_notify(EndScope::Sessions { ids: &[session.id], owner: None });
            if rotated? {
                self.service().leases.wait().await;
                let session = session.clone().with_proof(proof, at);
                return Ok(StartedSession {
                    token: new,
                    session,
                    displaced: EndedByStart::default(),
                });
            }
            // The request that rotated or ended it first left a reason. If the session is live,
            // the drawn token is in use.
            self.resume(token).await?;
        }
        Err(StoreError::Corrupt("every token drawn was in use").into())
    }
}
