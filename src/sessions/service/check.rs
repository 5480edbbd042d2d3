//! Checks a presented token: finds its live session, or says why there is none.

use crate::failure::StoreError;
use crate::sessions::cache::{Change, End};
use crate::sessions::{
    Client, EndReason, Ended, Ending, Loaded, Owner, Session, SessionId, Sessions, TimedOut, Token,
    TokenDigest,
};
use time::OffsetDateTime;

/// Why a token does not open a session.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Never issued, or ended more than a day ago.
    #[error("no session has this token")]
    Unknown,
    /// Ended within the last day.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
    /// The store failed. Nothing is known about the session: refuse, but do not sign out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// The live session of a token, or why there is none. Not yet activity: see [`Self::seen`].
    ///
    /// # Errors
    /// [`ResumeError`] says what may be concluded.
    pub async fn resume(&self, token: &Token) -> Result<Session, ResumeError> {
        self.resume_digest(&token.digest()).await
    }

    /// As [`Sessions::resume`], of a token whose digest is known.
    ///
    /// # Errors
    /// [`ResumeError`] says what may be concluded.
    pub async fn resume_digest(&self, digest: &TokenDigest) -> Result<Session, ResumeError> {
        // A refusal for age is only true if the row was still that old when it ended; if another
        // node wrote a touch meanwhile, look once more.
        for _ in 0..3 {
            let mut session = match self.store().load(digest).await? {
                Loaded::Live(session) => session,
                Loaded::Ended { ended, anonymous } => {
                    return Err(self.refuse(digest, ended, anonymous).await);
                }
                Loaded::Unknown => return Err(ResumeError::Unknown),
            };
            let written = session.last_seen_at;
            self.room().touches.add_to(&mut session);
            let Some(ended) = self.cutoffs().ended(&session) else { return Ok(session) };
            if self.end_aged(&session, written, ended).await {
                let anonymous = session.owner == Owner::Anonymous;
                return Err(self.refuse(digest, ended, anonymous).await);
            }
        }
        Err(ResumeError::Unknown)
    }

    /// Ends a session that its timeouts have ended, if nothing was written of it since. A store
    /// that fails here changes nothing: the session is refused by its age, now and later.
    async fn end_aged(&self, session: &Session, written: OffsetDateTime, ended: Ended) -> bool {
        let ending = Ending { id: session.id, of: None, unseen_since: Some(written), ended };
        match self.store().end(&ending).await {
            Ok(true) => {
                self.is_over(session.id);
                self.room().timed_out.note(TimedOut::of(session, ended));
                true
            }
            Ok(false) => false,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "an expired session could not be ended; it is refused");
                true
            }
        }
    }

    /// Whoever ended the session may be waiting until nobody accepts it any more, whatever the time
    /// that was written down: it is from before the store acknowledged the end. So the first time
    /// that this server says so it waits as long.
    async fn refuse(&self, digest: &TokenDigest, ended: Ended, anonymous: bool) -> ResumeError {
        self.room().leases.forget(Change::Token(*digest));
        match self.outlast_end(End::Token(*digest)).await {
            Ok(()) => self.refusal(ended, anonymous),
            Err(error) => ResumeError::Store(error),
        }
    }

    /// A visitor who never signed in is told nothing of an end, but that a sign-in took the data
    /// along: to them a fresh start is as good.
    fn refusal(&self, ended: Ended, anonymous: bool) -> ResumeError {
        let told = !anonymous || ended.reason == EndReason::Replaced;
        if told && self.cutoffs().remembers(ended) {
            ResumeError::Ended(ended.reason)
        } else {
            ResumeError::Unknown
        }
    }

    /// Whether the user of `session` proved who they are recently enough for what is grave.
    #[must_use]
    pub fn is_fresh(&self, session: &Session) -> bool {
        self.room().policy.is_fresh(session, self.now())
    }

    /// Notes a request of a live session; written within seconds, at most once a minute. `client`
    /// is where it came from, and only asked for where something is noted.
    pub fn seen(&self, session: &Session, client: impl FnOnce() -> Client) {
        let (room, now) = (self.room(), self.now());
        let is_due = now - session.last_seen_at >= room.policy.touch_interval(session.rule);
        if !is_due && !room.recent.is_news(session, now) {
            return;
        }
        let client = client();
        if is_due {
            room.touches.note(&room.policy, session, now, &client);
            let deadline = room.policy.idle_after(session, now);
            room.leases.see(session.id, (now, &client), deadline);
        }
        room.recent.note(session, now, client);
    }

    /// Whether a session is known to be live under this token. `false` also when the store does not
    /// say.
    pub async fn went_on(&self, id: SessionId, token: &Token) -> bool {
        let loaded = self.store().load(&token.digest()).await;
        matches!(loaded, Ok(Loaded::Live(live)) if live.id == id)
    }

    /// Why a token no longer counts that did a moment ago.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn why_gone(&self, token: &Token) -> Result<EndReason, StoreError> {
        match self.resume(token).await {
            Err(ResumeError::Ended(reason)) => Ok(reason),
            Err(ResumeError::Store(error)) => Err(error),
            Err(ResumeError::Unknown) | Ok(_) => Ok(EndReason::SignedOut),
        }
    }
}
