//! The cache: insert, find, invalidate. Has no store and no clock: callers pass the time, so that
//! tests are repeatable.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::Change;
use super::entries::{Entries, Entry, Presented};
use super::invalidations::Ticket;
use super::lease::{Lease, LeaseState};
use super::ledger::Ledger;
use super::remembered::{Fill, Remembered, RememberedAccessToken, RememberedChild};
use crate::sessions::{Client, Origin, Session, SessionId, TokenDigest};

/// The cache of one server.
#[derive(Debug)]
pub(in crate::sessions) struct Memory {
    lease: Lease,
    entries: Entries,
    /// How often everything was invalidated.
    cleared: AtomicU64,
    /// Locked by inserts and invalidations, not by lookups.
    ledger: Mutex<Ledger>,
}

impl Memory {
    /// A cache over this number of stores that have to confirm.
    pub(in crate::sessions) fn of(stores: usize, started: Duration) -> Self {
        let ledger = Ledger::of(stores, started);
        Self {
            lease: Lease::of(stores),
            entries: Entries::new(),
            cleared: AtomicU64::new(0),
            ledger: Mutex::new(ledger),
        }
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
            let Presented::Token = entry.presented else { return None };
            Some(Remembered { session: Arc::clone(&entry.session), user: entry.user() })
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
            let Presented::Child(child) = &entry.presented else { return None };
            if child.origin != *origin {
                return None;
            }
            let session = Arc::clone(&entry.session);
            Some(RememberedChild { child: Arc::clone(child), session, user: entry.user() })
        })
    }

    /// As [`Memory::find`], for the access token of this digest.
    pub(in crate::sessions) fn find_access_token(
        &self,
        digest: &TokenDigest,
        now: Duration,
        wall: OffsetDateTime,
    ) -> Option<RememberedAccessToken> {
        self.find_entry(digest, now, wall, |entry| {
            let Presented::AccessToken(token, _) = &entry.presented else { return None };
            if wall >= token.expires_at {
                return None;
            }
            let session = Arc::clone(&entry.session);
            Some(RememberedAccessToken { token: Arc::clone(token), session, user: entry.user() })
        })
    }

    /// A number that stays the same under a lease until everything is invalidated, which every
    /// change that is no session and no user does. `None`: nothing may be remembered now.
    pub(in crate::sessions) fn version(&self, now: Duration) -> Option<u64> {
        // In this order: a number that is read under a lease is as new as the lease.
        self.lease.is_held(now).then(|| self.cleared.load(Ordering::Acquire))
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

    /// Caches a session that was read after `ticket` was taken, unless it or what presents it was
    /// invalidated since.
    pub(in crate::sessions) fn insert(&self, ticket: Ticket, fill: &Fill<'_>) {
        let Fill { digest, presented, session, idle_expires_at, account } = *fill;
        let mut ledger = self.ledger();
        let mut parts = vec![Change::Session(session.id), Change::Token(digest)];
        parts.extend(presented.id().map(Change::Session));
        parts.extend(presented.session_token().map(Change::Token));
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
            presented: presented.clone(),
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
        if let Some(oldest) = ledger.surplus_of(session.id).filter(|_| presented.id().is_some()) {
            ledger.remove(&self.entries, &oldest);
        }
        ledger.list(&entry);
        ledger.eviction_queue.push_back(digest);
        if let Some(before) = self.entries.insert(entry) {
            ledger.note_removed(&before);
        }
        ledger.evict(&self.entries);
    }

    /// Updates the activity of a cached session, also under its children and access tokens, and
    /// nothing else: a cached entry may be newer than the caller's copy.
    pub(in crate::sessions) fn see(
        &self,
        id: SessionId,
        last_seen_at: OffsetDateTime,
        client: &Client,
        idle_expires_at: OffsetDateTime,
    ) {
        let mut ledger = self.ledger();
        let (mut before, mut after) = (0, 0);
        for digest in ledger.of_session(id) {
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

    /// Removes the session of a token, its children and its access tokens. Where the session is not
    /// cached, they may be, and nothing tells which they are: then everything is removed.
    pub(in crate::sessions) fn invalidate_session_of(&self, digest: TokenDigest) {
        let session = self.entries.find(&digest, |entry| Some(entry.session.id));
        self.invalidate(Change::Token(digest));
        self.invalidate(session.map_or(Change::Everything, Change::Session));
    }

    /// Removes entries, and rejects inserts of values that were read before. A session takes its
    /// children and access tokens with it. Its token takes the access tokens with it, and not the
    /// children, for the change of a session has that of each child.
    pub(in crate::sessions) fn invalidate(&self, change: Change) {
        let mut ledger = self.ledger();
        ledger.invalidations.note(change);
        match change {
            Change::Session(id) => {
                for digest in ledger.of_session(id) {
                    ledger.remove(&self.entries, &digest);
                }
            }
            Change::Token(digest) => {
                for digest in ledger.of_token(digest) {
                    ledger.remove(&self.entries, &digest);
                }
            }
            Change::User(id) => {
                if let Some(user) = ledger.users.remove(&id) {
                    user.drop_all();
                }
            }
            Change::Everything => {
                self.cleared.fetch_add(1, Ordering::AcqRel);
                ledger.clear(&self.entries);
            }
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
    pub(super) fn cached_views(&self) -> usize {
        self.ledger().views.values().map(Vec::len).sum()
    }

    #[cfg(test)]
    pub(super) fn eviction_queue_len(&self) -> usize {
        self.ledger().eviction_queue.len()
    }
}
