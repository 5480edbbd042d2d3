//! The cache: insert, find, invalidate. Has no store and no clock: callers pass the time, so that
//! tests are repeatable.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::Change;
use super::entries::{Entries, Entry, RememberedUser};
use super::invalidations::{Invalidations, Ticket};
use super::lease::{Lease, LeaseState};
use super::remembered::{Fill, Remembered, RememberedChild};
use crate::accounts::{Account, UserId};
use crate::sessions::{Client, Origin, Session, SessionId, TokenDigest};

/// The bounds of the cache: sessions, and bytes.
pub(super) const MOST_ENTRIES: usize = 100_000;
pub(super) const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The cache of one server.
#[derive(Debug)]
pub(in crate::sessions) struct Memory {
    lease: Lease,
    entries: Entries,
    /// Locked by inserts and invalidations, not by lookups.
    ledger: Mutex<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    invalidations: Invalidations,
    /// For each store, whether it is subscribed to.
    is_subscribed: Box<[bool]>,
    /// Of sessions and of children.
    by_id: HashMap<SessionId, TokenDigest>,
    /// The cached children of a session, whether or not the session is cached.
    children: HashMap<SessionId, Vec<TokenDigest>>,
    users: HashMap<UserId, Arc<RememberedUser>>,
    /// The order of eviction; may name entries that are gone.
    eviction_queue: VecDeque<TokenDigest>,
    count: usize,
    bytes: usize,
    /// The total time without a lease, up to `counted_until`.
    without: Duration,
    counted_until: Duration,
    /// The number of changes received from the stores.
    changes: u64,
}

