//! The live sessions and the orders in which they are looked up.

use std::iter;

use hashbrown::HashTable;
use time::OffsetDateTime;
use uuid::Uuid;

use super::names::{Agents, Users};
use super::order::Order;
use super::row::{Compartments, Row};
use super::slab::{Place, Slab};
use crate::accounts::{Epoch, UserId};
use crate::clock::unix_milliseconds;
use crate::sessions::{
    Client, Compartment, Counted, Cutoffs, Ended, Kept, Session, SessionId, TimeoutRule,
    TokenDigest,
};

/// An instant and whose it is: sorts by time, and tells apart what happened at once.
type Moment = (i64, SessionId);
/// Whose, since when, and which.
type OfUser = (UserId, i64, SessionId);

/// Sessions of one kind under one rule stand in one lane, in the order in which they go idle.
const LANES: usize = 2 * TimeoutRule::ALL.len();

fn lane_of(row: &Row) -> usize {
    let kind = if row.is_anonymous() { 0 } else { TimeoutRule::ALL.len() };
    kind + usize::from(row.rule.number())
}

/// A digest is as good as chance already.
fn hash_of(digest: &TokenDigest) -> u64 {
    digest.as_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes)
}

/// What is left of a session that was live.
pub(super) struct Removed {
    pub(super) id: SessionId,
    pub(super) digest: TokenDigest,
    /// `None`: it was anonymous.
    pub(super) user: Option<UserId>,
    pub(super) data: Compartments,
}

/// The live sessions. Each row is in every order that concerns it, and nothing else is in any.
#[derive(Default)]
pub(super) struct LiveRows {
    rows: Slab<Row>,
    users: Users,
    agents: Agents,
    by_digest: HashTable<Place>,
    by_id: Order<SessionId>,
    by_user: Order<OfUser>,
    by_activity: [Order<Moment>; LANES],
    by_expiry: Order<Moment>,
    /// Of each lane.
    counts: [usize; LANES],
}

fn id_at(rows: &Slab<Row>, place: Place) -> SessionId {
    rows.get(place).map_or(SessionId::from_uuid(Uuid::nil()), |row| row.id)
}

fn activity_at(rows: &Slab<Row>, place: Place) -> Moment {
    (rows.get(place).map_or(0, |row| row.last_seen_at), id_at(rows, place))
}

fn expiry_at(rows: &Slab<Row>, place: Place) -> Moment {
    (rows.get(place).map_or(0, |row| row.expires_at), id_at(rows, place))
}

fn of_user_at((rows, users): (&Slab<Row>, &Users), place: Place) -> OfUser {
    let row = rows.get(place);
    let user = row.and_then(Row::user).map(|number| users.get(number).0);
    let user = user.unwrap_or(UserId::from_uuid(Uuid::nil()));
    (user, row.map_or(0, |row| row.created_at), id_at(rows, place))
}

impl LiveRows {
    pub(super) fn len(&self) -> usize {
        self.counts.iter().sum()
    }

    /// At no cost, whatever there is.
    pub(super) fn count(&self) -> Counted {
        let of = |lanes: &[usize]| u64::try_from(lanes.iter().sum::<usize>()).unwrap_or(u64::MAX);
        let (anonymous, users) = self.counts.split_at(TimeoutRule::ALL.len());
        Counted { users: of(users), anonymous: of(anonymous) }
    }

    fn place(&self, id: SessionId) -> Option<Place> {
        self.by_id.find(id, |place| id_at(&self.rows, place))
    }

    pub(super) fn row(&self, id: SessionId) -> Option<&Row> {
        self.rows.get(self.place(id)?)
    }

    pub(super) fn row_of(&self, digest: &TokenDigest) -> Option<&Row> {
        let is_it = |place: &Place| self.rows.get(*place).is_some_and(|row| row.digest == *digest);
        self.rows.get(*self.by_digest.find(hash_of(digest), is_it)?)
    }

