//! Sign-out.

use super::pending::digest_of;
use super::run_to_completion;
use crate::accounts::Accounts;
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::sessions::{Client, EndReason, ResumeError, Session, Sessions, Token, TokenDigest};

/// Signs people out.
#[derive(Clone)]
pub struct Logout {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
}

impl Logout {
    /// Creates the use case.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { accounts, sessions, audit }
    }

    /// Gives up the pending session of this token, and ends the session that the browser had before
    /// it. Nothing happens if it opens none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it is void.
    pub async fn of_pending(&self, token: &Token, client: Client) -> Result<(), StoreError> {
        // Also takes one that has expired.
        let before = self.accounts.replace_pending(Some(digest_of(token))).await?;
        let before = before.map(TokenDigest::from_bytes);
        // Without a pending session this is the token itself, which is none to sign out here: at an
        // application it may be that of the session at the public URL.
        let Some(digest) = before.filter(|digest| *digest != token.digest()) else {
            return Ok(());
        };
        match self.sessions.resume_digest(&digest).await {
            Ok(session) => self.of_session(&session, client).await,
            Err(ResumeError::Store(error)) => Err(error),
            Err(_) => Ok(()),
        }
    }

    /// Ends the session of a browser that asks for it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it ended.
    pub async fn of_session(&self, session: &Session, client: Client) -> Result<(), StoreError> {
        let (this, session) = (self.clone(), session.clone());
        run_to_completion(async move {
            if this.sessions.revoke_session(&session, EndReason::SignedOut).await? {
                this.record(&session, client).await;
            }
            Ok(())
        })
        .await?
    }

    /// Ends the session that went on when this token was rotated away: its browser asks to sign
    /// out before it has seen the new one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it ended.
    pub async fn of_rotated(&self, token: &Token, client: Client) -> Result<(), StoreError> {
        let (this, token) = (self.clone(), token.clone());
        run_to_completion(async move {
            if let Some(session) = this.sessions.sign_out_rotated(&token).await? {
                this.record(&session, client).await;
            }
            Ok(())
        })
        .await?
    }

    /// A visitor who never signed in signs out of nothing.
    async fn record(&self, session: &Session, client: Client) {
        let Some(user) = session.owner.user() else { return };
        let by = By::user(user, session.id, client);
        let ended = Event::session_ended(session.id, EndReason::SignedOut, &by).about(user);
        self.audit.record([Event::new(Kind::Logout, &by).about(user), ended]).await;
    }
}
