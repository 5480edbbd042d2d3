//! Checks that the cache answers, and operations that wait for leases.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::entries::Presented;
use super::memory::Memory;
use super::remembered::Fill;
use super::renewer::LeaseRenewer;
use super::{
    Change, End, Freshness, LEASE, LEASE_WAIT, LeaseState, Remembered, RememberedAccessToken,
    RememberedChild, Rule, Ticket, is_kept,
};
use crate::accounts::Account;
use crate::clock::Clock;
use crate::failure::StoreError;
use crate::sessions::{
    AccessToken, AccessTokenId, Child, Client, Origin, Session, SessionId, Sessions, TokenDigest,
};

/// Whether sessions and their users are cached, in this process and in others.
#[derive(Clone, Default)]
pub struct LeaseOptions {
    /// The stores that must confirm their invalidations before the cache may answer: that of the
    /// sessions, and that of the accounts where it is another. Empty: no cache, and every check
    /// asks the stores.
    pub confirming: Vec<Arc<dyn Freshness>>,
    /// The stores that send invalidations to other processes, whether or not this one caches.
    pub publishing: Vec<Arc<dyn Freshness>>,
    /// Whether other processes may cache sessions that end here.
    pub sessions_elsewhere: bool,
    /// Whether other processes may cache users that change here.
    pub users_elsewhere: bool,
}

impl fmt::Debug for LeaseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let confirming: Vec<&str> = self.confirming.iter().map(|store| store.name()).collect();
        let publishing: Vec<&str> = self.publishing.iter().map(|store| store.name()).collect();
        f.debug_struct("LeaseOptions")
            .field("confirming", &confirming)
            .field("publishing", &publishing)
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
        let memory = Memory::of(options.confirming.len(), clock.uptime());
        Self { memory: Arc::new(memory), options, clock }
    }

    /// Invalidates cache entries that have changed, or may have.
    pub(in crate::sessions) fn invalidate(&self, change: Change) {
        if !self.options.confirming.is_empty() {
            self.memory.invalidate(change);
        }
    }

    /// Invalidates the session of a token, which may have ended, its children and access tokens.
    pub(in crate::sessions) fn invalidate_session_of(&self, digest: TokenDigest) {
        if !self.options.confirming.is_empty() {
            self.memory.invalidate_session_of(digest);
        }
    }

    /// Updates the cached activity of a session.
    pub(in crate::sessions) fn see(
        &self,
        id: SessionId,
        last_seen_at: OffsetDateTime,
        client: &Client,
        idle_expires_at: OffsetDateTime,
    ) {
        self.memory.see(id, last_seen_at, client, idle_expires_at);
    }

    /// Whether other processes may cache sessions.
    pub(super) fn has_others(&self) -> bool {
        self.options.sessions_elsewhere
    }

    /// Whether other processes may cache users.
    pub(super) fn has_others_of_users(&self) -> bool {
        self.options.sessions_elsewhere || self.options.users_elsewhere
    }

    pub(super) fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// Makes sure that other processes receive an invalidation for every write that this server has
    /// read by now.
    pub(super) async fn publish_what_was_read(&self) -> Result<(), StoreError> {
        for store in &self.options.publishing {
            store.tell_what_is_seen().await?;
        }
        Ok(())
    }

    /// Waits until no server accepts a session whose end this server has just read.
    pub(super) async fn wait_after_read(&self) -> Result<(), StoreError> {
        self.publish_what_was_read().await?;
        wait_for_leases(&self.clock).await;
        Ok(())
    }

    /// As [`Leases::wait_after_read`] where other processes may cache sessions. Returns whether it
    /// waited.
    pub(in crate::sessions) async fn wait_for_others_after_read(&self) -> Result<bool, StoreError> {
        if self.has_others() {
            self.wait_after_read().await?;
        }
        Ok(self.has_others())
    }

    /// Waits until no server accepts a session whose end the store has acknowledged by now.
    pub(in crate::sessions) async fn wait(&self) {
        if self.options.sessions_elsewhere {
            wait_for_leases(&self.clock).await;
        }
    }
}

