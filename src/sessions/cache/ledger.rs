//! The indexes of the cache: by session, by user and by token, the order of eviction, and the counts.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::entries::{Entries, Entry, RememberedUser};
use super::invalidations::Invalidations;
use crate::accounts::{Account, UserId};
use crate::sessions::{SessionId, TokenDigest};

/// The bounds of the cache: sessions, and bytes.
pub(super) const MOST_ENTRIES: usize = 100_000;
pub(super) const MOST_BYTES: usize = 32 * 1024 * 1024;
/// The most children and access tokens of one session: each invalidation walks through them.
const MOST_VIEWS: usize = 64;

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) invalidations: Invalidations,
    /// For each store, whether it is subscribed to.
    pub(super) is_subscribed: Box<[bool]>,
    /// Of sessions, children and access tokens.
    pub(super) by_id: HashMap<SessionId, TokenDigest>,
    /// The cached children and access tokens of a session, whether or not the session is cached.
    pub(super) views: HashMap<SessionId, Vec<TokenDigest>>,
    /// The cached access tokens of the session that has a token, by that.
    pub(super) views_of_token: HashMap<TokenDigest, Vec<TokenDigest>>,
    pub(super) users: HashMap<UserId, Arc<RememberedUser>>,
    /// The order of eviction; may name entries that are gone.
    pub(super) eviction_queue: VecDeque<TokenDigest>,
    pub(super) count: usize,
    pub(super) bytes: usize,
    /// The total time without a lease, up to `counted_until`.
    pub(super) without: Duration,
    pub(super) counted_until: Duration,
    /// The number of changes received from the stores.
    pub(super) changes: u64,
}

impl Ledger {
    /// Empty, over this number of stores that have to confirm.
    pub(super) fn of(stores: usize, started: Duration) -> Self {
        Self {
            invalidations: Invalidations::new(),
            is_subscribed: vec![false; stores].into_boxed_slice(),
            by_id: HashMap::new(),
            views: HashMap::new(),
            views_of_token: HashMap::new(),
            users: HashMap::new(),
            eviction_queue: VecDeque::new(),
            count: 0,
            bytes: 0,
            without: Duration::ZERO,
            counted_until: started,
            changes: 0,
        }
    }

    /// The oldest of the children and access tokens of a session that has as many as are cached.
    pub(super) fn surplus_of(&self, session: SessionId) -> Option<TokenDigest> {
        let views = self.views.get(&session)?;
        views.first().copied().filter(|_| views.len() >= MOST_VIEWS)
    }

    /// Lists the digest of an entry by the session, and by the token, with which it ends.
    pub(super) fn list(&mut self, entry: &Entry) {
        if entry.presented.id().is_some() {
            list(self.views.entry(entry.session.id).or_default(), entry.digest);
        }
        if let Some(token) = entry.presented.session_token() {
            list(self.views_of_token.entry(token).or_default(), entry.digest);
        }
    }

    /// The entries that end with a session.
    pub(super) fn of_session(&self, id: SessionId) -> Vec<TokenDigest> {
        let own = self.by_id.get(&id).copied();
        own.into_iter().chain(self.views.get(&id).cloned().unwrap_or_default()).collect()
    }

    /// The entries that end with a token.
    pub(super) fn of_token(&self, digest: TokenDigest) -> Vec<TokenDigest> {
        let views = self.views_of_token.get(&digest).cloned().unwrap_or_default();
        std::iter::once(digest).chain(views).collect()
    }

    /// Adds the time from the end of the lease to `now`, unless it was added before.
    pub(super) fn count_gap(&mut self, until: Duration, now: Duration) {
        self.without += now.saturating_sub(until.max(self.counted_until));
        self.counted_until = self.counted_until.max(now);
    }

    /// The cached user; `None` where it differs from what was read, without an invalidation.
    pub(super) fn user(&mut self, account: &Account) -> Option<Arc<RememberedUser>> {
        let id = account.user.id;
        if let Some(there) = self.users.get(&id) {
            if *there.user == account.user && there.epoch == account.epoch {
                return Some(Arc::clone(there));
            }
            there.drop_all();
            self.users.remove(&id);
            return None;
        }
        let user = RememberedUser::new(Arc::new(account.user.clone()), account.epoch);
        let user = Arc::new(user);
        self.users.insert(id, Arc::clone(&user));
        Some(user)
    }

    pub(super) fn remove(&mut self, entries: &Entries, digest: &TokenDigest) {
        if let Some(entry) = entries.remove(digest) {
            if self.by_id.get(&entry.id()) == Some(digest) {
                self.by_id.remove(&entry.id());
            }
            if entry.presented.id().is_some() {
                unlist(&mut self.views, &entry.session.id, digest);
            }
            if let Some(token) = entry.presented.session_token() {
                unlist(&mut self.views_of_token, &token, digest);
            }
            self.note_removed(&entry);
        }
    }

    /// Updates the counts after an entry was removed.
    pub(super) fn note_removed(&mut self, entry: &Entry) {
        self.count -= 1;
        self.bytes = self.bytes.saturating_sub(entry.bytes());
        let Some(user) = &entry.user else { return };
        // This entry and the list of users hold one each.
        let id = user.user.id;
        let is_last = |listed: &Arc<RememberedUser>| {
            Arc::ptr_eq(listed, user) && Arc::strong_count(listed) <= 2
        };
        if self.users.get(&id).is_some_and(is_last) {
            self.users.remove(&id);
        }
    }

    pub(super) fn clear(&mut self, entries: &Entries) {
        entries.clear();
        self.by_id = HashMap::new();
        self.views = HashMap::new();
        self.views_of_token = HashMap::new();
        self.users = HashMap::new();
        self.eviction_queue = VecDeque::new();
        (self.count, self.bytes) = (0, 0);
    }

    /// Evicts entries that were not used since the last pass, the oldest first.
    pub(super) fn evict(&mut self, entries: &Entries) {
        while self.count > MOST_ENTRIES || self.bytes > MOST_BYTES {
            let Some(digest) = self.eviction_queue.pop_front() else { return };
            let was_used =
                entries.find(&digest, |e| Some(e.is_used.swap(false, Ordering::Relaxed)));
            match was_used {
                None => {}
                Some(true) => self.eviction_queue.push_back(digest),
                Some(false) => self.remove(entries, &digest),
            }
        }
        // Removed entries stay in the queue; drop them before it grows without bound.
        if self.eviction_queue.len() > 2 * self.count + 1024 {
            self.eviction_queue.retain(|digest| entries.find(digest, |_| Some(())).is_some());
        }
    }
}

fn list(digests: &mut Vec<TokenDigest>, digest: TokenDigest) {
    if !digests.contains(&digest) {
        digests.push(digest);
    }
}

fn unlist<K: Eq + Hash>(lists: &mut HashMap<K, Vec<TokenDigest>>, of: &K, digest: &TokenDigest) {
    let Some(digests) = lists.get_mut(of) else { return };
    digests.retain(|other| other != digest);
    if digests.is_empty() {
        lists.remove(of);
    }
}
