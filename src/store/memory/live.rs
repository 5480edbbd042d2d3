//! The live sessions and the orders in which they are looked up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter;
use std::ops::Bound;

use time::OffsetDateTime;

use crate::accounts::{Epoch, UserId};
use crate::sessions::{
    Compartment, Counted, Cutoffs, Ended, Kept, Owner, Session, SessionId, TimeoutRule, TokenDigest,
};

/// One live session.
pub(super) struct Row {
    pub(super) session: Session,
    pub(super) digest: TokenDigest,
    pub(super) data: Compartments,
}

/// The data of a session; takes no room until something is written.
#[derive(Default)]
pub(super) struct Compartments(Option<Box<[Kept; 2]>>);

impl Compartments {
    pub(super) fn get(&self, compartment: Compartment) -> Kept {
        self.0.as_ref().map(|kept| kept[place_of(compartment)].clone()).unwrap_or_default()
    }

    pub(super) fn version(&self, compartment: Compartment) -> i64 {
        self.0.as_ref().map_or(0, |kept| kept[place_of(compartment)].version)
    }

    /// Writes on top of whatever is there.
    pub(super) fn put(&mut self, compartment: Compartment, data: Vec<u8>) {
        let kept = &mut self.0.get_or_insert_default()[place_of(compartment)];
        kept.version = kept.version.saturating_add(1);
        kept.data = data;
    }
}

fn place_of(compartment: Compartment) -> usize {
    match compartment {
        Compartment::Visitor => 0,
        Compartment::Application => 1,
    }
}

/// An instant and whose it is: sorts by time, and tells apart what happened at once.
type Moment = (OffsetDateTime, SessionId);

/// Sessions of one kind under one rule stand in one lane, in the order in which they go idle.
const LANES: usize = 2 * TimeoutRule::ALL.len();

fn lane_of(session: &Session) -> usize {
    let kind = match session.owner {
        Owner::Anonymous => 0,
        Owner::User { .. } => TimeoutRule::ALL.len(),
    };
    kind + usize::from(session.rule.number())
}

/// The live sessions. Each row is in every order that concerns it, and nothing else is in any.
#[derive(Default)]
pub(super) struct LiveRows {
    rows: BTreeMap<SessionId, Row>,
    by_digest: HashMap<TokenDigest, SessionId>,
    by_user: BTreeSet<(UserId, OffsetDateTime, SessionId)>,
    by_activity: [BTreeSet<Moment>; LANES],
    by_expiry: BTreeSet<Moment>,
}

impl LiveRows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// At no cost: a lane knows its length.
    pub(super) fn count(&self) -> Counted {
        let of = |lanes: &[BTreeSet<Moment>]| lanes.iter().map(BTreeSet::len).sum::<usize>();
        let (anonymous, users) = self.by_activity.split_at(TimeoutRule::ALL.len());
        let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Counted { users: number(of(users)), anonymous: number(of(anonymous)) }
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Row> {
        self.rows.get(&id)
    }

    pub(super) fn by_digest(&self, digest: &TokenDigest) -> Option<&Row> {
        self.rows.get(self.by_digest.get(digest)?)
    }

    /// The sessions of a user, oldest first.
    pub(super) fn of_user(&self, user: UserId) -> impl Iterator<Item = &Row> {
        let first = time::PrimitiveDateTime::MIN.assume_utc();
        self.by_user
            .range((user, first, SessionId::from_uuid(uuid::Uuid::nil()))..)
            .take_while(move |(owner, ..)| *owner == user)
            .filter_map(|(.., id)| self.rows.get(id))
    }

    /// Those after `after`, in the order of their ids.
    pub(super) fn after(&self, after: Option<SessionId>) -> impl Iterator<Item = &Row> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((from, Bound::Unbounded)).map(|(_, row)| row)
    }

    /// One that the timeouts have ended, if there is any. It stands at the front of an order:
    /// whoever is behind goes idle or expires later.
    pub(super) fn first_timed_out(&self, cutoffs: &Cutoffs) -> Option<(SessionId, Ended)> {
        let orders = self.by_activity.iter().chain(iter::once(&self.by_expiry));
        orders.filter_map(BTreeSet::first).find_map(|(_, id)| {
            let ended = cutoffs.ended(&self.rows.get(id)?.session)?;
            Some((*id, ended))
        })
    }

    /// The anonymous session that was idle longest.
    pub(super) fn idlest_anonymous(&self) -> Option<SessionId> {
        let lanes = self.by_activity.iter().take(TimeoutRule::ALL.len());
        lanes.filter_map(BTreeSet::first).min().map(|(_, id)| *id)
    }

    /// Adds a session whose id and digest nobody has.
    pub(super) fn insert(&mut self, row: Row) {
        let session = &row.session;
        self.by_digest.insert(row.digest, session.id);
        if let Some(user) = session.owner.user() {
            self.by_user.insert((user, session.created_at, session.id));
        }
        self.by_activity[lane_of(session)].insert((session.last_seen_at, session.id));
        self.by_expiry.insert((session.expires_at, session.id));
        self.rows.insert(session.id, row);
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Row> {
        let row = self.rows.remove(&id)?;
        let session = &row.session;
        self.by_digest.remove(&row.digest);
        if let Some(user) = session.owner.user() {
            self.by_user.remove(&(user, session.created_at, id));
        }
        self.by_activity[lane_of(session)].remove(&(session.last_seen_at, id));
        self.by_expiry.remove(&(session.expires_at, id));
        Some(row)
    }

    /// Moves the activity of a session forward, never back.
    pub(super) fn see(&mut self, id: SessionId, at: OffsetDateTime) {
        let Some(Row { session, .. }) = self.rows.get_mut(&id) else { return };
        if at <= session.last_seen_at {
            return;
        }
        let lane = &mut self.by_activity[lane_of(session)];
        lane.remove(&(session.last_seen_at, id));
        lane.insert((at, id));
        session.last_seen_at = at;
    }

    /// Gives a session another digest, and says which one it had.
    pub(super) fn rekey(&mut self, id: SessionId, to: TokenDigest) -> Option<TokenDigest> {
        let row = self.rows.get_mut(&id)?;
        let from = std::mem::replace(&mut row.digest, to);
        self.by_digest.remove(&from);
        self.by_digest.insert(to, id);
        Some(from)
    }

    pub(super) fn authenticate(&mut self, id: SessionId, at: OffsetDateTime) {
        if let Some(row) = self.rows.get_mut(&id) {
            row.session.authenticated_at = Some(at);
        }
    }

    pub(super) fn set_epoch(&mut self, id: SessionId, to: Epoch) {
        if let Some(Row { session: Session { owner: Owner::User { epoch, .. }, .. }, .. }) =
            self.rows.get_mut(&id)
        {
            *epoch = to;
        }
    }

    pub(super) fn data_mut(&mut self, id: SessionId) -> Option<&mut Compartments> {
        self.rows.get_mut(&id).map(|row| &mut row.data)
    }

    #[cfg(test)]
    pub(super) fn order_lengths(&self) -> [usize; 5] {
        let active = self.by_activity.iter().map(BTreeSet::len).sum();
        let owned = self.rows.values().filter(|row| row.session.owner.user().is_some()).count();
        let users = self.by_user.len() + self.rows.len() - owned;
        [self.rows.len(), self.by_digest.len(), users, active, self.by_expiry.len()]
    }
}
