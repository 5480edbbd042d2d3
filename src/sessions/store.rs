//! The port for session stores, and the promises of every implementation.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{
    Child, ChildStart, ChildStarted, ChildrenOf, Client, CodeDigest, CodeKept, Compartment, Cursor,
    Cutoffs, EndReason, HandoverCode, Keep, Keeping, Kept, Limit, LiveChild, Revocations, Session,
    SessionId, Swept, TokenDigest,
};
use crate::accounts::{Epoch, EpochReason, KeptSession, Proof, UserId};
use crate::failure::StoreError;

/// How and when a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: OffsetDateTime,
}

/// The state of a token in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// A session that has not been ended. Its timeouts are not applied.
    Live(Session),
    /// A child of a session that has not been ended. It is no session: its token counts only at
    /// its origin. The timeouts of the parent are not applied.
    Child(LiveChild),
    /// A session that was ended, by a request or by the sweep.
    Ended {
        /// The reason and the time.
        ended: Ended,
        /// Whether the session was anonymous.
        anonymous: bool,
    },
    /// A child that was ended alone, or with its parent.
    EndedChild(Ended),
    /// Never issued, or no longer kept.
    Unknown,
}

impl Loaded {
    /// The end, if the session or the child has ended.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        match self {
            Self::Ended { ended, .. } | Self::EndedChild(ended) => Some(*ended),
            Self::Live(_) | Self::Child(_) | Self::Unknown => None,
        }
    }
}

/// A session to start.
#[derive(Clone, Debug)]
pub struct Start {
    /// The session, with a new id.
    pub session: Session,
    /// The digest of its token.
    pub digest: TokenDigest,
    /// The token that the request presented. Its session, if live, ends in the same step. An
    /// anonymous session, or one of the same user, passes on its data and ends as `replaced`.
    /// Another user's session ends as `signed_out`.
    pub previous_token: Option<TokenDigest>,
    /// The reason for ending sessions of the user's earlier epochs. The store may not have received
    /// the raise of the epoch yet.
    pub outdated: EndReason,
    /// How many live sessions the user may have after it. Anonymous sessions have no limit.
    pub limit: Option<Limit>,
    /// Unwritten activity of the user's sessions. It counts like written activity where the limit
    /// decides which sessions to evict. A start does not write it.
    pub unwritten: Vec<(SessionId, OffsetDateTime)>,
    /// Decides which sessions count as live.
    pub cutoffs: Cutoffs,
}

/// The outcome of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is live.
    Started {
        /// The sessions that it evicted.
        evicted: Vec<SessionId>,
        /// The session of the presented token, if it ended with it.
        replaced: Option<SessionId>,
    },
    /// The user has as many as allowed, and the policy refuses. Nothing was written.
    LimitReached,
    /// The user's epoch is higher than the session's. Nothing was written.
    EpochMoved,
    /// The id or the digest is or was in use. Nothing was written: generate others.
    Taken,
}

/// A new token for a live session.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The old digest, refused as `replaced` after the rotation.
    pub from: TokenDigest,
    /// The new digest.
    pub to: TokenDigest,
    /// The proof that the user has just given, at `at`.
    pub proof: Proof,
    /// When.
    pub at: OffsetDateTime,
}

/// Activity to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Of which session.
    pub id: SessionId,
    /// When it was seen.
    pub at: OffsetDateTime,
    /// Where it was seen from.
    pub client: Client,
}

/// A session or a child to end. The conditions on a child apply to its parent.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Which.
    pub id: SessionId,
    /// Only if it is this user's.
    pub of: Option<UserId>,
    /// Only if its written activity is not after this instant: an earlier touch wins.
    pub unseen_since: Option<OffsetDateTime>,
    /// Why, and when.
    pub ended: Ended,
}

/// A raise of a user's epoch, which ends all sessions of earlier epochs.
#[derive(Clone, Copy, Debug)]
pub struct EpochMove {
    /// Whose.
    pub user: UserId,
    /// To which epoch. A lower one than the store's copy changes nothing.
    pub to: Epoch,
    /// Why.
    pub reason: EpochReason,
    /// The session that continues under a new token and the new epoch.
    pub survivor: Option<KeptSession>,
    /// When.
    pub at: OffsetDateTime,
}

/// The number of sessions, expired ones included until they are swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Sessions of users.
    pub users: u64,
    /// Anonymous sessions.
    pub anonymous: u64,
}

/// A page of all sessions, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewestSessions {
    /// At most the requested number.
    pub sessions: Vec<Session>,
    /// The id to continue after; `None` on the last page.
    pub next: Option<SessionId>,
}

