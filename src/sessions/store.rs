//! Where sessions are kept: the port, and what every backend promises.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{
    Client, Cursor, Cutoffs, EndReason, Limit, Revocations, Session, SessionId, TokenDigest,
};
use crate::accounts::{Epoch, EpochReason, KeptSession, UserId};
use crate::failure::StoreError;

/// How and when a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: OffsetDateTime,
}

/// What a store knows of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// A session that nobody ended. Its timeouts are the policy's to judge.
    Live(Session),
    /// One that somebody ended, or the sweep.
    Ended {
        /// How and when.
        ended: Ended,
        /// Whether it was a visitor's who had not signed in.
        anonymous: bool,
    },
    /// Nothing: never issued, or forgotten.
    Unknown,
}

impl Loaded {
    /// How and when it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        match self {
            Self::Ended { ended, .. } => Some(*ended),
            Self::Live(_) | Self::Unknown => None,
        }
    }
}

/// A session to start.
#[derive(Clone, Debug)]
pub struct Start {
    /// The session, with an id that nobody has.
    pub session: Session,
    /// The digest of its token.
    pub digest: TokenDigest,
    /// The token that the browser brought. Its session, if live, ends in the same step: an
    /// anonymous one or one of the same user hands over its data and is replaced, another user's
    /// is signed out.
    pub brought: Option<TokenDigest>,
    /// Why sessions of the user's earlier epochs are over: the account knows, and the store may
    /// not have been told yet.
    pub outdated: EndReason,
    /// How many live sessions the user may have after it. Anonymous sessions have no limit.
    pub limit: Option<Limit>,
    /// Activity of the user's sessions that is not written down yet: it counts like written
    /// activity where the limit decides which sessions end, and is not written by this.
    pub unwritten: Vec<(SessionId, OffsetDateTime)>,
    /// By which sessions count as live.
    pub cutoffs: Cutoffs,
}

/// What came of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is live.
    Started {
        /// The sessions that it evicted.
        evicted: Vec<SessionId>,
        /// The session that the browser brought and that ended with it.
        replaced: Option<SessionId>,
    },
    /// The user has as many as allowed, and the policy refuses. Nothing was written.
    LimitReached,
    /// The user's epoch is higher than the session's. Nothing was written.
    EpochMoved,
    /// The id or the digest is in use or was before. Nothing was written: draw anew.
    Taken,
}

/// A new token for a live session.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The digest that it has; rotated away it says `replaced`.
    pub from: TokenDigest,
    /// The digest that it gets.
    pub to: TokenDigest,
    /// Whether the user proved who they are, so that `authenticated_at` moves to `at`.
    pub authenticated: bool,
    /// When.
    pub at: OffsetDateTime,
}

/// Activity to write down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Of which session.
    pub id: SessionId,
    /// When it was seen.
    pub at: OffsetDateTime,
    /// Where it was seen from.
    pub client: Client,
}

/// A session to end.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Which.
    pub id: SessionId,
    /// Only if it is this user's.
    pub of: Option<UserId>,
    /// Only if nothing was seen of it after this instant: a touch that came first wins.
    pub unseen_since: Option<OffsetDateTime>,
    /// Why, and when.
    pub ended: Ended,
}

/// A rise of a user's epoch, with which all sessions of the earlier epochs end.
#[derive(Clone, Copy, Debug)]
pub struct EpochMove {
    /// Whose.
    pub user: UserId,
    /// To which epoch. A lower one than the store's copy changes nothing.
    pub to: Epoch,
    /// Why.
    pub reason: EpochReason,
    /// The session that goes on under a new token and the new epoch.
    pub survivor: Option<KeptSession>,
    /// When.
    pub at: OffsetDateTime,
}

/// A part of a session's data. Neither can be reached through the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compartment {
    /// The browser's own JSON object, `/api/session/data`.
    Visitor,
    /// What server code keeps through `tower_sessions::Session`.
    Application,
}

/// The data of one compartment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Counts the writes; 0 before the first.
    pub version: i64,
    /// The data as it was written; empty before the first write.
    pub data: Vec<u8>,
}

/// Data to keep, on top of the version that was read.
#[derive(Clone, Debug)]
pub struct Keep {
    /// In which session.
    pub id: SessionId,
    /// In which compartment.
    pub compartment: Compartment,
    /// Only if the compartment still has this version.
    pub over: i64,
    /// The new data.
    pub data: Vec<u8>,
}

/// What came of keeping data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept, under the next version.
    Kept,
    /// Somebody else wrote meanwhile: read again.
    Moved,
    /// The session has ended.
    Gone,
}

/// A user's session that a timeout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Which timeout it was, and when it passed.
    pub ended: Ended,
}