/// Waits until every lease granted before now has expired, on every server.
async fn wait_for_leases(clock: &Clock) {
    let acknowledged = clock.uptime();
    let time = if is_kept(Rule::Margin) { LEASE_WAIT } else { LEASE };
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
    /// The cached session of this token and its user, if a lease is held.
    #[must_use]
    pub fn remembered(&self, digest: &TokenDigest) -> Option<Remembered> {
        let leases = &self.service().leases;
        // Each check reads the clock itself, after its request arrived.
        let now = leases.clock.uptime();
        leases.memory.find(digest, now, self.now())
    }

    /// The cached child of this token at this origin, with its parent and their user, if a lease is
    /// held.
    #[must_use]
    pub fn remembered_child(
        &self,
        digest: &TokenDigest,
        origin: &Origin,
    ) -> Option<RememberedChild> {
        let leases = &self.service().leases;
        let now = leases.clock.uptime();
        leases.memory.find_child(digest, origin, now, self.now())
    }

    /// Whether the cache would answer a check of this session now.
    pub(in crate::sessions) fn is_remembered(&self, id: SessionId) -> bool {
        let leases = &self.service().leases;
        leases.memory.digest(id).is_some_and(|digest| self.remembered(&digest).is_some())
    }

    /// Taken before a session and its user are read from the stores. `None` where they would not be
    /// cached.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        let leases = &self.service().leases;
        if leases.options.confirming.is_empty() {
            return None;
        }
        leases.memory.ticket(leases.clock.uptime())
    }

    /// The cached access token of this digest, with its session and its user, if a lease is held.
    #[must_use]
    pub(crate) fn remembered_access_token(
        &self,
        digest: &TokenDigest,
    ) -> Option<RememberedAccessToken> {
        let leases = &self.service().leases;
        let now = leases.clock.uptime();
        leases.memory.find_access_token(digest, now, self.now())
    }

    /// A number that tells whether a value of the accounts database that is neither a session nor a
    /// user may still be remembered: only while this gives the number that it gave before the value
    /// was read. `None`: nothing may be remembered now.
    #[must_use]
    pub(crate) fn remembering(&self) -> Option<u64> {
        let leases = &self.service().leases;
        leases.memory.version(leases.clock.uptime())
    }

    /// Forgets everything that is cached, in this process and, by the store, in others. Returns once
    /// no server uses what was written before this call.
    pub(crate) async fn forget_everything(&self) {
        self.service().leases.invalidate(Change::Everything);
        self.wait_for_user_leases().await;
    }

    /// Waits until no server accepts a session whose end, or the change of whose account, was read.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn wait_for_others(&self) -> Result<(), StoreError> {
        self.service().leases.wait_for_others_after_read().await.map(drop)
    }

    /// Waits until no server accepts an access token whose revocation was read.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn wait_for_denied(&self, id: AccessTokenId) -> Result<(), StoreError> {
        self.wait_for_end(End::Session(SessionId::from_uuid(id.as_uuid()))).await
    }

    /// Makes an access token invalid that the store refuses from now on. Returns once no server
    /// accepts it.
    pub(crate) async fn forget_access_token(&self, id: AccessTokenId) {
        self.service().leases.invalidate(Change::Session(SessionId::from_uuid(id.as_uuid())));
        self.wait_for_user_leases().await;
    }

    /// Caches a live session and its user's account, both read after the ticket was taken. The
    /// session is under the epoch of that account.
    pub(crate) fn remember(
        &self,
        ticket: Ticket,
        digest: &TokenDigest,
        session: &Arc<Session>,
        account: Option<&Account>,
    ) {
        self.insert(ticket, digest, &Presented::Token, (session, account));
    }

    /// As [`Sessions::remember`], for a live child, its parent and their user's account.
    pub(crate) fn remember_child(
        &self,
        ticket: Ticket,
        digest: &TokenDigest,
        child: &Arc<Child>,
        parent: (&Arc<Session>, Option<&Account>),
    ) {
        self.insert(ticket, digest, &Presented::Child(Arc::clone(child)), parent);
    }

    /// As [`Sessions::remember`], for a valid access token, its session, the token of that session and
    /// their user's account.
    pub(crate) fn remember_access_token(
        &self,
        ticket: Ticket,
        digest: &TokenDigest,
        (token, session_token): (&Arc<AccessToken>, TokenDigest),
        shown: (&Arc<Session>, Option<&Account>),
    ) {
        let presented = Presented::AccessToken(Arc::clone(token), session_token);
        self.insert(ticket, digest, &presented, shown);
    }

    fn insert(
        &self,
        ticket: Ticket,
        digest: &TokenDigest,
        presented: &Presented,
        (session, account): (&Arc<Session>, Option<&Account>),
    ) {
        let idle_expires_at = self.policy().idle_expires_at(session);
        let fill = Fill { digest: *digest, presented, session, idle_expires_at, account };
        self.service().leases.memory.insert(ticket, &fill);
    }

    /// Waits until no server accepts a session, or shows a user, that a change of an account has
    /// ended or changed by now.
    pub(crate) async fn wait_for_user_leases(&self) {
        if self.service().leases.has_others_of_users() {
            wait_for_leases(&self.service().leases.clock).await;
        }
    }

    /// The state of the lease; `None` where nothing is cached.
    #[must_use]
    pub fn lease(&self) -> Option<LeaseState> {
        let leases = &self.service().leases;
        let is_on = !leases.options.confirming.is_empty();
        is_on.then(|| leases.memory.lease(leases.clock.uptime()))
    }

    /// The background tasks that renew the lease, one for each store.
    #[must_use]
    pub(crate) fn lease_renewers(&self) -> Vec<impl Future<Output = ()> + Send + 'static> {
        let leases = &self.service().leases;
        let renewer = |(number, store): (usize, &Arc<dyn Freshness>)| {
            let (sessions, store) = (self.clone(), Arc::clone(store));
            let memory = Arc::clone(&leases.memory);
            let renewer = LeaseRenewer { memory, number, store, clock: leases.clock.clone() };
            renewer.run(move |change| {
                let subscribers = &sessions.service().subscribers;
                match change {
                    Change::Session(id) => subscribers.notify_session(id),
                    Change::Everything => subscribers.notify_all(),
                    Change::Token(digest) => subscribers.notify_token(&digest),
                    Change::User(user) => subscribers.notify_user(user),
                }
            })
        };
        leases.options.confirming.iter().enumerate().map(renewer).collect()
    }
}
