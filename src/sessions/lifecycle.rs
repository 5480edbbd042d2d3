//! The life of a session: start, resume, rotate, revoke.

use time::OffsetDateTime;

use super::cache::Change;
use super::outlasted::End;
use super::{
    Client, EndReason, Ended, Ending, LimitPolicy, Loaded, Owner, Rotation, Session, SessionId,
    Sessions, Start, Started, TimedOut, TimeoutRule, Token, TokenDigest,
};
use crate::accounts::{EpochReason, KeptSession, UserId};
use crate::failure::StoreError;

/// How often a token or an id is drawn anew when the drawn one is in use. Once is already beyond
/// all chance.
const DRAWS: usize = 4;

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
    /// Starts a session under a fresh token. What the browser brought ends in the same step.
    ///
    /// # Errors
    /// [`StartError`]; nothing has changed.
    pub async fn start(&self, beginning: NewSession) -> Result<StartedSession, StartError> {
        for _ in 0..DRAWS {
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
        for _ in 0..DRAWS {
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

    /// Whether a session is known to be live under this token. `false` also when the store does not
    /// say.
    pub async fn went_on(&self, id: SessionId, token: &Token) -> bool {
        let loaded = self.store().load(&token.digest()).await;
        matches!(loaded, Ok(Loaded::Live(live)) if live.id == id)
    }

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
