//! What is remembered, in shards: whoever looks something up waits for nobody else who does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use hashbrown::HashTable;
use time::OffsetDateTime;

use crate::accounts::{Epoch, User};
use crate::sessions::{Session, TokenDigest};

const SHARDS: usize = 64;
/// Whatever is remembered is read again after this long, lease or not.
const LONGEST: Duration = Duration::from_secs(30);

/// A user as some check read it, shared by all sessions of that user.
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

    /// No session of this user is found any more.
    pub(super) fn drop_all(&self) {
        self.is_dropped.store(true, Ordering::Release);
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Acquire)
    }

    fn bytes(&self) -> usize {
        const OVERHEAD: usize = 100;
        let texts = self.user.email.as_str().len() + self.user.name.as_str().len();
        size_of::<Self>() + size_of::<User>() + texts + OVERHEAD
    }
}

/// A live session as some check read it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) digest: TokenDigest,
    pub(super) session: Arc<Session>,
    pub(super) user: Option<Arc<RememberedUser>>,
    /// When it ends if nothing more is heard of it.
    pub(super) idle_expires_at: OffsetDateTime,
    pub(super) read_at: Duration,
    /// Whether it was looked up since it was last to make room.
    pub(super) is_used: AtomicBool,
}

impl Entry {
    pub(super) fn is_dropped(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_dropped())
    }

    /// Whether it is too old to be told at `now`, of the clock of leases.
    pub(super) fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.read_at) >= LONGEST
    }

    /// What it takes, with its share of everything: an upper bound.
    pub(super) fn bytes(&self) -> usize {
        const OVERHEAD: usize = 200;
        let user = self.user.as_ref().map_or(0, |user| user.bytes());
        size_of::<Self>()
            + size_of::<Session>()
            + self.session.client.user_agent.len()
            + self.session.moved_to.as_ref().map_or(0, |client| client.user_agent.len())
            + user
            + OVERHEAD
    }
}

/// Entries by the digests of their tokens.
#[derive(Debug)]
pub(super) struct Entries(Box<[RwLock<HashTable<Entry>>]>);

/// A digest is as good as chance already.
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

    /// What `take` makes of the entry, if there is one.
    pub(super) fn find<T>(
        &self,
        digest: &TokenDigest,
        take: impl FnOnce(&Entry) -> Option<T>,
    ) -> Option<T> {
        let shard = self.read(digest);
        shard.find(hash_of(digest), |entry| entry.digest == *digest).and_then(take)
    }

    /// Puts an entry in, in the place of another of the same digest.
    pub(super) fn insert(&self, entry: Entry) -> Option<Entry> {
        let mut shard = self.write(&entry.digest);
        let hash = hash_of(&entry.digest);
        if let Some(there) = shard.find_mut(hash, |other| other.digest == entry.digest) {
            return Some(std::mem::replace(there, entry));
        }
        shard.insert_unique(hash, entry, |entry| hash_of(&entry.digest));
        None
    }

    /// Changes an entry where it is, if there is one.
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
