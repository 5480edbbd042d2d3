//! The live sessions and their indexes.

use std::iter;

use hashbrown::HashTable;
use slab::Slab;
use time::OffsetDateTime;
use uuid::Uuid;

use super::interned::{Agents, Users};
use super::live_session::{Compartments, LiveSession};
use super::sorted::{RowKey, SortedIndex};
use crate::accounts::{Epoch, Proof, UserId};
use crate::clock::unix_milliseconds;
use crate::sessions::{
    Client, Compartment, Counted, Cutoffs, Ended, Kept, Session, SessionId, TimeoutRule,
    TokenDigest,
};

/// Sorts by time, then by id.
type ByTime = (i64, SessionId);
/// Sorts by user, creation time and id.
type ByUser = (UserId, i64, SessionId);

/// Sessions of one kind under one timeout rule share a lane, sorted by last activity.
const LANES: usize = 2 * TimeoutRule::ALL.len();

fn lane_of(row: &LiveSession) -> usize {
    let kind = if row.is_anonymous() { 0 } else { TimeoutRule::ALL.len() };
    kind + usize::from(row.rule.number())
}

/// A digest is uniformly distributed, so eight of its bytes are a hash.
fn hash_of(digest: &TokenDigest) -> u64 {
    digest.as_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes)
}

/// A session that was removed from the live ones.
pub(super) struct Removed {
    pub(super) id: SessionId,
    pub(super) digest: TokenDigest,
    /// `None`: it was anonymous.
    pub(super) user: Option<UserId>,
    pub(super) data: Compartments,
}

/// The live sessions. Each row is in every index that applies to it.
#[derive(Default)]
pub(super) struct LiveRows {
    rows: Slab<LiveSession>,
    users: Users,
    agents: Agents,
    by_digest: HashTable<RowKey>,
    by_id: SortedIndex<SessionId>,
    by_user: SortedIndex<ByUser>,
    by_activity: [SortedIndex<ByTime>; LANES],
    by_expiry: SortedIndex<ByTime>,
    /// The number of sessions in each lane.
    counts: [usize; LANES],
}

fn id_at(rows: &Slab<LiveSession>, key: RowKey) -> SessionId {
    rows.get(key.in_slab()).map_or(SessionId::from_uuid(Uuid::nil()), |row| row.id)
}

fn activity_at(rows: &Slab<LiveSession>, key: RowKey) -> ByTime {
    (rows.get(key.in_slab()).map_or(0, |row| row.last_seen_at), id_at(rows, key))
}

fn expiry_at(rows: &Slab<LiveSession>, key: RowKey) -> ByTime {
    (rows.get(key.in_slab()).map_or(0, |row| row.expires_at), id_at(rows, key))
}

fn of_user_at(rows: &Slab<LiveSession>, users: &Users, key: RowKey) -> ByUser {
    let row = rows.get(key.in_slab());
    let user = row.and_then(LiveSession::user).map(|number| users.get(number).0);
    let user = user.unwrap_or(UserId::from_uuid(Uuid::nil()));
    (user, row.map_or(0, |row| row.created_at), id_at(rows, key))
}

