//! The latest activity of people's sessions, written or not. What is written of a session is up to
//! a minute old; a sign-in beyond the limit must not end the session that was used a moment ago.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::accounts::UserId;
use crate::clock::unix_milliseconds;
use crate::sessions::{Client, Session, SessionId, Start};

const SHARDS: usize = 16;
/// How many sessions one shard notes at most.
const MOST: usize = 2048;
/// Older activity is written by now.
const KEPT: time::Duration = time::Duration::minutes(2);
/// A session is noted at most once in so many milliseconds.
const TICK: i64 = 20;
/// How many marks say which sessions were noted within this tick.
const MARKS: usize = 4096;

#[derive(Debug)]
struct Activity {
    user: UserId,
    at: OffsetDateTime,
    client: Client,
}

type Shard = HashMap<SessionId, Activity>;

/// Bounded: beyond that it forgets, and what is written decides.
#[derive(Debug)]
pub(in crate::sessions) struct RecentActivity {
    /// A request that finds its mark takes no lock.
    marks: Box<[AtomicU64]>,
    /// By the user.
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
    /// Whether nothing was noted of this session within the present tick. Anonymous sessions are
    /// never news: no limit counts them.
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
            shard.retain(|_, activity| now - activity.at < KEPT);
            if shard.len() >= MOST {
                shard.clear();
            }
        }
        shard.insert(session.id, Activity { user, at: now, client });
    }

    /// When the sessions of a user were last active, as far as that is noted.
    pub(in crate::sessions) fn of_user(&self, user: UserId) -> Vec<(SessionId, OffsetDateTime)> {
        let shard = self.shard(user);
        let own = shard.iter().filter(|(_, activity)| activity.user == user);
        own.map(|(id, activity)| (*id, activity.at)).collect()
    }

    /// Adds to what was read of a session the activity that is noted.
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
    /// When a session was last seen, written or not, where `written` is what the store has.
    #[must_use]
    pub fn last_seen(&self, id: SessionId, written: OffsetDateTime) -> OffsetDateTime {
        let unwritten = self.unwritten.iter().filter(|(seen, _)| *seen == id).map(|(_, at)| *at);
        unwritten.fold(written, OffsetDateTime::max)
    }
}