    /// The session of a row.
    pub(super) fn session(&self, row: &Row) -> Session {
        row.session(&self.users, &self.agents)
    }

    /// The same without where it came from, for whoever only judges it.
    pub(super) fn judged(&self, row: &Row) -> Session {
        row.judged(&self.users)
    }

    /// Whose it is, unless anonymous.
    pub(super) fn user(&self, row: &Row) -> Option<UserId> {
        row.user().map(|number| self.users.get(number).0)
    }

    /// The copy of a user's epoch. Every live session of that user is under it.
    pub(super) fn epoch(&self, user: UserId) -> Option<Epoch> {
        self.users.epoch(user)
    }

    /// Gives a user another epoch; the sessions that are not to go on under it end before.
    pub(super) fn set_epoch(&mut self, user: UserId, epoch: Epoch) {
        self.users.set(user, epoch);
    }

    /// The sessions of a user, oldest first.
    pub(super) fn of_user(&self, user: UserId) -> impl Iterator<Item = &Row> {
        let parts = (&self.rows, &self.users);
        let from = (user, i64::MIN, SessionId::from_uuid(Uuid::nil()));
        self.by_user
            .from(from, move |place| of_user_at(parts, place))
            .take_while(move |place| of_user_at(parts, *place).0 == user)
            .filter_map(|place| self.rows.get(place))
    }

    /// Those after `after`, in the order of their ids.
    pub(super) fn after(&self, after: Option<SessionId>) -> impl Iterator<Item = &Row> {
        let from = after.unwrap_or(SessionId::from_uuid(Uuid::nil()));
        let places = self.by_id.from(from, |place| id_at(&self.rows, place));
        let rows = places.filter_map(|place| self.rows.get(place));
        rows.skip_while(move |row| Some(row.id) == after)
    }

    /// Those before `before`, from the highest id to the lowest.
    pub(super) fn before(&self, before: Option<SessionId>) -> impl Iterator<Item = &Row> {
        let places = self.by_id.back_from(before, |place| id_at(&self.rows, place));
        places.filter_map(|place| self.rows.get(place))
    }

    /// One that the timeouts have ended, if there is any. It stands at the front of an order:
    /// whoever is behind goes idle or expires later.
    pub(super) fn first_timed_out(&self, cutoffs: &Cutoffs) -> Option<(SessionId, Ended)> {
        let orders = self.by_activity.iter().chain(iter::once(&self.by_expiry));
        orders.filter_map(Order::first).find_map(|place| {
            let row = self.rows.get(place)?;
            Some((row.id, cutoffs.ended(&self.judged(row))?))
        })
    }

    /// The anonymous session that was idle longest.
    pub(super) fn idlest_anonymous(&self) -> Option<SessionId> {
        let lanes = self.by_activity.iter().take(TimeoutRule::ALL.len());
        let firsts = lanes.filter_map(Order::first).map(|place| activity_at(&self.rows, place));
        firsts.min().map(|(_, id)| id)
    }