impl Memory {
    /// A cache over this number of stores that have to confirm.
    pub(in crate::sessions) fn of(stores: usize, started: Duration) -> Self {
        let ledger = Ledger {
            invalidations: Invalidations::new(),
            is_subscribed: vec![false; stores].into_boxed_slice(),
            by_id: HashMap::new(),
            children: HashMap::new(),
            users: HashMap::new(),
            eviction_queue: VecDeque::new(),
            count: 0,
            bytes: 0,
            without: Duration::ZERO,
            counted_until: started,
            changes: 0,
        };
        Self { lease: Lease::of(stores), entries: Entries::new(), ledger: Mutex::new(ledger) }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of the lease at `now`, on the boot-time clock.
    pub(in crate::sessions) fn lease(&self, now: Duration) -> LeaseState {
        let mut ledger = self.ledger();
        ledger.count_gap(self.lease.until(), now);
        let left = self.lease.until().saturating_sub(now);
        LeaseState { left, without: ledger.without, changes: ledger.changes }
    }

    /// The session of this token, if it is cached, a lease is held at `now`, and its timeouts have
    /// not passed at `wall`. A child is no session.
    pub(in crate::sessions) fn find(
        &self,
        digest: &TokenDigest,
        now: Duration,
        wall: OffsetDateTime,
    ) -> Option<Remembered> {
        self.find_entry(digest, now, wall, |entry| {
            let is_session = entry.child.is_none();
            is_session
                .then(|| Remembered { session: Arc::clone(&entry.session), user: entry.user() })
        })
    }

    /// As [`Memory::find`], for the child of this token at this origin.
    pub(in crate::sessions) fn find_child(
        &self,
        digest: &TokenDigest,
        origin: &Origin,
        now: Duration,
        wall: OffsetDateTime,
    ) -> Option<RememberedChild> {
        self.find_entry(digest, now, wall, |entry| {
            let child = entry.child.as_ref().filter(|child| child.origin == *origin)?;
            let session = Arc::clone(&entry.session);
            Some(RememberedChild { child: Arc::clone(child), session, user: entry.user() })
        })
    }

    fn find_entry<T>(
        &self,
        digest: &TokenDigest,
        now: Duration,
        wall: OffsetDateTime,
        take: impl FnOnce(&Entry) -> Option<T>,
    ) -> Option<T> {
        if !self.lease.is_held(now) {
            return None;
        }
        self.entries.find(digest, |entry| {
            if entry.is_dropped() || entry.is_old(now) || wall >= entry.idle_expires_at {
                return None;
            }
            if !entry.is_used.load(Ordering::Relaxed) {
                entry.is_used.store(true, Ordering::Relaxed);
            }
            take(entry)
        })
    }

    /// The token under which this session is cached.
    pub(in crate::sessions) fn digest(&self, id: SessionId) -> Option<TokenDigest> {
        self.ledger().by_id.get(&id).copied()
    }

    /// For a read that begins at `now`; `None` while a store is not subscribed to.
    pub(in crate::sessions) fn ticket(&self, now: Duration) -> Option<Ticket> {
        let ledger = self.ledger();
        let all = !ledger.is_subscribed.is_empty() && ledger.is_subscribed.iter().all(|one| *one);
        all.then(|| ledger.invalidations.ticket(now))
    }

    /// Caches a session, or a child with its parent, read after `ticket` was taken, unless it was
    /// invalidated since.
    pub(in crate::sessions) fn insert(&self, ticket: Ticket, fill: &Fill<'_>) {
        let Fill { digest, child, session, idle_expires_at, account } = *fill;
        let mut ledger = self.ledger();
        let mut parts = vec![Change::Session(session.id), Change::Token(digest)];
        parts.extend(child.map(|child| Change::Session(child.id)));
        parts.extend(account.map(|account| Change::User(account.user.id)));
        if !ledger.invalidations.allow(ticket, &parts) {
            return;
        }
        let user = match account.map(|account| ledger.user(account)) {
            None => None,
            Some(Some(user)) => Some(user),
            Some(None) => return,
        };
        let entry = Entry {
            digest,
            child: child.map(Arc::clone),
            session: Arc::clone(session),
            user,
            idle_expires_at,
            read_at: ticket.at,
            is_used: AtomicBool::new(false),
        };
        ledger.count += 1;
        ledger.bytes += entry.bytes();
        // The session has a new token: an invalidation by its id would miss the entry of the old
        // one.
        if let Some(before) = ledger.by_id.insert(entry.id(), digest)
            && before != digest
        {
            ledger.remove(&self.entries, &before);
        }
        if child.is_some() {
            let children = ledger.children.entry(session.id).or_default();
            if !children.contains(&digest) {
                children.push(digest);
            }
        }
        ledger.eviction_queue.push_back(digest);
        if let Some(before) = self.entries.insert(entry) {
            ledger.note_removed(&before);
        }
        ledger.evict(&self.entries);
    }

    /// Updates the activity of a cached session, also with its cached children, and nothing else: a
    /// cached entry may be newer than the caller's copy.
    pub(in crate::sessions) fn see(
        &self,
        id: SessionId,
        last_seen_at: OffsetDateTime,
        client: &Client,
        idle_expires_at: OffsetDateTime,
    ) {
        let mut ledger = self.ledger();
        let own = ledger.by_id.get(&id).copied();
        let children = ledger.children.get(&id).cloned().unwrap_or_default();
        let (mut before, mut after) = (0, 0);
        for digest in own.into_iter().chain(children) {
            self.entries.change(&digest, |entry| {
                if entry.session.id == id && entry.session.last_seen_at < last_seen_at {
                    before += entry.bytes();
                    let mut seen = Session { last_seen_at, ..Session::clone(&entry.session) };
                    seen.came_from(client);
                    entry.session = Arc::new(seen);
                    entry.idle_expires_at = idle_expires_at;
                    after += entry.bytes();
                }
            });
        }
        ledger.bytes = (ledger.bytes + after).saturating_sub(before);
        ledger.evict(&self.entries);
    }

    /// As [`Memory::invalidate`], for a change received from a store.
    pub(in crate::sessions) fn apply_from_store(&self, change: Change) {
        self.ledger().changes += 1;
        self.invalidate(change);
    }

    /// Removes the session of a token, and its children. Where the session is not cached, its
    /// children may be, and nothing tells which they are: then everything is removed.
    pub(in crate::sessions) fn invalidate_session_of(&self, digest: TokenDigest) {
        let session = self.entries.find(&digest, |entry| Some(entry.session.id));
        self.invalidate(Change::Token(digest));
        self.invalidate(session.map_or(Change::Everything, Change::Session));
    }

    /// Removes entries, and rejects inserts of values that were read before. A session takes its
    /// children with it; a token does not, for the change of a session has that of each child.
    pub(in crate::sessions) fn invalidate(&self, change: Change) {
        let mut ledger = self.ledger();
        ledger.invalidations.note(change);
        match change {
            Change::Session(id) => {
                let own = ledger.by_id.get(&id).copied();
                let children = ledger.children.get(&id).cloned().unwrap_or_default();
                for digest in own.into_iter().chain(children) {
                    ledger.remove(&self.entries, &digest);
                }
            }
            Change::Token(digest) => ledger.remove(&self.entries, &digest),
            Change::User(id) => {
                if let Some(user) = ledger.users.remove(&id) {
                    user.drop_all();
                }
            }
            Change::Everything => ledger.clear(&self.entries),
        }
    }

    /// The store is subscribed to. Changes before the subscription may have been missed.
    pub(in crate::sessions) fn subscribed(&self, store: usize) {
        self.invalidate(Change::Everything);
        if let Some(is_subscribed) = self.ledger().is_subscribed.get_mut(store) {
            *is_subscribed = true;
        }
    }

    /// The store answered the probe sent at `asked`: every change acknowledged before was applied.
    pub(in crate::sessions) fn confirmed(&self, store: usize, asked: Duration, now: Duration) {
        self.ledger().count_gap(self.lease.until(), now);
        self.lease.extend(store, asked);
    }

    /// The subscription to the store is lost.
    pub(in crate::sessions) fn unsubscribed(&self, store: usize) {
        self.lease.lose(store);
        if let Some(is_subscribed) = self.ledger().is_subscribed.get_mut(store) {
            *is_subscribed = false;
        }
    }

    /// The number of cached sessions, and an upper bound of their bytes.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        let ledger = self.ledger();
        (ledger.count, ledger.bytes)
    }

