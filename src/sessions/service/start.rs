//! Starts sessions.

use time::OffsetDateTime;

use super::Sessions;
use super::ended::EndScope;
use crate::accounts::{EpochReason, Factor, UserId};
use crate::failure::StoreError;
use crate::sessions::cache::Change;
use crate::sessions::{
    Client, EndReason, LimitPolicy, Owner, ProvenFactor, Session, SessionId, SessionPasskey, Start,
    Started, TimeoutRule, Token, TokenDigest,
};

/// How many tokens and ids are drawn before a start or a rotation fails because all were in use.
pub(super) const MAX_ID_ATTEMPTS: usize = 4;

/// A session to start.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The owner; a user under the epoch that was read before the password was checked.
    pub owner: Owner,
    /// Whether the user is an administrator, whose timeouts are shorter, with "remember me" too.
    pub administrator: bool,
    /// The second factor that was proven for it.
    pub second_factor: Option<Factor>,
    /// The passkey that starts it.
    pub passkey: Option<SessionPasskey>,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// The address and program of the request.
    pub client: Client,
    /// The digest of the token that the request presented. Its session ends in the same step.
    pub previous_token: Option<TokenDigest>,
    /// Why the owner's epoch was last raised, from the account. A sign-in may reach the session
    /// store before that raise does.
    pub last_epoch_reason: Option<EpochReason>,
}

/// A session and its new token.
#[derive(Clone, Debug)]
pub struct StartedSession {
    /// For the `Set-Cookie` header only.
    pub token: Token,
    /// The session.
    pub session: Session,
    /// The sessions that ended in the same step.
    pub displaced: EndedByStart,
}

/// The sessions that ended in the step that started another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedByStart {
    /// Sessions that the limit evicted.
    pub evicted: Vec<SessionId>,
    /// The session of the token that the request presented.
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
    /// The store failed. No session started, or one whose token was never sent.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Starts a session under a new token. The session of the presented token ends in the same
    /// step. Returns once no server accepts the sessions that ended.
    ///
    /// # Errors
    /// [`StartError`]; nothing has changed.
    pub async fn start(&self, new: NewSession) -> Result<StartedSession, StartError> {
        for _ in 0..MAX_ID_ATTEMPTS {
            let token = Token::generate(&self.service().entropy).map_err(StoreError::from)?;
            let start = self.prepare_start(&new, &token)?;
            let shared = self.service().epoch_lock.shared().await?;
            let started = self.store().start(&start).await;
            if started.is_err() {
                // It may have started, and ended others.
                self.invalidate_displaced(&start);
            }
            match started? {
                Started::Started { evicted, replaced } => {
                    drop(shared);
                    let ids: Vec<SessionId> = evicted.iter().chain(&replaced).copied().collect();
                    let displaced = EndedByStart { evicted, replaced };
                    self.started(start.session.owner, &ids).await;
                    return Ok(StartedSession { token, session: start.session, displaced });
                }
                Started::LimitReached => return Err(StartError::LimitReached),
                Started::EpochMoved => return Err(StartError::EpochMoved),
                Started::Taken => {
                    tracing::error!(
                        "generated a token or id that is in use; check the random source"
                    );
                }
            }
        }
        Err(StartError::Store(StoreError::Corrupt("every token drawn was in use")))
    }

    /// For a start with an unknown outcome.
    fn invalidate_displaced(&self, start: &Start) {
        let leases = &self.service().leases;
        if let Some(previous) = start.previous_token {
            leases.invalidate_session_of(previous);
        }
        if let Some(user) = start.session.owner.user() {
            leases.invalidate(Change::User(user));
        }
    }

    /// The consequences of a start, after the store acknowledged it.
    async fn started(&self, owner: Owner, displaced: &[SessionId]) {
        if let Some(user) = owner.user() {
            self.service().subscribers.notify_list(user);
        }
        if !displaced.is_empty() {
            self.ended(EndScope::Sessions { ids: displaced, owner: None }).await;
        }
        if self.policy().limit.policy == LimitPolicy::Refuse
            && let Some(user) = owner.user()
            && let Err(error) = self.wait_for_missing(Some(user)).await
        {
            // That the limit had space implies an end. The session is live, so its token has to be
            // returned in any case.
            tracing::warn!(%error, "could not read recent ends; waiting for every lease");
            self.service().leases.wait().await;
        }
    }

    fn prepare_start(&self, new: &NewSession, token: &Token) -> Result<Start, StoreError> {
        let NewSession { owner, administrator, remember_me, .. } = *new;
        let now = self.now();
        let rule = match owner {
            Owner::User { .. } if administrator => TimeoutRule::Administrator,
            Owner::User { .. } if remember_me => TimeoutRule::Remembered,
            _ => TimeoutRule::Standard,
        };
        let session = Session {
            id: SessionId::from_uuid(self.service().entropy.id(now)?),
            owner,
            created_at: now,
            authenticated_at: owner.user().map(|_| now),
            second_factor: new.second_factor.map(|factor| ProvenFactor { factor, at: now }),
            passkey: new.passkey,
            last_seen_at: now,
            expires_at: self.service().policy.expires_at(rule, now),
            rule,
            remember_me: rule == TimeoutRule::Remembered,
            client: new.client.clone(),
            moved_to: None,
        };
        Ok(Start {
            session,
            digest: token.digest(),
            previous_token: new.previous_token,
            outdated: new.last_epoch_reason.map_or(EndReason::Replaced, EndReason::from),
            limit: owner.user().map(|_| self.service().policy.limit),
            unwritten: owner.user().map_or_else(Vec::new, |user| self.unwritten(user)),
            cutoffs: self.service().policy.cutoffs(now),
        })
    }

    /// Recent activity of a user's sessions, where it decides which of them the limit evicts.
    fn unwritten(&self, user: UserId) -> Vec<(SessionId, OffsetDateTime)> {
        match self.service().policy.limit.policy {
            LimitPolicy::EvictIdle => self.service().recent_activity.of_user(user),
            LimitPolicy::EvictOldest | LimitPolicy::Refuse => Vec::new(),
        }
    }
}
