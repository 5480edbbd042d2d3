//! Checks a presented token: finds its live session, or says why there is none.

use time::OffsetDateTime;

use super::Sessions;
use super::ended::EndScope;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, End};
use crate::sessions::{
    Client, EndReason, Ended, Ending, Loaded, Owner, Session, SessionId, TimedOut, Token,
    TokenDigest,
};

/// How often a session past its timeout is read again before it is refused. A refusal for age is
/// only right if the row was still that old when it ended, and another node may write activity.
pub(super) const MAX_READS: u32 = 3;

/// Why a token does not open a session.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Never issued, or ended more than a day ago.
    #[error("no session has this token")]
    Unknown,
    /// Ended within the last day.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
    /// The store failed, so nothing is known about the session. Refuse the request, but leave the
    /// cookie alone.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Evidence that a user proved their identity a moment ago. Only [`Sessions`] makes it, and use
/// cases that need it take it as a parameter.
#[derive(Clone, Copy, Debug)]
pub struct FreshProof(());

impl Sessions {
    /// The live session of a token, or why there is none. The token of a child opens no session.
    /// Always asks the store. Does not count as activity: see [`Self::seen`].
    ///
    /// # Errors
    /// [`ResumeError`] says what may be concluded.
    pub async fn resume(&self, token: &Token) -> Result<Session, ResumeError> {
        self.resume_digest(&token.digest()).await
    }

    /// As [`Sessions::resume`], by the digest of the token.
    ///
    /// # Errors
    /// [`ResumeError`] says what may be concluded.
    pub(crate) async fn resume_digest(&self, digest: &TokenDigest) -> Result<Session, ResumeError> {
        for _ in 0..MAX_READS {
            let session = match self.store().load(digest).await? {
                Loaded::Live(session) => session,
                Loaded::Ended { ended, anonymous } => {
                    return Err(self.refuse(End::Token(*digest), ended, anonymous).await);
                }
                Loaded::Child(_) | Loaded::EndedChild(_) | Loaded::Unknown => {
                    return Err(ResumeError::Unknown);
                }
            };
            if let Some(session) = self.within_timeouts(End::Token(*digest), session).await? {
                return Ok(session);
            }
        }
        Err(ResumeError::Unknown)
    }

    /// The live session of this id and the digest of its token, or why there is none. Always asks the
    /// store.
    ///
    /// # Errors
    /// [`ResumeError`] says what may be concluded.
    pub(crate) async fn resume_id(
        &self,
        id: SessionId,
    ) -> Result<(Session, TokenDigest), ResumeError> {
        let by = End::Session(id);
        for _ in 0..MAX_READS {
            let Some(digest) = self.store().token_of(id).await? else {
                return Err(match self.store().find_ended(id).await? {
                    Some(ended) => self.refuse(by, ended, false).await,
                    None => ResumeError::Unknown,
                });
            };
            // Its token may have been rotated since, or it may have ended.
            let Loaded::Live(session) = self.store().load(&digest).await? else { continue };
            if let Some(session) = self.within_timeouts(by, session).await? {
                return Ok((session, digest));
            }
        }
        Err(ResumeError::Unknown)
    }

    /// A session that was read by this token or id, or the parent of a child, unless its timeouts
    /// have passed: then it ends. `None`: activity was written since, so read it again.
    pub(super) async fn within_timeouts(
        &self,
        by: End,
        mut session: Session,
    ) -> Result<Option<Session>, ResumeError> {
        let written = session.last_seen_at;
        self.service().touches.add_to(&mut session);
        let Some(ended) = self.cutoffs().ended(&session) else { return Ok(Some(session)) };
        if self.end_aged(&session, written, ended).await {
            let anonymous = session.owner == Owner::Anonymous;
            return Err(self.refuse(by, ended, anonymous).await);
        }
        Ok(None)
    }

    /// Ends a session past its timeout in the store, unless activity was written since. Returns
    /// whether to refuse it. If the store fails, the session is refused by its age.
    async fn end_aged(&self, session: &Session, written: OffsetDateTime, ended: Ended) -> bool {
        let ending = Ending { id: session.id, of: None, unseen_since: Some(written), ended };
        match self.store().end(&ending).await {
            Ok(true) => {
                self.invalidate_and_notify(EndScope::Sessions { ids: &[session.id], owner: None });
                self.service().timed_out.note(TimedOut::of(session, ended));
                true
            }
            Ok(false) => false,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "could not end an expired session; refused it by its age");
                true
            }
        }
    }

    /// The request that ended the session may still be waiting for leases. The written time of the
    /// end does not tell: it is from before the acknowledgement. So this server waits once too.
    pub(super) async fn refuse(&self, by: End, ended: Ended, anonymous: bool) -> ResumeError {
        match by {
            End::Token(digest) => self.service().leases.invalidate(Change::Token(digest)),
            End::Session(id) => self.service().leases.invalidate(Change::Session(id)),
            End::EpochsBefore(user, _) => self.service().leases.invalidate(Change::User(user)),
        }
        match self.wait_for_end(by).await {
            Ok(()) => self.refusal(ended, anonymous),
            Err(error) => ResumeError::Store(error),
        }
    }

    /// The end of an anonymous session is not reported, except `replaced` after a sign-in: a new
    /// anonymous session serves as well.
    fn refusal(&self, ended: Ended, anonymous: bool) -> ResumeError {
        let is_reported = !anonymous || ended.reason == EndReason::Replaced;
        if is_reported && self.cutoffs().remembers(ended) {
            ResumeError::Ended(ended.reason)
        } else {
            ResumeError::Unknown
        }
    }

    /// `Some` if the user of `session` proved their identity within [`SessionPolicy::FRESH`].
    ///
    /// [`SessionPolicy::FRESH`]: crate::sessions::SessionPolicy::FRESH
    #[must_use]
    pub(crate) fn fresh_proof(&self, session: &Session) -> Option<FreshProof> {
        self.service().policy.is_fresh(session, self.now()).then_some(FreshProof(()))
    }

    /// `Some` if the user of `session` proved a second factor within [`SessionPolicy::FRESH`].
    ///
    /// [`SessionPolicy::FRESH`]: crate::sessions::SessionPolicy::FRESH
    #[must_use]
    pub(crate) fn fresh_factor(&self, session: &Session) -> Option<FreshProof> {
        let proven = session.second_factor?;
        self.service().policy.is_recent(proven.at, self.now()).then_some(FreshProof(()))
    }

    /// Notes a request of a live session, or of one of its children; written within seconds, at
    /// most once a minute. `client` is the origin of the request, and only called where something
    /// is noted.
    pub(crate) fn seen(&self, session: &Session, client: impl FnOnce() -> Client) {
        let (service, now) = (self.service(), self.now());
        let is_due = now - session.last_seen_at >= service.policy.touch_interval(session.rule);
        if !is_due && !service.recent_activity.is_news(session, now) {
            return;
        }
        let client = client();
        if is_due {
            service.touches.note(&service.policy, session, now, &client);
            let deadline = service.policy.idle_after(session, now);
            service.leases.see(session.id, now, &client, deadline);
        }
        service.recent_activity.note(session, now, client);
    }

    /// Why a token that was just accepted is refused now.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn end_reason(&self, token: &Token) -> Result<EndReason, StoreError> {
        match self.resume(token).await {
            Err(ResumeError::Ended(reason)) => Ok(reason),
            Err(ResumeError::Store(error)) => Err(error),
            Err(ResumeError::Unknown) | Ok(_) => Ok(EndReason::SignedOut),
        }
    }
}