    /// Adds a session whose id and digest nobody has.
    pub(super) fn insert(&mut self, session: &Session, digest: TokenDigest, data: Compartments) {
        let mut row = Row::new(session, digest, (&mut self.users, &mut self.agents));
        row.data = data;
        let (lane, is_anonymous) = (lane_of(&row), row.is_anonymous());
        let place = self.rows.insert(row);
        let Self { rows, users, .. } = self;
        let digest_at = |place: &Place| rows.get(*place).map_or(0, |row| hash_of(&row.digest));
        self.by_digest.insert_unique(hash_of(&digest), place, digest_at);
        self.by_id.insert(session.id, place, |other| id_at(rows, other));
        if !is_anonymous {
            let parts = (&*rows, &*users);
            self.by_user.insert(of_user_at(parts, place), place, |o| of_user_at(parts, o));
        }
        let seen = activity_at(rows, place);
        self.by_activity[lane].insert(seen, place, |other| activity_at(rows, other));
        self.by_expiry.insert(expiry_at(rows, place), place, |other| expiry_at(rows, other));
        self.counts[lane] += 1;
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Removed> {
        let place = self.place(id)?;
        let Self { rows, users, .. } = self;
        let row = rows.get(place)?;
        let (lane, digest) = (lane_of(row), row.digest);
        let user = row.user().map(|number| users.get(number).0);
        if let Ok(entry) = self.by_digest.find_entry(hash_of(&digest), |other| *other == place) {
            entry.remove();
        }
        self.by_id.remove(id, place, |other| id_at(rows, other));
        if user.is_some() {
            let parts = (&*rows, &*users);
            self.by_user.remove(of_user_at(parts, place), place, |o| of_user_at(parts, o));
        }
        let seen = activity_at(rows, place);
        self.by_activity[lane].remove(seen, place, |other| activity_at(rows, other));
        self.by_expiry.remove(expiry_at(rows, place), place, |other| expiry_at(rows, other));
        self.counts[lane] -= 1;
        let row = self.rows.remove(place)?;
        row.agents().for_each(|agent| self.agents.release(agent));
        Some(Removed { id, digest, user, data: row.data })
    }

    /// Moves the activity of a session forward, never back.
    pub(super) fn see(&mut self, id: SessionId, at: OffsetDateTime, client: &Client) {
        let at = unix_milliseconds(at);
        let Some(place) = self.place(id) else { return };
        let Self { rows, agents, by_activity, .. } = self;
        let Some(row) = rows.get(place).filter(|row| row.last_seen_at < at) else { return };
        let lane = &mut by_activity[lane_of(row)];
        lane.remove((row.last_seen_at, id), place, |other| activity_at(rows, other));
        // Its key changes while it is in no place of that order.
        if let Some(row) = rows.get_mut(place) {
            row.last_seen_at = at;
            row.came_from(client, agents);
        }
        lane.insert((at, id), place, |other| activity_at(rows, other));
    }

    /// Gives a session another digest, and says which one it had.
    pub(super) fn rekey(&mut self, id: SessionId, to: TokenDigest) -> Option<TokenDigest> {
        let place = self.place(id)?;
        let from = self.rows.get(place)?.digest;
        if let Ok(entry) = self.by_digest.find_entry(hash_of(&from), |other| *other == place) {
            entry.remove();
        }
        self.rows.get_mut(place)?.digest = to;
        let rows = &self.rows;
        let digest_at = |place: &Place| rows.get(*place).map_or(0, |row| hash_of(&row.digest));
        self.by_digest.insert_unique(hash_of(&to), place, digest_at);
        Some(from)
    }

    pub(super) fn authenticate(&mut self, id: SessionId, at: OffsetDateTime) {
        if let Some(place) = self.place(id)
            && let Some(row) = self.rows.get_mut(place)
        {
            row.authenticate(unix_milliseconds(at));
        }
    }

    pub(super) fn data(&self, id: SessionId, compartment: Compartment) -> Option<Kept> {
        self.row(id).map(|row| row.data.get(compartment))
    }

    pub(super) fn data_mut(&mut self, id: SessionId) -> Option<&mut Compartments> {
        let place = self.place(id)?;
        self.rows.get_mut(place).map(|row| &mut row.data)
    }

    #[cfg(test)]
    pub(super) fn order_lengths(&self) -> [usize; 7] {
        let active = self.by_activity.iter().map(Order::len).sum();
        let anonymous = self.after(None).filter(|row| row.is_anonymous()).count();
        let users = self.by_user.len() + anonymous;
        let moved: usize = self.after(None).map(|row| row.agents().count() - 1).sum();
        let agents = self.agents.held() as usize - moved;
        let (digests, expiring) = (self.by_digest.len(), self.by_expiry.len());
        [self.len(), digests, users, active, expiring, self.by_id.len(), agents]
    }
}
