//! The session service: [`Sessions`], with its reads and its upkeep.

mod check;
mod children;
mod ended;
mod epoch_lock;
mod handover;
mod keep;
mod kept_session;
mod recent_activity;
mod revoke;
mod rotate;
mod start;
mod touches;

pub use check::{FreshProof, ResumeError};
pub use children::{NewChild, StartChildError, StartedChild};
pub(in crate::sessions) use ended::EndScope;
use epoch_lock::EpochLock;
pub use handover::{HandoverError, NewHandover};
pub use keep::{KeepError, LARGEST_APPLICATION_DATA};
pub(crate) use kept_session::{KeptSessionError, KeptSessionGuard};
use recent_activity::RecentActivity;
pub use start::{EndedByStart, NewSession, StartError, StartedSession};
use touches::Touches;

use std::sync::Arc;

use time::OffsetDateTime;

use crate::accounts::UserId;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::sessions::cache::{LeaseOptions, Leases, WaitedEnds};
use crate::sessions::live::{EndPoll, ListPoll, RecentlyEnded, Subscribers};
use crate::sessions::{
    Counted, Cutoffs, Outbox, Session, SessionId, SessionPolicy, SessionStore, TimedOut,
};

/// The dependencies of [`Sessions`].
pub struct SessionsOptions {
    /// Where sessions are stored.
    pub store: Arc<dyn SessionStore>,
    /// The raises of epochs that `store` has not received yet, where the accounts are in another
    /// store.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// Timeouts and limits.
    pub policy: SessionPolicy,
    /// The time.
    pub clock: Clock,
    /// The source of tokens and ids.
    pub entropy: Entropy,
    /// Whether sessions are cached, here and in other processes.
    pub leases: LeaseOptions,
}

/// The session service. Cheap to clone; clones share one state.
#[derive(Clone)]
pub struct Sessions(Arc<Service>);

pub(in crate::sessions) struct Service {
    store: Arc<dyn SessionStore>,
    outbox: Option<Arc<dyn Outbox>>,
    pub(in crate::sessions) policy: SessionPolicy,
    clock: Clock,
    pub(in crate::sessions) entropy: Entropy,
    pub(in crate::sessions) touches: Touches,
    pub(in crate::sessions) recent_activity: RecentActivity,
    pub(in crate::sessions) subscribers: Arc<Subscribers>,
    pub(in crate::sessions) timed_out: RecentlyEnded,
    pub(in crate::sessions) end_poll: EndPoll,
    pub(in crate::sessions) list_poll: ListPoll,
    pub(in crate::sessions) epoch_lock: EpochLock,
    pub(in crate::sessions) leases: Leases,
    pub(in crate::sessions) waited_ends: WaitedEnds,
}

impl Sessions {
    /// A service over these dependencies.
    #[must_use]
    pub fn new(options: SessionsOptions) -> Self {
        let SessionsOptions { store, outbox, policy, clock, entropy, leases } = options;
        Self(Arc::new(Service {
            store,
            outbox,
            policy,
            leases: Leases::new(leases, clock.clone()),
            waited_ends: WaitedEnds::default(),
            clock,
            entropy,
            touches: Touches::default(),
            recent_activity: RecentActivity::default(),
            subscribers: Arc::default(),
            timed_out: RecentlyEnded::default(),
            end_poll: EndPoll::default(),
            list_poll: ListPoll::default(),
            epoch_lock: EpochLock::default(),
        }))
    }

    /// Timeouts and limits.
    #[must_use]
    pub fn policy(&self) -> &SessionPolicy {
        &self.0.policy
    }

    pub(in crate::sessions) fn service(&self) -> &Service {
        &self.0
    }

    pub(in crate::sessions) fn store(&self) -> &dyn SessionStore {
        &*self.0.store
    }

    pub(in crate::sessions) fn outbox(&self) -> Option<&dyn Outbox> {
        self.0.outbox.as_deref()
    }

    /// The current time of the service's clock.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    pub(in crate::sessions) fn cutoffs(&self) -> Cutoffs {
        self.0.policy.cutoffs(self.now())
    }

    /// The live sessions of a user, newest activity first. Returns once no server accepts a session
    /// that is missing from the list.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let mut sessions = self.store().list(user).await?;
        self.wait_for_missing(Some(user)).await?;
        self.keep_live(&mut sessions);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_seen_at, session.id)));
        Ok(sessions)
    }

    /// The live sessions of all users in the order of their ids, at most `limit` after `after`, and
    /// the id to continue after; `None` at the end.
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

    /// The number of sessions in the store, expired ones included until they are swept. `None`
    /// where the store does not count. Too slow for requests: see [`super::SessionCount`].
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn count(&self) -> Result<Option<Counted>, StoreError> {
        self.store().count().await
    }

    pub(in crate::sessions) fn keep_live(&self, sessions: &mut Vec<Session>) {
        let cutoffs = self.cutoffs();
        for session in sessions.iter_mut() {
            self.0.touches.add_to(session);
        }
        sessions.retain(|session| cutoffs.ended(session).is_none());
        for session in sessions.iter_mut() {
            self.0.recent_activity.add_to(session);
        }
    }

    /// Writes noted activity to the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; unwritten activity stays noted.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.0.touches.flush(self.store()).await
    }

    /// Writes noted activity, then deletes at most `most` expired rows. `true`: nothing is left to
    /// delete.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn sweep(&self, most: u32) -> Result<bool, StoreError> {
        self.flush().await?;
        let swept = self.store().sweep(&self.cutoffs(), most).await?;
        for end in swept.timed_out {
            self.invalidate_and_notify(EndScope::Sessions {
                ids: &[end.id],
                owner: Some(end.user),
            });
            self.0.timed_out.note(Some(end));
        }
        Ok(swept.done)
    }

    /// The sessions of users that a timeout ended since the last call, found by a request or by a
    /// sweep. At most 10 000 are kept between two calls.
    #[must_use]
    pub fn take_timed_out(&self) -> Vec<TimedOut> {
        self.0.timed_out.take()
    }

    /// The session of this id; `None` when it is not live. Timeouts are not applied.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.store().find(id).await
    }

    /// Checks that the store answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.store().ready().await
    }
}
