//! Starting sessions.

use time::OffsetDateTime;

use crate::accounts::{EpochReason, UserId};
use crate::failure::StoreError;
use crate::sessions::cache::Change;
use crate::sessions::{
    Client, EndReason, LimitPolicy, Owner, Session, SessionId, Sessions, Start, Started,
    TimeoutRule, Token, TokenDigest,
};

/// How often a token or an id is drawn anew when the drawn one is in use. Once is already beyond
/// all chance.
pub(super) const MAX_ID_ATTEMPTS: usize = 4;
/// A session about to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose it is to be; a user under the epoch that was read before the proof.
    pub owner: Owner,
    /// Whether the user is an administrator, who gets shorter timeouts whatever was ticked.
    pub administrator: bool,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// Where it comes from.
    pub client: Client,
    /// The digest of the token that the browser brought, whose session ends in the same step.
    pub brought: Option<TokenDigest>,
    /// Why the epoch of the owner was raised last, as the account says: a sign-in may be faster
    /// than what ends the sessions of the epochs before.
    pub risen: Option<EpochReason>,
}

/// A session under a fresh token.
#[derive(Clone, Debug)]
pub struct StartedSession {
    /// For the cookie, and for nothing else.
    pub token: Token,
    /// The session.
    pub session: Session,
    /// What ended for it, or with it.
    pub displaced: EndedByStart,
}

/// The sessions that ended in the step that started another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedByStart {
    /// Those that made room for it.
    pub evicted: Vec<SessionId>,
    /// The one that the browser brought.
    pub replaced: Option<SessionId>,
}

/// Why a session did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The user has as many sessions as allowed.
    #[error("the user has as many live sessions as allowed")]
    LimitReached,
    /// The user's sessions were ended since the epoch was read: read the account again.
    #[error("the user's epoch has moved")]
    EpochMoved,
    /// The store failed; no session started, or one whose token nobody has.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Starts a session under a fresh token. What the browser brought ends in the same step.
    ///
    /// # Errors
    /// [`StartError`]; nothing has changed.
    pub async fn start(&self, beginning: NewSession) -> Result<StartedSession, StartError> {
        for _ in 0..MAX_ID_ATTEMPTS {
            let token = Token::generate(&self.room().entropy).map_err(StoreError::from)?;
            let start = self.beginning(&beginning, &token)?;
            let shared = self.room().turns.shared().await?;
            let started = self.store().start(&start).await;
            if started.is_err() {
                // It may have started, and ended others.
                self.forget_displaced(&start);
            }
            match started? {
                Started::Started { evicted, replaced } => {
                    drop(shared);
                    start.session.owner.user().into_iter().for_each(|user| self.wake_list(user));
                    let displaced = EndedByStart { evicted, replaced };
                    self.end_displaced(&displaced).await;
                    self.outlast_room_made(start.session.owner).await;
                    return Ok(StartedSession { token, session: start.session, displaced });
                }
                Started::LimitReached => return Err(StartError::LimitReached),
                Started::EpochMoved => return Err(StartError::EpochMoved),
                Started::Taken => {
                    tracing::error!("drew a token or an id that is in use: check the generator");
                }
            }
        }
        Err(StartError::Store(StoreError::Corrupt("every token drawn was in use")))
    }

    /// Whatever a start may have ended of which nothing is known.
    fn forget_displaced(&self, start: &Start) {
        start.brought.iter().for_each(|brought| self.room().leases.forget(Change::Token(*brought)));
        start.session.owner.user().into_iter().for_each(|user| self.forget_user(user));
    }

    /// Sees to it that nobody accepts them any more.
    async fn end_displaced(&self, displaced: &EndedByStart) {
        let ids = || displaced.evicted.iter().chain(&displaced.replaced);
        ids().for_each(|id| self.is_over(*id));
        if ids().next().is_some() {
            self.room().leases.outlast().await;
            self.note_outlasted(ids().copied());
        }
    }

    /// That there was room may say that another session of the user has ended.
    async fn outlast_room_made(&self, owner: Owner) {
        let Some(user) = owner.user() else { return };
        if self.policy().limit.policy == LimitPolicy::Refuse
            && let Err(error) = self.outlast_missing(Some(user)).await
        {
            // The session is live, so its token has to be handed over.
            tracing::warn!(%error, "could not ask what has ended lately; waiting for every lease");
            self.room().leases.outlast().await;
        }
    }

    fn beginning(&self, beginning: &NewSession, token: &Token) -> Result<Start, StoreError> {
        let NewSession { owner, administrator, remember_me, .. } = *beginning;
        let now = self.now();
        let rule = match owner {
            Owner::User { .. } if administrator => TimeoutRule::Administrator,
            Owner::User { .. } if remember_me => TimeoutRule::Remembered,
            _ => TimeoutRule::Standard,
        };
        let session = Session {
            id: SessionId::from_uuid(self.room().entropy.id(now)?),
            owner,
            created_at: now,
            authenticated_at: owner.user().map(|_| now),
            last_seen_at: now,
            expires_at: self.room().policy.expires_at(rule, now),
            rule,
            remember_me: rule == TimeoutRule::Remembered,
            client: beginning.client.clone(),
            moved_to: None,
        };
        Ok(Start {
            session,
            digest: token.digest(),
            brought: beginning.brought,
            outdated: beginning.risen.map_or(EndReason::Replaced, EndReason::from),
            limit: owner.user().map(|_| self.room().policy.limit),
            unwritten: owner.user().map_or_else(Vec::new, |user| self.unwritten(user)),
            cutoffs: self.room().policy.cutoffs(now),
        })
    }

    /// What is noted of the sessions of a user, where it decides which of them make room.
    fn unwritten(&self, user: UserId) -> Vec<(SessionId, OffsetDateTime)> {
        match self.room().policy.limit.policy {
            LimitPolicy::EvictIdle => self.room().recent.of_user(user),
            LimitPolicy::EvictOldest | LimitPolicy::Refuse => Vec::new(),
        }
    }
}