    #[cfg(test)]
    pub(super) fn cached_children(&self) -> usize {
        self.ledger().children.values().map(Vec::len).sum()
    }

    #[cfg(test)]
    pub(super) fn eviction_queue_len(&self) -> usize {
        self.ledger().eviction_queue.len()
    }
}

impl Ledger {
    /// Adds the time from the end of the lease to `now`, unless it was added before.
    fn count_gap(&mut self, until: Duration, now: Duration) {
        self.without += now.saturating_sub(until.max(self.counted_until));
        self.counted_until = self.counted_until.max(now);
    }

    /// The cached user; `None` where it differs from what was read, without an invalidation.
    fn user(&mut self, account: &Account) -> Option<Arc<RememberedUser>> {
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

    fn remove(&mut self, entries: &Entries, digest: &TokenDigest) {
        if let Some(entry) = entries.remove(digest) {
            if self.by_id.get(&entry.id()) == Some(digest) {
                self.by_id.remove(&entry.id());
            }
            if entry.child.is_some() {
                self.remove_child(entry.session.id, digest);
            }
            self.note_removed(&entry);
        }
    }

    fn remove_child(&mut self, parent: SessionId, digest: &TokenDigest) {
        let Some(children) = self.children.get_mut(&parent) else { return };
        children.retain(|other| other != digest);
        if children.is_empty() {
            self.children.remove(&parent);
        }
    }

    /// Updates the counts after an entry was removed.
    fn note_removed(&mut self, entry: &Entry) {
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

    fn clear(&mut self, entries: &Entries) {
        entries.clear();
        self.by_id = HashMap::new();
        self.children = HashMap::new();
        self.users = HashMap::new();
        self.eviction_queue = VecDeque::new();
        (self.count, self.bytes) = (0, 0);
    }

    /// Evicts entries that were not used since the last pass, the oldest first.
    fn evict(&mut self, entries: &Entries) {
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
