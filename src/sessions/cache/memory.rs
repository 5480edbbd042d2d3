//! What is remembered and what is dropped. Knows no store and no clock: callers bring the time,
//! which makes every run of it repeatable.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::Change;
use super::entries::{Entries, Entry, RememberedUser};
use super::invalidations::{Drops, Ticket};
use super::lease::{Lease, LeaseState};
use crate::accounts::{Account, User, UserId};
use crate::sessions::{Client, Session, SessionId, TokenDigest};

/// How many sessions are remembered, and how many bytes that may take.
pub(super) const MOST_ENTRIES: usize = 100_000;
pub(super) const MOST_BYTES: usize = 32 * 1024 * 1024;

/// A live session, and whose it is.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The session.
    pub session: Arc<Session>,
    /// The person; `None` for an anonymous session.
    pub user: Option<Arc<User>>,
}

/// What this server remembers.
#[derive(Debug)]
pub(in crate::sessions) struct Memory {
    lease: Lease,
    entries: Entries,
    /// Only whoever remembers or drops something takes it.
    ledger: Mutex<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    drops: Drops,
    /// Of each store, whether it tells what changes.
    tells: Box<[bool]>,
    by_id: HashMap<SessionId, TokenDigest>,
    users: HashMap<UserId, Arc<RememberedUser>>,
    /// Who has to make room next; some of them are gone.
    turns: VecDeque<TokenDigest>,
    count: usize,
    bytes: usize,
    /// For how long there was no lease, up to `counted_until`.
    without: Duration,
    counted_until: Duration,
    /// How many changes the stores have told.
    changes: u64,
}

impl Memory {
    /// For so many stores that have to vouch.
    pub(in crate::sessions) fn of(stores: usize, started: Duration) -> Self {
        let ledger = Ledger {
            drops: Drops::new(),
            tells: vec![false; stores].into_boxed_slice(),
            by_id: HashMap::new(),
            users: HashMap::new(),
            turns: VecDeque::new(),
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

    /// How the lease stands at `now`, of the clock of leases.
    pub(in crate::sessions) fn lease(&self, now: Duration) -> LeaseState {
        let mut ledger = self.ledger();
        ledger.count_gap(self.lease.until(), now);
        let left = self.lease.until().saturating_sub(now);
        LeaseState { left, without: ledger.without, changes: ledger.changes }
    }

    /// The session of this token, if it is remembered, a lease is held at `now`, and its timeouts
    /// have not ended it by `wall`.
    pub(in crate::sessions) fn find(
        &self,
        digest: &TokenDigest,
        now: Duration,
        wall: OffsetDateTime,
    ) -> Option<Remembered> {
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
            let user = entry.user.as_ref().map(|user| Arc::clone(&user.user));
            Some(Remembered { session: Arc::clone(&entry.session), user })
        })
    }

    /// By which token this session is remembered, if it is.
    pub(in crate::sessions) fn digest(&self, id: SessionId) -> Option<TokenDigest> {
        self.ledger().by_id.get(&id).copied()
    }

    /// For what is about to be read at `now`; `None` while some store does not tell what changes.
    pub(in crate::sessions) fn ticket(&self, now: Duration) -> Option<Ticket> {
        let ledger = self.ledger();
        let all_tell = !ledger.tells.is_empty() && ledger.tells.iter().all(|tells| *tells);
        all_tell.then(|| ledger.drops.ticket(now))
    }

    /// Remembers what was read after `ticket` was taken, unless it was dropped since. `account` is
    /// that of the session's user, under whose present epoch the session is live.
    pub(in crate::sessions) fn remember(
        &self,
        ticket: Ticket,
        digest: TokenDigest,
        (session, idle_expires_at): (&Arc<Session>, OffsetDateTime),
        account: Option<&Account>,
    ) {
        let mut ledger = self.ledger();
        let mut parts = vec![Change::Session(session.id), Change::Token(digest)];
        parts.extend(account.map(|account| Change::User(account.user.id)));
        if !ledger.drops.allow(ticket, &parts) {
            return;
        }
        let user = match account.map(|account| ledger.user(account)) {
            None => None,
            Some(Some(user)) => Some(user),
            Some(None) => return,
        };
        let entry = Entry {
            digest,
            session: Arc::clone(session),
            user,
            idle_expires_at,
            read_at: ticket.at,
            is_used: AtomicBool::new(false),
        };
        ledger.count += 1;
        ledger.bytes += entry.bytes();
        // Under another token by now: of the one before nobody would be told by the session's id.
        if let Some(before) = ledger.by_id.insert(session.id, digest)
            && before != digest
        {
            ledger.remove(&self.entries, &before);
        }
        ledger.turns.push_back(digest);
        if let Some(before) = self.entries.insert(entry) {
            ledger.let_go(&before);
        }
        ledger.make_room(&self.entries);
    }

