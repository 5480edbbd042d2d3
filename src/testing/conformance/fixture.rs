//! The fixture of every case: a store, unique ids and tokens, and helpers for common calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::sync::Barrier;
use uuid::Uuid;

use super::Violation;
use crate::accounts::{Epoch, Proof, UserId};
use crate::clock::unix_milliseconds;
use crate::sessions::{
    Child, ChildStart, ChildStarted, Client, CodeDigest, Compartment, Cutoffs, EndReason, Ended,
    Ending, EpochMove, HandoverBinding, HandoverCode, Keep, Keeping, Limit, LimitPolicy, Loaded,
    Origin, Owner, Rotation, Session, SessionId, SessionPolicy, SessionStore, Start, Started,
    Swept, TimeoutRule, TokenDigest, Touch,
};

/// The start of all cases.
pub(super) const DAWN: OffsetDateTime = datetime!(2030-01-01 00:00 UTC);

/// This many minutes after [`DAWN`].
pub(super) fn minute(minutes: i64) -> OffsetDateTime {
    DAWN + Duration::minutes(minutes)
}

/// The default policy at an instant.
pub(super) fn cutoffs(at: OffsetDateTime) -> Cutoffs {
    SessionPolicy::default().cutoffs(at)
}

pub(super) fn evict_beyond(most: u32) -> Limit {
    Limit { most, policy: LimitPolicy::EvictOldest }
}

pub(super) fn evict_idle_beyond(most: u32) -> Limit {
    Limit { most, policy: LimitPolicy::EvictIdle }
}

pub(super) fn refuse_beyond(most: u32) -> Limit {
    Limit { most, policy: LimitPolicy::Refuse }
}

/// The digest of this number, used once.
pub(super) fn digest(number: u64) -> TokenDigest {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    TokenDigest::from_bytes(bytes)
}

/// A started session and its token.
#[derive(Clone, Debug)]
pub(super) struct LiveSession {
    pub(super) session: Session,
    pub(super) digest: TokenDigest,
}

impl LiveSession {
    pub(super) fn id(&self) -> SessionId {
        self.session.id
    }
}

/// A started child and its token.
#[derive(Clone, Debug)]
pub(super) struct ChildToken {
    pub(super) child: Child,
    pub(super) digest: TokenDigest,
}

impl ChildToken {
    pub(super) fn id(&self) -> SessionId {
        self.child.id
    }
}

/// A store under test. Clones share it, and never use an id twice.
#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) store: Arc<dyn SessionStore>,
    drawn: Arc<AtomicU64>,
}

