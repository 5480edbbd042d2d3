//! Cache entries in shards, so that lookups do not wait for each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use hashbrown::HashTable;
use time::OffsetDateTime;

use crate::accounts::{Epoch, User};
use crate::sessions::{AccessToken, Child, Session, SessionId, TokenDigest};

const SHARDS: usize = 64;
/// An entry is read from the store again after this time, under a lease too.
const MAX_AGE: Duration = Duration::from_secs(30);

/// A cached user, shared by all cached sessions of that user.
#[derive(Debug)]
pub(super) struct RememberedUser {
    pub(super) user: Arc<User>,
    pub(super) epoch: Epoch,
    is_dropped: AtomicBool,
}

impl RememberedUser {
    pub(super) fn new(user: Arc<User>, epoch: Epoch) -> Self {
        Self { user, epoch, is_dropped: AtomicBool::new(false) }
    }

    /// Invalidates all cached sessions of this user.
    pub(super) fn drop_all(&self) {
        self.is_dropped.store(true, Ordering::Release);
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Acquire)
    }

    fn bytes(&self) -> usize {
        const OVERHEAD: usize = 100;
        let User { email, name, groups, .. } = &*self.user;
        let texts = email.as_str().len() + name.as_str().len() + groups.as_str().len();
        size_of::<Self>() + size_of::<User>() + texts + OVERHEAD
    }
}

/// A cached live session, with what presents it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) digest: TokenDigest,
    pub(super) presented: Presented,
    /// The session, or the parent of the child.
    pub(super) session: Arc<Session>,
    pub(super) user: Option<Arc<RememberedUser>>,
    /// When it expires without further activity.
    pub(super) idle_expires_at: OffsetDateTime,
    pub(super) read_at: Duration,
    /// Whether it was used since the last eviction pass over it.
    pub(super) is_used: AtomicBool,
}

impl Entry {
    /// The id by which it is invalidated alone.
    pub(super) fn id(&self) -> SessionId {
        self.presented.id().unwrap_or(self.session.id)
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_dropped())
    }

    /// The user; `None` for an anonymous session.
    pub(super) fn user(&self) -> Option<Arc<User>> {
        self.user.as_ref().map(|user| Arc::clone(&user.user))
    }

    /// Whether it is too old to be served at `now`, on the boot-time clock.
    pub(super) fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.read_at) >= MAX_AGE
    }

    /// An upper bound of its memory, with its share of the indexes.
    pub(super) fn bytes(&self) -> usize {
        const OVERHEAD: usize = 200;
        let user = self.user.as_ref().map_or(0, |user| user.bytes());
        size_of::<Self>()
            + size_of::<Session>()
            + self.session.client.user_agent.len()
            + self.session.moved_to.as_ref().map_or(0, |client| client.user_agent.len())
            + user
            + self.presented.bytes()
            + OVERHEAD
    }
}

/// The means by which a request presents a cached session.
#[derive(Clone, Debug)]
pub(in crate::sessions) enum Presented {
    /// Its own token.
    Token,
    /// The token of a child.
    Child(Arc<Child>),
    /// An access token, and the token that the session has. Some stores report a session by that
    /// alone.
    AccessToken(Arc<AccessToken>, TokenDigest),
}

impl Presented {
    /// The id of what is not the session itself.
    pub(super) fn id(&self) -> Option<SessionId> {
        match self {
            Self::Token => None,
            Self::Child(child) => Some(child.id),
            Self::AccessToken(token, _) => Some(SessionId::from_uuid(token.id.as_uuid())),
        }
    }

    /// The token of the session, with which this ends.
    pub(super) fn session_token(&self) -> Option<TokenDigest> {
        match self {
            Self::Token | Self::Child(_) => None,
            Self::AccessToken(_, digest) => Some(*digest),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Token => 0,
            Self::Child(child) => {
                size_of::<Child>() + child.origin.as_str().len() + child.client.user_agent.len()
            }
            Self::AccessToken(token, _) => {
                let texts = token.client.len() + token.audience.len() + token.scope.len();
                size_of::<AccessToken>() + texts
            }
        }
    }
}

/// Entries by token digest.
#[derive(Debug)]
pub(super) struct Entries(Box<[RwLock<HashTable<Entry>>]>);

/// A digest is already random.
fn hash_of(digest: &TokenDigest) -> u64 {
    digest.as_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes)
}

impl Entries {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }

    fn shard(&self, digest: &TokenDigest) -> &RwLock<HashTable<Entry>> {
        &self.0[usize::from(digest.as_bytes()[31]) % SHARDS]
    }

    fn read(&self, digest: &TokenDigest) -> RwLockReadGuard<'_, HashTable<Entry>> {
        self.shard(digest).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, digest: &TokenDigest) -> RwLockWriteGuard<'_, HashTable<Entry>> {
        self.shard(digest).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of `take` on the entry, if there is one.
    pub(super) fn find<T>(
        &self,
        digest: &TokenDigest,
        take: impl FnOnce(&Entry) -> Option<T>,
    ) -> Option<T> {
        let shard = self.read(digest);
        shard.find(hash_of(digest), |entry| entry.digest == *digest).and_then(take)
    }

    /// Inserts an entry. Returns the entry that it replaced.
    pub(super) fn insert(&self, entry: Entry) -> Option<Entry> {
        let mut shard = self.write(&entry.digest);
        let hash = hash_of(&entry.digest);
        if let Some(there) = shard.find_mut(hash, |other| other.digest == entry.digest) {
            return Some(std::mem::replace(there, entry));
        }
        shard.insert_unique(hash, entry, |entry| hash_of(&entry.digest));
        None
    }

    /// Changes an entry in place, if there is one.
    pub(super) fn change(&self, digest: &TokenDigest, change: impl FnOnce(&mut Entry)) {
        let mut shard = self.write(digest);
        if let Some(entry) = shard.find_mut(hash_of(digest), |entry| entry.digest == *digest) {
            change(entry);
        }
    }

    pub(super) fn remove(&self, digest: &TokenDigest) -> Option<Entry> {
        let mut shard = self.write(digest);
        let found = shard.find_entry(hash_of(digest), |entry| entry.digest == *digest);
        found.ok().map(|entry| entry.remove().0)
    }

    pub(super) fn clear(&self) {
        for shard in &self.0 {
            shard.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}
