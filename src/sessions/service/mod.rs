//! The room itself: what it works with, who is in it, and its upkeep.

use std::sync::Arc;

use time::OffsetDateTime;

mod check;
mod epoch_lock;
mod keep;
mod kept_session;
mod recent_activity;
mod revoke;
mod rotate;
mod start;
mod touches;

pub use check::ResumeError;
use epoch_lock::EpochLock;
pub use keep::{KeepError, LARGEST_APPLICATION_DATA};
use recent_activity::RecentActivity;
pub use start::{EndedByStart, NewSession, StartError, StartedSession};
use touches::Touches;

use crate::accounts::UserId;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::sessions::cache::{LeaseOptions, Leases, WaitedEnds};
use crate::sessions::live::{ListPoll, Looks, RecentlyEnded, Subscribers, Watch};
use crate::sessions::{
    Counted, Cutoffs, Outbox, Session, SessionId, SessionPolicy, SessionStore, TimedOut,
    TokenDigest,
};

/// What the room works with.
pub struct SessionsOptions {
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// What that store has still to be told, where the accounts are kept in another one.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// How long they live.
    pub policy: SessionPolicy,
    /// Tells the time.
    pub clock: Clock,
    /// Draws tokens and ids.
    pub entropy: Entropy,
    /// Whether sessions are remembered beside the store, here and elsewhere.
    pub leases: LeaseOptions,
}

/// The sessions of everybody. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Room>);

pub(in crate::sessions) struct Room {
    store: Arc<dyn SessionStore>,
    outbox: Option<Arc<dyn Outbox>>,
    pub(in crate::sessions) policy: SessionPolicy,
    clock: Clock,
    pub(in crate::sessions) entropy: Entropy,
    pub(in crate::sessions) touches: Touches,
    pub(in crate::sessions) recent: RecentActivity,
    pub(in crate::sessions) watchers: Arc<Subscribers>,
    pub(in crate::sessions) timed_out: RecentlyEnded,
    /// For whoever follows the feed of ends.
    pub(in crate::sessions) looks: Looks,
    /// For whoever watches a list.
    pub(in crate::sessions) list_look: ListPoll,
    /// Alone for a session that is to outlive the end of the others, and shared by whatever else
    /// ends or rotates single sessions.
    pub(in crate::sessions) turns: EpochLock,
    pub(in crate::sessions) leases: Leases,
    /// Which ends are known to be accepted nowhere.
    pub(in crate::sessions) outlasted: WaitedEnds,
}

impl Sessions {
    /// Opens the room.
    #[must_use]
    pub fn new(options: SessionsOptions) -> Self {
        let SessionsOptions { store, outbox, policy, clock, entropy, leases } = options;
        Self(Arc::new(Room {
            store,
            outbox,
            policy,
            leases: Leases::new(leases, clock.clone()),
            outlasted: WaitedEnds::default(),
            clock,
            entropy,
            touches: Touches::default(),
            recent: RecentActivity::default(),
            watchers: Arc::default(),
            timed_out: RecentlyEnded::default(),
            looks: Looks::default(),
            list_look: ListPoll::default(),
            turns: EpochLock::default(),
        }))
    }

    /// How long sessions live.
    #[must_use]
    pub fn policy(&self) -> &SessionPolicy {
        &self.0.policy
    }

    pub(in crate::sessions) fn room(&self) -> &Room {
        &self.0
    }

    pub(in crate::sessions) fn store(&self) -> &dyn SessionStore {
        &*self.0.store
    }

    pub(in crate::sessions) fn outbox(&self) -> Option<&dyn Outbox> {
        self.0.outbox.as_deref()
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    pub(in crate::sessions) fn cutoffs(&self) -> Cutoffs {
        self.0.policy.cutoffs(self.now())
    }

    /// The live sessions of a user, newest activity first. By the time it answers no server accepts
    /// one that is missing.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let mut sessions = self.store().list(user).await?;
        self.outlast_missing(Some(user)).await?;
        self.keep_live(&mut sessions);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_seen_at, session.id)));
        Ok(sessions)
    }

    /// The live sessions of everybody in the order of their ids, at most `limit` after `after`,
    /// and where to go on; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<(Vec<Session>, Option<SessionId>), StoreError> {
        let mut sessions = self.store().list_all(after, limit).await?;
        let full = u32::try_from(sessions.len()).is_ok_and(|found| found >= limit);
        let next = sessions.last().filter(|_| full).map(|session| session.id);
        self.keep_live(&mut sessions);
        Ok((sessions, next))
    }

    /// How many sessions nobody ended; `None` where the store does not count. Not for requests:
    /// see [`crate::sessions::SessionCount`].
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn count(&self) -> Result<Option<Counted>, StoreError> {
        self.store().count().await
    }

    pub(in crate::sessions) fn keep_live(&self, sessions: &mut Vec<Session>) {
        let cutoffs = self.cutoffs();
        for session in sessions.iter_mut() {
            self.0.touches.add_to(session);
        }
        sessions.retain(|session| cutoffs.ended(session).is_none());
        for session in sessions.iter_mut() {
            self.0.recent.add_to(session);
        }
    }

    /// Writes the activity that was noted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; what was noted stays noted.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.0.touches.flush(self.store()).await
    }

    /// Watches a session under the token of this digest; `with_list` also which sessions its user
    /// has.
    #[must_use]
    pub fn watch(&self, session: &Session, digest: TokenDigest, with_list: bool) -> Watch {
        self.0.watchers.watch(session, digest, with_list)
    }

    /// Wakes whoever watches a session that is not known to be live, so that they ask the store.
    /// For those whose session ended without a word to this server: a timeout, a command. What is
    /// remembered under a lease needs no look.
    pub fn look_after_watches(&self) {
        self.0.watchers.wake_unless(|digest| self.remembered(digest).is_some());
    }

    /// Lets every watcher go, for the server is stopping.
    pub fn close_watches(&self) {
        self.0.watchers.close();
    }

    /// Writes what was noted, then clears away what has ended, at most `most` rows. `true`: there
    /// is nothing left to clear.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn sweep(&self, most: u32) -> Result<bool, StoreError> {
        self.flush().await?;
        let swept = self.store().sweep(&self.cutoffs(), most).await?;
        for end in swept.timed_out {
            self.0.watchers.wake(end.id);
            self.0.watchers.wake_list(end.user);
            self.0.timed_out.note(Some(end));
        }
        Ok(swept.done)
    }

    /// The sessions of users that a timeout ended since the last call, noticed by a request or by
    /// a sweep.
    #[must_use]
    pub fn take_timed_out(&self) -> Vec<TimedOut> {
        self.0.timed_out.take()
    }

    /// The session of this handle; `None` when it is not live. Its timeouts are not judged.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.store().find(id).await
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.store().ready().await
    }
}
