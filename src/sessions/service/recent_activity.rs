//! The latest activity of users' sessions, written or not.
//!
//! Written activity is up to a minute old. A sign-in beyond the limit must not evict a session that
//! was used since.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::accounts::UserId;
use crate::clock::unix_milliseconds;
use crate::sessions::{Client, Session, SessionId, Start};

const SHARDS: usize = 16;
/// The most sessions in one shard.
const MOST: usize = 2048;
/// Activity older than this has been written.
const MAX_AGE: time::Duration = time::Duration::minutes(2);
/// A session is noted at most once in this many milliseconds.
const TICK: i64 = 20;
/// The number of marks for sessions noted within the current tick.
const MARKS: usize = 4096;

#[derive(Debug)]
struct Activity {
    user: UserId,
    at: OffsetDateTime,
    client: Client,
}

type Shard = HashMap<SessionId, Activity>;

/// Bounded: activity beyond the bound is dropped, and written activity decides.
#[derive(Debug)]
pub(in crate::sessions) struct RecentActivity {
    /// A request that finds its mark set takes no lock.
    marks: Box<[AtomicU64]>,
    /// Sharded by user.
    shards: Box<[Mutex<Shard>]>,
    hashing: RandomState,
}

impl Default for RecentActivity {
    fn default() -> Self {
        Self {
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashing: RandomState::new(),
        }
    }
}

impl RecentActivity {
    /// Whether this session was not noted within the current tick. `false` for anonymous sessions,
    /// which no limit counts.
    pub(in crate::sessions) fn is_news(&self, session: &Session, now: OffsetDateTime) -> bool {
        if session.owner.user().is_none() {
            return false;
        }
        let hash = self.hashing.hash_one(session.id);
        let tick = (unix_milliseconds(now) / TICK).cast_unsigned();
        let mark = (hash << 32) | (tick & u64::from(u32::MAX));
        let place = usize::try_from(hash >> 32).unwrap_or(0) % MARKS;
        self.marks[place].swap(mark, Ordering::Relaxed) != mark
    }

    /// Notes that `session` was active at `now`.
    pub(in crate::sessions) fn note(&self, session: &Session, now: OffsetDateTime, client: Client) {
        let Some(user) = session.owner.user() else { return };
        let mut shard = self.shard(user);
        if shard.len() >= MOST && !shard.contains_key(&session.id) {
            shard.retain(|_, activity| now - activity.at < MAX_AGE);
            if shard.len() >= MOST {
                shard.clear();
            }
        }
        shard.insert(session.id, Activity { user, at: now, client });
    }

    /// The last noted activity of a user's sessions.
    pub(in crate::sessions) fn of_user(&self, user: UserId) -> Vec<(SessionId, OffsetDateTime)> {
        let shard = self.shard(user);
        let own = shard.iter().filter(|(_, activity)| activity.user == user);
        own.map(|(id, activity)| (*id, activity.at)).collect()
    }

    /// Adds noted activity to a session that was read from the store.
    pub(in crate::sessions) fn add_to(&self, session: &mut Session) {
        let Some(user) = session.owner.user() else { return };
        if let Some(activity) = self.shard(user).get(&session.id)
            && session.last_seen_at <= activity.at
        {
            session.came_from(&activity.client);
        }
    }

    fn shard(&self, user: UserId) -> MutexGuard<'_, Shard> {
        let place = usize::try_from(self.hashing.hash_one(user) % SHARDS as u64).unwrap_or(0);
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Start {
    /// When a session was last seen, with unwritten activity. `written` is the value in the store.
    #[must_use]
    pub fn last_seen(&self, id: SessionId, written: OffsetDateTime) -> OffsetDateTime {
        let unwritten = self.unwritten.iter().filter(|(seen, _)| *seen == id).map(|(_, at)| *at);
        unwritten.fold(written, OffsetDateTime::max)
    }
}