/// A session store. `testing::conformance` (cargo feature `conformance`) tests every implementation
/// against these promises:
/// 1. **Only `start` makes a live row.** Everything else updates a row that is live, and says
///    `false`, `None` or `Gone` when there is none. No upsert anywhere.
/// 2. **Revocation wins.** Once an end is acknowledged it is durable, and no call that begins
///    afterwards finds the session live.
/// 3. **`rotate` is one step**: the old digest is dead and says `replaced`, the new one is live;
///    id, data and history stay. A crash leaves exactly one of the two live.
/// 4. **Limit and start are one step**: parallel starts never leave more live than the limit.
/// 5. **A session is live only under its user's epoch.** The store's copy only rises; a start
///    that knows a higher epoch raises it, one that knows a lower is refused; a raise ends every
///    session of an earlier epoch in the same step, except the kept one.
/// 6. **`touch` moves `last_seen_at` forward only**, with where that activity came from, and
///    nothing else.
/// 7. **Timeouts are judged by [`Cutoffs`]**, never by the store's own clock: `load` may return a
///    session that the policy refuses.
/// 8. **Digests only**: the contents of the store cannot be used to sign in.
/// 9. **A sweep changes no answer**, does a bounded amount of work, leaves no orphan, and returns
///    the sessions of users that it ended. Of an ended session the store keeps, for a day, only the
///    reason, the time, and whether it was anonymous.
/// 10. **A failure is an error, never an absence.**
/// 11. **Reading writes nothing.**
/// 12. **The feed of ends is complete**: it has every end and every rotated token as soon as that is
///     acknowledged. No entry appears before a cursor that was returned earlier. An end of all
///     sessions makes every cursor expire instead, and so do entries that are no longer kept. A
///     session that timed out more than a day before the sweep is not in the feed.
/// 13. **A child lives and ends with its parent.** It is read with its parent in one step. It ends
///     in the step that ends its parent, for the same reason, and is in the feed then; ended alone,
///     it leaves its parent. A rotation of the parent leaves it. `start_child` and an end of the
///     parent never leave a live child without a parent, nor two for one parent and origin. No
///     count and no limit has children. Every call that names no child takes a child's id and token
///     for unknown, except `end` and `find_ended`.
/// 14. **A hand-over code is taken once**: the first call takes it, and it is deleted whatever
///     follows. None can be taken once its session has ended. A session never has more outstanding
///     codes than [`HandoverCode::MOST`].
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Starts a session, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the store is full; otherwise the backend failed.
    async fn start(&self, start: &Start) -> Result<Started, StoreError>;

    /// The state of a token.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError>;

    /// The session of this handle; `None` when it is not live.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// How the session or the child of this handle ended; `None` when it is live, unknown or
    /// forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError>;

    /// The digest of the token of a live session; `None` for any other id, also that of a child.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn token_of(&self, id: SessionId) -> Result<Option<TokenDigest>, StoreError>;

    /// The session whose token this digest was until it was rotated away, live or not; `None` for
    /// any other digest, and once forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError>;

    /// Writes activity. Ended sessions are skipped.
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

    /// Writes data of a live session, unless another write came first.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError>;

    /// Starts a child, all or nothing. The timeouts of its parent are not applied.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the store is full; otherwise the backend failed.
    async fn start_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError>;

    /// The live child of this handle, with its parent.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError>;

    /// The children whose parents have not been ended, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError>;

    /// Keeps a hand-over code. Codes that have expired by `now` do not count.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the store is full; otherwise the backend failed.
    async fn keep_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError>;

    /// Takes a hand-over code, which deletes it. `None`: it is unknown, was taken before, or its
    /// session has ended. It may have expired.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails; then it is unknown whether it was taken.
    async fn take_code(&self, digest: &CodeDigest) -> Result<Option<HandoverCode>, StoreError>;

    /// Ends one session and its children, or one child. `false`: nothing live fits the conditions.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails; then it is unknown whether it ended.
    async fn end(&self, ending: &Ending) -> Result<bool, StoreError>;

    /// Raises a user's epoch. Returns the number of sessions that ended, without the kept one.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError>;

    /// Ends every session, anonymous ones too. Returns how many ended.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError>;

    /// The sessions of a user that have not been ended, newest activity first.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Sessions that have not been ended, in the order of their ids, after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError>;

    /// Sessions that have not been ended, the newest (highest id) first, below `before`. The cost
    /// depends on the size of the page only.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError>;

    /// The number of sessions; `None`: this store does not count. It may read a whole index, so it
    /// is not for requests.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        Ok(None)
    }

    /// Ends sessions past a timeout, with the reason and instant of [`Cutoffs::ended`], and deletes
    /// those that ended more than a day ago and expired codes; at most `most` rows, and the children
    /// of these sessions.
    ///
    /// # Errors
    /// [`StoreError`] when the backend fails.
    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError>;

    /// The ends after a cursor, in their order, at most `most`. Without a cursor: no ends, and the
    /// cursor at the end of the feed.
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