impl Fixture {
    pub(super) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store, drawn: Arc::default() }
    }

    fn draw(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn fresh_digest(&self) -> TokenDigest {
        digest(self.draw())
    }

    pub(super) fn fresh_user(&self) -> UserId {
        UserId::from_uuid(Uuid::from_u128(u128::from(self.draw()) << 64))
    }

    /// A session of `owner` that starts at `at`, without a limit, without a previous token.
    pub(super) fn draft(&self, owner: Owner, at: OffsetDateTime) -> Start {
        let rule = TimeoutRule::Standard;
        let session = Session {
            id: self.fresh_id(at),
            owner,
            created_at: at,
            authenticated_at: owner.user().map(|_| at),
            second_factor: None,
            passkey: None,
            last_seen_at: at,
            expires_at: SessionPolicy::default().expires_at(rule, at),
            rule,
            remember_me: false,
            client: Client { ip_address: None, user_agent: "conformance".to_owned() },
            moved_to: None,
        };
        let digest = self.fresh_digest();
        let outdated = EndReason::Replaced;
        let (previous_token, limit, unwritten, cutoffs) = (None, None, Vec::new(), cutoffs(at));
        Start { session, digest, previous_token, outdated, limit, unwritten, cutoffs }
    }

    /// An id as of version 7: the order of ids is that of their times.
    fn fresh_id(&self, at: OffsetDateTime) -> SessionId {
        let number = u128::from(self.draw());
        let time = u128::try_from(unix_milliseconds(at)).unwrap_or(0);
        SessionId::from_uuid(Uuid::from_u128((time << 80) | (0x7 << 76) | number))
    }

    /// A child of this session that starts at `at`.
    pub(super) fn child_draft(
        &self,
        parent: &LiveSession,
        origin: &str,
        at: OffsetDateTime,
    ) -> ChildStart {
        let child = Child {
            id: self.fresh_id(at),
            parent: parent.id(),
            origin: Origin::of(origin),
            created_at: at,
            client: Client {
                ip_address: Some([192, 0, 2, 7].into()),
                user_agent: "at the application".to_owned(),
            },
        };
        ChildStart { child, digest: self.fresh_digest() }
    }

    /// Starts a child that must not be refused.
    pub(super) async fn child(
        &self,
        parent: &LiveSession,
        origin: &str,
        at: OffsetDateTime,
    ) -> Result<ChildToken, Violation> {
        let start = self.child_draft(parent, origin, at);
        match self.store.start_child(&start).await? {
            ChildStarted::Started { .. } => {
                Ok(ChildToken { child: start.child, digest: start.digest })
            }
            refused => Err(Violation::new(format!("a child was refused: {refused:?}"))),
        }
    }

    /// A code of this session.
    pub(super) fn code(&self, session: SessionId, expires_at: OffsetDateTime) -> HandoverCode {
        HandoverCode {
            digest: CodeDigest::from_bytes(*self.fresh_digest().as_bytes()),
            session,
            origin: Origin::of("https://wiki.example.org"),
            binding: HandoverBinding::from_bytes(*self.fresh_digest().as_bytes()),
            expires_at,
        }
    }

    /// A draft for a user in the first epoch.
    pub(super) fn draft_for(&self, user: UserId, at: OffsetDateTime) -> Start {
        self.draft(Owner::User { id: user, epoch: Epoch::FIRST }, at)
    }

    /// Starts a session that must not be refused. Returns what it evicted and replaced.
    pub(super) async fn begin(
        &self,
        start: &Start,
    ) -> Result<(LiveSession, Vec<SessionId>, Option<SessionId>), Violation> {
        match self.store.start(start).await? {
            Started::Started { mut evicted, replaced } => {
                evicted.sort();
                let held = LiveSession { session: start.session.clone(), digest: start.digest };
                Ok((held, evicted, replaced))
            }
            refused => Err(Violation::new(format!("a start was refused: {refused:?}"))),
        }
    }

    pub(super) async fn signed_in(
        &self,
        user: UserId,
        at: OffsetDateTime,
    ) -> Result<LiveSession, Violation> {
        Ok(self.begin(&self.draft_for(user, at)).await?.0)
    }

    pub(super) async fn anonymous(&self, at: OffsetDateTime) -> Result<LiveSession, Violation> {
        Ok(self.begin(&self.draft(Owner::Anonymous, at)).await?.0)
    }

    pub(super) async fn is_live(&self, held: &LiveSession) -> Result<bool, Violation> {
        Ok(matches!(self.store.load(&held.digest).await?, Loaded::Live(_)))
    }

    /// The session as it is now.
    pub(super) async fn now(&self, held: &LiveSession) -> Result<Session, Violation> {
        match self.store.load(&held.digest).await? {
            Loaded::Live(session) => Ok(session),
            other => Err(Violation::new(format!("a session is not live: {other:?}"))),
        }
    }

    /// The end of the session, by its token and by its id alike.
    pub(super) async fn end_of(&self, held: &LiveSession) -> Result<Option<Ended>, Violation> {
        let by_id = self.store.find_ended(held.id()).await?;
        match self.store.load(&held.digest).await? {
            Loaded::Ended { ended, .. } if by_id == Some(ended) => Ok(by_id),
            Loaded::Live(_) if by_id.is_none() => Ok(None),
            loaded => {
                let both = format!("the token says {loaded:?}, the id says {by_id:?}");
                Err(Violation::new(both))
            }
        }
    }

    pub(super) async fn end(
        &self,
        held: &LiveSession,
        reason: EndReason,
        at: OffsetDateTime,
    ) -> Result<bool, Violation> {
        let ended = Ended { reason, at };
        let ending = Ending { id: held.id(), of: None, unseen_since: None, ended };
        Ok(self.store.end(&ending).await?)
    }

    pub(super) async fn touch(
        &self,
        held: &LiveSession,
        at: OffsetDateTime,
    ) -> Result<(), Violation> {
        let client = held.session.client.clone();
        Ok(self.store.touch(&[Touch { id: held.id(), at, client }]).await?)
    }

    /// Rotates to a fresh token at `at`. `None`: it was not live under the old one.
    pub(super) async fn rotate(
        &self,
        held: &LiveSession,
        at: OffsetDateTime,
    ) -> Result<Option<LiveSession>, Violation> {
        let to = self.fresh_digest();
        let rotation = Rotation { from: held.digest, to, proof: Proof::Nothing, at };
        let rotated = self.store.rotate(&rotation).await?;
        Ok(rotated.then(|| LiveSession { session: held.session.clone(), digest: to }))
    }

    pub(super) async fn keep(
        &self,
        held: &LiveSession,
        compartment: Compartment,
        written: (i64, &[u8]),
    ) -> Result<Keeping, Violation> {
        let (over, data) = (written.0, written.1.to_vec());
        Ok(self.store.keep(&Keep { id: held.id(), compartment, over, data }).await?)
    }

    pub(super) async fn raise(
        &self,
        user: UserId,
        to: i64,
        at: OffsetDateTime,
    ) -> Result<u64, Violation> {
        let to = Epoch::from_number(to);
        let reason = crate::accounts::EpochReason::PasswordChanged;
        Ok(self.store.raise_epoch(&EpochMove { user, to, reason, survivor: None, at }).await?)
    }

    /// Sweeps until nothing is left, `most` rows at a time.
    pub(super) async fn sweep(&self, at: OffsetDateTime, most: u32) -> Result<Swept, Violation> {
        let mut total = Swept::default();
        for _ in 0..10_000 {
            let swept = self.store.sweep(&cutoffs(at), most).await?;
            total.ended += swept.ended;
            total.timed_out.extend(swept.timed_out);
            total.forgotten += swept.forgotten;
            if swept.done {
                return Ok(Swept { done: true, ..total });
            }
        }
        Err(Violation::new("the sweep never says that it is done"))
    }

    /// The ids of the user's live sessions, in the order of the list.
    pub(super) async fn ids_of(&self, user: UserId) -> Result<Vec<SessionId>, Violation> {
        Ok(self.store.list(user).await?.iter().map(|session| session.id).collect())
    }
}

/// Runs the futures concurrently, each in a separate task.
pub(super) async fn at_once<T: Send + 'static>(
    futures: Vec<impl Future<Output = Result<T, Violation>> + Send + 'static>,
) -> Result<Vec<T>, Violation> {
    let barrier = Arc::new(Barrier::new(futures.len()));
    let tasks: Vec<_> = futures
        .into_iter()
        .map(|future| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                future.await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.map_err(Violation::new)??);
    }
    Ok(outcomes)
}