    /// The session was seen, which is noted and will be written. Nothing else is believed of whoever
    /// saw it: what is remembered may be newer.
    pub(in crate::sessions) fn see(
        &self,
        id: SessionId,
        (last_seen_at, client): (OffsetDateTime, &Client),
        idle_expires_at: OffsetDateTime,
    ) {
        let mut ledger = self.ledger();
        let Some(digest) = ledger.by_id.get(&id).copied() else { return };
        let (mut before, mut after) = (0, 0);
        self.entries.change(&digest, |entry| {
            if entry.session.id == id && entry.session.last_seen_at < last_seen_at {
                before = entry.bytes();
                let mut seen = Session { last_seen_at, ..Session::clone(&entry.session) };
                seen.came_from(client);
                entry.session = Arc::new(seen);
                entry.idle_expires_at = idle_expires_at;
                after = entry.bytes();
            }
        });
        ledger.bytes = (ledger.bytes + after).saturating_sub(before);
        ledger.make_room(&self.entries);
    }

    /// As [`Memory::forget`], of what a store has told.
    pub(in crate::sessions) fn told(&self, change: Change) {
        self.ledger().changes += 1;
        self.forget(change);
    }

    /// Forgets it, and lets nothing in that was read before.
    pub(in crate::sessions) fn forget(&self, change: Change) {
        let mut ledger = self.ledger();
        ledger.drops.note(change);
        match change {
            Change::Session(id) => {
                if let Some(digest) = ledger.by_id.get(&id).copied() {
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

    /// A store tells what changes from now on. What changed before may have been missed.
    pub(in crate::sessions) fn subscribed(&self, store: usize) {
        self.forget(Change::Everything);
        if let Some(tells) = self.ledger().tells.get_mut(store) {
            *tells = true;
        }
    }

    /// The store was asked at `asked`, and has told everything that was acknowledged before.
    pub(in crate::sessions) fn vouched(&self, store: usize, asked: Duration, now: Duration) {
        self.ledger().count_gap(self.lease.until(), now);
        self.lease.extend(store, asked);
    }

    /// A store does not tell any more what changes.
    pub(in crate::sessions) fn cut(&self, store: usize) {
        self.lease.lose(store);
        if let Some(tells) = self.ledger().tells.get_mut(store) {
            *tells = false;
        }
    }

    /// How many sessions are remembered, and how many bytes that takes at most.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        let ledger = self.ledger();
        (ledger.count, ledger.bytes)
    }

    #[cfg(test)]
    pub(super) fn turns(&self) -> usize {
        self.ledger().turns.len()
    }
}

impl Ledger {
    /// Counts the time from the end of the lease to `now`, unless it was counted before.
    fn count_gap(&mut self, until: Duration, now: Duration) {
        self.without += now.saturating_sub(until.max(self.counted_until));
        self.counted_until = self.counted_until.max(now);
    }

    /// The user as it is remembered; `None` where that is not what was read, though nothing was
    /// said of a change.
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
            if self.by_id.get(&entry.session.id) == Some(digest) {
                self.by_id.remove(&entry.session.id);
            }
            self.let_go(&entry);
        }
    }

    /// What is left of an entry that is out.
    fn let_go(&mut self, entry: &Entry) {
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
        self.users = HashMap::new();
        self.turns = VecDeque::new();
        (self.count, self.bytes) = (0, 0);
    }

    /// Lets those go that were not looked up since their last turn, the oldest first.
    fn make_room(&mut self, entries: &Entries) {
        while self.count > MOST_ENTRIES || self.bytes > MOST_BYTES {
            let Some(digest) = self.turns.pop_front() else { return };
            let was_used =
                entries.find(&digest, |e| Some(e.is_used.swap(false, Ordering::Relaxed)));
            match was_used {
                None => {}
                Some(true) => self.turns.push_back(digest),
                Some(false) => self.remove(entries, &digest),
            }
        }
        // Those that are gone keep their turns; there must not be more and more of them.
        if self.turns.len() > 2 * self.count + 1024 {
            self.turns.retain(|digest| entries.find(digest, |_| Some(())).is_some());
        }
    }
}