impl LiveRows {
    pub(super) fn len(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Costs the same for any number of sessions.
    pub(super) fn count(&self) -> Counted {
        let of = |lanes: &[usize]| u64::try_from(lanes.iter().sum::<usize>()).unwrap_or(u64::MAX);
        let (anonymous, users) = self.counts.split_at(TimeoutRule::ALL.len());
        Counted { users: of(users), anonymous: of(anonymous) }
    }

    fn key(&self, id: SessionId) -> Option<RowKey> {
        self.by_id.find(id, |key| id_at(&self.rows, key))
    }

    pub(super) fn row(&self, id: SessionId) -> Option<&LiveSession> {
        self.rows.get(self.key(id)?.in_slab())
    }

    pub(super) fn row_of(&self, digest: &TokenDigest) -> Option<&LiveSession> {
        let is_it =
            |key: &RowKey| self.rows.get(key.in_slab()).is_some_and(|row| row.digest == *digest);
        self.rows.get(self.by_digest.find(hash_of(digest), is_it)?.in_slab())
    }

    /// The session of a row.
    pub(super) fn session(&self, row: &LiveSession) -> Session {
        row.session(&self.users, &self.agents)
    }

    /// The session without its clients: enough for the timeouts.
    pub(super) fn without_clients(&self, row: &LiveSession) -> Session {
        row.without_clients(&self.users)
    }

    /// The user of a row; `None` if anonymous.
    pub(super) fn user(&self, row: &LiveSession) -> Option<UserId> {
        row.user().map(|number| self.users.get(number).0)
    }

    /// The epoch of a user, which is the epoch of all its live sessions.
    pub(super) fn epoch(&self, user: UserId) -> Option<Epoch> {
        self.users.epoch(user)
    }

    /// Sets the epoch of a user. The caller ends the sessions of earlier epochs first.
    pub(super) fn set_epoch(&mut self, user: UserId, epoch: Epoch) {
        self.users.set(user, epoch);
    }

    /// The sessions of a user, oldest first.
    pub(super) fn of_user(&self, user: UserId) -> impl Iterator<Item = &LiveSession> {
        let from = (user, i64::MIN, SessionId::from_uuid(Uuid::nil()));
        self.by_user
            .from(from, |key| of_user_at(&self.rows, &self.users, key))
            .take_while(move |key| of_user_at(&self.rows, &self.users, *key).0 == user)
            .filter_map(|key| self.rows.get(key.in_slab()))
    }

    /// The rows with ids above `after`, ascending.
    pub(super) fn after(&self, after: Option<SessionId>) -> impl Iterator<Item = &LiveSession> {
        let from = after.unwrap_or(SessionId::from_uuid(Uuid::nil()));
        let keys = self.by_id.from(from, |key| id_at(&self.rows, key));
        let rows = keys.filter_map(|key| self.rows.get(key.in_slab()));
        rows.skip_while(move |row| Some(row.id) == after)
    }

    /// The rows with ids below `before`, descending.
    pub(super) fn before(&self, before: Option<SessionId>) -> impl Iterator<Item = &LiveSession> {
        let keys = self.by_id.back_from(before, |key| id_at(&self.rows, key));
        keys.filter_map(|key| self.rows.get(key.in_slab()))
    }

    /// A session past a timeout. Only the first of each index can be one: all others go idle or
    /// expire later.
    pub(super) fn first_timed_out(&self, cutoffs: &Cutoffs) -> Option<(SessionId, Ended)> {
        let orders = self.by_activity.iter().chain(iter::once(&self.by_expiry));
        orders.filter_map(SortedIndex::first).find_map(|key| {
            let row = self.rows.get(key.in_slab())?;
            Some((row.id, cutoffs.ended(&self.without_clients(row))?))
        })
    }

    /// The anonymous session that has been idle longest.
    pub(super) fn idlest_anonymous(&self) -> Option<SessionId> {
        let lanes = self.by_activity.iter().take(TimeoutRule::ALL.len());
        let firsts = lanes.filter_map(SortedIndex::first).map(|key| activity_at(&self.rows, key));
        firsts.min().map(|(_, id)| id)
    }

    /// Adds a session with an unused id and digest.
    pub(super) fn insert(&mut self, session: &Session, digest: TokenDigest, data: Compartments) {
        let mut row = LiveSession::new(session, digest, &mut self.users, &mut self.agents);
        row.data = data;
        let (lane, is_anonymous) = (lane_of(&row), row.is_anonymous());
        let key = RowKey::of(self.rows.insert(row));
        let Self { rows, users, .. } = self;
        let digest_at =
            |key: &RowKey| rows.get(key.in_slab()).map_or(0, |row| hash_of(&row.digest));
        self.by_digest.insert_unique(hash_of(&digest), key, digest_at);
        self.by_id.insert(session.id, key, |other| id_at(rows, other));
        if !is_anonymous {
            let sort_key = |other| of_user_at(rows, users, other);
            self.by_user.insert(sort_key(key), key, sort_key);
        }
        let seen = activity_at(rows, key);
        self.by_activity[lane].insert(seen, key, |other| activity_at(rows, other));
        self.by_expiry.insert(expiry_at(rows, key), key, |other| expiry_at(rows, other));
        self.counts[lane] += 1;
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Removed> {
        let key = self.key(id)?;
        let Self { rows, users, .. } = self;
        let row = rows.get(key.in_slab())?;
        let (lane, digest) = (lane_of(row), row.digest);
        let user = row.user().map(|number| users.get(number).0);
        if let Ok(entry) = self.by_digest.find_entry(hash_of(&digest), |other| *other == key) {
            entry.remove();
        }
        self.by_id.remove(id, key, |other| id_at(rows, other));
        if user.is_some() {
            let sort_key = |other| of_user_at(rows, users, other);
            self.by_user.remove(sort_key(key), key, sort_key);
        }
        let seen = activity_at(rows, key);
        self.by_activity[lane].remove(seen, key, |other| activity_at(rows, other));
        self.by_expiry.remove(expiry_at(rows, key), key, |other| expiry_at(rows, other));
        self.counts[lane] -= 1;
        let row = self.rows.try_remove(key.in_slab())?;
        row.agents().for_each(|agent| self.agents.release(agent));
        Some(Removed { id, digest, user, data: row.data })
    }

    /// Moves the activity of a session forward, never back.
    pub(super) fn touch(&mut self, id: SessionId, at: OffsetDateTime, client: &Client) {
        let at = unix_milliseconds(at);
        let Some(key) = self.key(id) else { return };
        let Self { rows, agents, by_activity, .. } = self;
        let Some(row) = rows.get(key.in_slab()).filter(|row| row.last_seen_at < at) else { return };
        let lane = &mut by_activity[lane_of(row)];
        lane.remove((row.last_seen_at, id), key, |other| activity_at(rows, other));
        // The sort key may only change while the row is not in that index.
        if let Some(row) = rows.get_mut(key.in_slab()) {
            row.last_seen_at = at;
            row.set_last_client(client, agents);
        }
        lane.insert((at, id), key, |other| activity_at(rows, other));
    }

    /// Replaces the digest of a session and returns the old one.
    pub(super) fn rekey(&mut self, id: SessionId, to: TokenDigest) -> Option<TokenDigest> {
        let key = self.key(id)?;
        let from = self.rows.get(key.in_slab())?.digest;
        if let Ok(entry) = self.by_digest.find_entry(hash_of(&from), |other| *other == key) {
            entry.remove();
        }
        self.rows.get_mut(key.in_slab())?.digest = to;
        let rows = &self.rows;
        let digest_at =
            |key: &RowKey| rows.get(key.in_slab()).map_or(0, |row| hash_of(&row.digest));
        self.by_digest.insert_unique(hash_of(&to), key, digest_at);
        Some(from)
    }

    pub(super) fn prove(&mut self, id: SessionId, proof: Proof, at: OffsetDateTime) {
        if let Some(key) = self.key(id)
            && let Some(row) = self.rows.get_mut(key.in_slab())
        {
            row.prove(proof, unix_milliseconds(at));
        }
    }

    pub(super) fn data(&self, id: SessionId, compartment: Compartment) -> Option<Kept> {
        self.row(id).map(|row| row.data.get(compartment))
    }

    pub(super) fn data_mut(&mut self, id: SessionId) -> Option<&mut Compartments> {
        let key = self.key(id)?;
        self.rows.get_mut(key.in_slab()).map(|row| &mut row.data)
    }

    #[cfg(test)]
    pub(super) fn index_lengths(&self) -> [usize; 7] {
        let active = self.by_activity.iter().map(SortedIndex::len).sum();
        let anonymous = self.after(None).filter(|row| row.is_anonymous()).count();
        let users = self.by_user.len() + anonymous;
        let moved: usize = self.after(None).map(|row| row.agents().count() - 1).sum();
        let agents = self.agents.references() as usize - moved;
        let (digests, expiring) = (self.by_digest.len(), self.by_expiry.len());
        [self.len(), digests, users, active, expiring, self.by_id.len(), agents]
    }
}