impl TimedOut {
    /// The end of this session, unless it was a visitor's.
    #[must_use]
    pub fn of(session: &Session, ended: Ended) -> Option<Self> {
        session.owner.user().map(|user| Self { id: session.id, user, ended })
    }
}

/// What a sweep did. `done` is false when there was more to do than one sweep may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions past a timeout, moved to the ended.
    pub ended: u64,
    /// Those of users that a timeout ended, for the record.
    pub timed_out: Vec<TimedOut>,
    /// Ended ones past their day, forgotten.
    pub forgotten: u64,
    /// Whether nothing was left.
    pub done: bool,
}

/// How many sessions nobody ended, those past a timeout included until they are swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Of people who signed in.
    pub users: u64,
    /// Of visitors who have not.
    pub anonymous: u64,
}

/// Some of all sessions, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewestSessions {
    /// At most as many as were asked for.
    pub sessions: Vec<Session>,
    /// After which one to go on; `None` where there are no more.
    pub next: Option<SessionId>,
}

/// Where sessions live between requests. The suite `testing::conformance` (cargo feature
/// `conformance`) holds every backend to this:
/// 1. **Only `start` makes a live row.** Everything else updates a row that is live, and says
///    `false`, `None` or `Gone` when there is none. No upsert anywhere.
/// 2. **Revocation wins.** Once an end is acknowledged it is durable, and no call that begins
///    afterwards finds the session live.
/// 3. **`rotate` is one step**: the old digest is dead and says `replaced`, the new one is live;
///    id, data and history stay. A crash leaves exactly one of the two live.
/// 4. **Limit and start are one step**: parallel starts never leave more live than the limit.
/// 5. **A session is live only under its user's epoch.** The store's copy only rises; a start
///    that knows a higher epoch raises it, one that knows a lower is refused; a raise ends every
///    session of an earlier epoch in the same step, but for its survivor.
/// 6. **`touch` moves `last_seen_at` forward only**, with where that activity came from, and
///    nothing else.
/// 7. **Timeouts are judged by [`Cutoffs`]**, never by the store's own clock: `load` may return a
///    session that the policy refuses.
/// 8. **Digests only**: nothing in the store signs anybody in.
/// 9. **A sweep changes no answer**, does a bounded amount of work, leaves no orphan, and names the
///    sessions of users that it ended. Of an
///    ended session only reason and time stay, and whether it was anonymous, for a day.
/// 10. **A failure is an error, never an absence.**
/// 11. **Reading writes nothing.**
/// 12. **The feed of ends misses nothing**: whatever ends is in it as soon as that is acknowledged,
///     a token that is rotated away too, in an order in which nothing appears before a cursor that
///     was given already. An end of all sessions makes every cursor expire instead, and so does
///     what can no longer be told. What timed out more than a day before it was swept is not in it.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Starts a session, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room; otherwise the backend failed.
    async fn start(&self, start: &Start) -> Result<Started, StoreError>;

    /// What is known of a token.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError>;

    /// The session of this handle; `None` when it is not live.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// How the session of this handle ended; `None` when it is live, unknown or forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError>;

    /// The session whose token this digest was until it was rotated away, live or not; `None` for
    /// any other digest, and once forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError>;

    /// Writes activity down. Sessions that have ended are passed over.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails; some may have been written.
    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError>;

    /// Gives a live session another token. `false`: it is not live under the old one.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError>;

    /// The data of a live session; `None` when it is not live.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError>;

    /// Keeps data in a live session, unless somebody else wrote since it was read.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError>;

    /// Ends one session. `false`: no live session fits the conditions.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails; then it is unknown whether it ended.
    async fn end(&self, ending: &Ending) -> Result<bool, StoreError>;

    /// Raises a user's epoch. The number of sessions that ended, the survivor not counted.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError>;

    /// Ends every session there is, anonymous ones too. The number of those that ended.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError>;

    /// The sessions of a user that nobody ended, newest activity first.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Sessions that nobody ended, in the order of their ids, those after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError>;

    /// Sessions that nobody ended, from the highest id to the lowest, which is the newest first:
    /// those below `before`. It costs what it shows, wherever it begins.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError>;

    /// How many sessions nobody ended; `None`: this store does not count. It may cost what a look
    /// at each row of an index costs, so it is not for requests.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        Ok(None)
    }

    /// Moves sessions past a timeout to the ended, with the reason and instant that
    /// [`Cutoffs::ended`] gives, and forgets what ended more than a day ago; at most `most` rows.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError>;

    /// The ends after a cursor, in their order, at most `most`. Without a cursor there are none,
    /// and the next one is where the feed stands.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    async fn ready(&self) -> Result<(), StoreError>;
}
