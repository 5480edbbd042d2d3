//! The room's use of what it remembers: checks that need no store, and deeds that wait.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::memory::Memory;
use super::renewer::Keeper;
use super::{
    Change, Freshness, LEASE, LeaseState, OUTLASTS_LEASES, Remembered, Rule, Ticket, is_kept,
};
use crate::accounts::{Account, UserId};
use crate::clock::Clock;
use crate::failure::StoreError;
use crate::sessions::{Client, Session, SessionId, Sessions, TokenDigest};

/// Whether sessions and their users are remembered beside the stores.
#[derive(Clone, Default)]
pub struct LeaseOptions {
    /// The stores that have to say whether they have told everything before anything is remembered
    /// here: that of the sessions, and that of the accounts where it is another. Without any,
    /// nothing is remembered, and every check asks the stores.
    pub vouching: Vec<Arc<dyn Freshness>>,
    /// The stores by which other processes hear of changes, whether or not anything is remembered
    /// here.
    pub telling: Vec<Arc<dyn Freshness>>,
    /// Whether other processes may remember sessions that end here.
    pub sessions_elsewhere: bool,
    /// Whether other processes may remember users that change here.
    pub users_elsewhere: bool,
}

impl fmt::Debug for LeaseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vouching: Vec<&str> = self.vouching.iter().map(|store| store.name()).collect();
        let telling: Vec<&str> = self.telling.iter().map(|store| store.name()).collect();
        f.debug_struct("LeaseOptions")
            .field("vouching", &vouching)
            .field("telling", &telling)
            .field("sessions_elsewhere", &self.sessions_elsewhere)
            .field("users_elsewhere", &self.users_elsewhere)
            .finish()
    }
}

pub(in crate::sessions) struct Leases {
    memory: Arc<Memory>,
    options: LeaseOptions,
    clock: Clock,
}

impl Leases {
    pub(in crate::sessions) fn new(options: LeaseOptions, clock: Clock) -> Self {
        let memory = Memory::of(options.vouching.len(), clock.uptime());
        Self { memory: Arc::new(memory), options, clock }
    }

    /// Forgets what is not so any more, or may not be.
    pub(in crate::sessions) fn forget(&self, change: Change) {
        if !self.options.vouching.is_empty() {
            self.memory.forget(change);
        }
    }

    /// A session was seen, which is noted and will be written.
    pub(in crate::sessions) fn see(
        &self,
        id: SessionId,
        seen: (OffsetDateTime, &Client),
        idle_expires_at: OffsetDateTime,
    ) {
        self.memory.see(id, seen, idle_expires_at);
    }

    /// Whether other processes may remember sessions.
    pub(in crate::sessions) fn has_others(&self) -> bool {
        self.options.sessions_elsewhere
    }

    /// Whether other processes may remember users.
    pub(in crate::sessions) fn has_others_of_users(&self) -> bool {
        self.options.sessions_elsewhere || self.options.users_elsewhere
    }

    pub(in crate::sessions) fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// Sees to it that others are told of whatever this server has read by now.
    pub(in crate::sessions) async fn tell_what_was_read(&self) -> Result<(), StoreError> {
        for store in &self.options.telling {
            store.tell_what_is_seen().await?;
        }
        Ok(())
    }

    /// Waits until nobody accepts what this server has just read to be over.
    pub(in crate::sessions) async fn outlast_what_was_read(&self) -> Result<(), StoreError> {
        self.tell_what_was_read().await?;
        outlast(&self.clock).await;
        Ok(())
    }

    /// Waits until nobody accepts a session that the store has ended by now.
    pub(in crate::sessions) async fn outlast(&self) {
        if self.options.sessions_elsewhere {
            outlast(&self.clock).await;
        }
    }
}

/// Waits until every lease that was given before now has run out, anywhere.
async fn outlast(clock: &Clock) {
    let acknowledged = clock.uptime();
    let time = if is_kept(Rule::Margin) { OUTLASTS_LEASES } else { LEASE };
    let over = if is_kept(Rule::Wait) { acknowledged + time } else { acknowledged };
    loop {
        let left = over.saturating_sub(clock.uptime());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

impl Sessions {
    /// The session of this token and its user, if they are remembered and that may be relied on.
    #[must_use]
    pub fn remembered(&self, digest: &TokenDigest) -> Option<Remembered> {
        let leases = &self.room().leases;
        // Read by each check, after its request came.
        let now = leases.clock.uptime();
        leases.memory.find(digest, now, self.now())
    }

    /// Whether a check of this session would be answered from memory now.
    pub(in crate::sessions) fn is_remembered(&self, id: SessionId) -> bool {
        let leases = &self.room().leases;
        leases.memory.digest(id).is_some_and(|digest| self.remembered(&digest).is_some())
    }

    /// To be taken before a session and its user are read from the stores; `None` where they
    /// would not be remembered anyway.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        let leases = &self.room().leases;
        if leases.options.vouching.is_empty() {
            return None;
        }
        leases.memory.ticket(leases.clock.uptime())
    }

    /// Remembers what was read after the ticket was taken: a live session, and its user's account
    /// under whose epoch it is live.
    pub(crate) fn remember(
        &self,
        ticket: Ticket,
        digest: &TokenDigest,
        session: &Arc<Session>,
        account: Option<&Account>,
    ) {
        let deadline = self.policy().idle_expires_at(session);
        self.room().leases.memory.remember(ticket, *digest, (session, deadline), account);
    }

    /// Forgets a user who has changed, or may have.
    pub fn forget_user(&self, user: UserId) {
        self.room().leases.forget(Change::User(user));
    }

    /// Waits until no server accepts what a change of an account has ended or changed by now.
    pub async fn outlast_leases_of_users(&self) {
        if self.room().leases.has_others_of_users() {
            outlast(&self.room().leases.clock).await;
        }
    }

    /// How the lease stands; `None` where nothing is ever remembered.
    #[must_use]
    pub fn lease(&self) -> Option<LeaseState> {
        let leases = &self.room().leases;
        let is_on = !leases.options.vouching.is_empty();
        is_on.then(|| leases.memory.lease(leases.clock.uptime()))
    }

    /// The tasks that keep the lease, for as long as they run.
    #[must_use]
    pub fn lease_keepers(&self) -> Vec<impl Future<Output = ()> + Send + 'static> {
        let leases = &self.room().leases;
        let keeper = |(number, store): (usize, &Arc<dyn Freshness>)| {
            let (sessions, store) = (self.clone(), Arc::clone(store));
            let memory = Arc::clone(&leases.memory);
            let keeper = Keeper { memory, number, store, clock: leases.clock.clone() };
            keeper.run(move |change| match change {
                Change::Session(id) => sessions.room().watchers.wake(id),
                Change::Everything => sessions.wake_all(),
                Change::Token(digest) => sessions.room().watchers.wake_token(&digest),
                Change::User(user) => sessions.room().watchers.wake_user(user),
            })
        };
        leases.options.vouching.iter().enumerate().map(keeper).collect()
    }
}
