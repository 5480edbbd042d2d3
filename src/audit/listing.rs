//! Searches for events by any of their fields, at a bounded cost.
//!
//! The store walks along one index and filters by the other fields. After a limited number of
//! events the walk ends with a cursor, so a search without a match takes no longer than one with
//! matches.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::{Actor, Along, AuditStore, AuditTrail, AuditWalk, EventId, Kind, Recorded};
use crate::accounts::UserId;
use crate::entropy::SET_BACK;
use crate::failure::StoreError;
use crate::sessions::SessionId;

/// How many events one page looks at.
const LOOKED_AT: u32 = 5_000;
/// How many of them are read at once.
const AT_ONCE: u32 = 500;

/// Which events to list. An absent filter matches everything.
#[derive(Clone, Debug, Default)]
pub struct AuditListing {
    /// About this account or done by it.
    pub user: Option<UserId>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Done by this one.
    pub actor: Option<Actor>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// From this address.
    pub network: Option<IpAddr>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// At this instant or after it.
    pub from: Option<OffsetDateTime>,
    /// Before this instant.
    pub until: Option<OffsetDateTime>,
    /// Before this event in the trail.
    pub before: Option<EventId>,
    /// At most this many.
    pub limit: u32,
}

/// Some of the events that were asked for, the newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// At most as many as were asked for.
    pub events: Vec<Recorded>,
    /// Before which event to go on; `None` where there are no more. A page may be short, or have
    /// none at all, and not be the last.
    pub next: Option<EventId>,
}

impl AuditListing {
    /// The walks that meet all that fits: along the index that leads to the fewest.
    fn ways(&self) -> Vec<Along> {
        if let Some(session) = self.session {
            return vec![Along::Session(session)];
        }
        if let Some(Actor::User(user)) = self.actor {
            return vec![Along::Actor(user)];
        }
        if let Some(user) = self.user {
            return vec![Along::Subject(user), Along::Actor(user)];
        }
        if let Some(address) = self.network {
            return vec![Along::Network(address)];
        }
        vec![self.kind.map_or(Along::Everything, Along::Kind)]
    }

    fn fits(&self, recorded: &Recorded) -> bool {
        let Recorded { at, event, .. } = recorded;
        let by = &event.by;
        let is_of = |user: UserId| event.subject == Some(user) || by.actor == Actor::User(user);
        self.user.is_none_or(is_of)
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.actor.is_none_or(|actor| by.actor == actor)
            && self.session.is_none_or(|session| event.session == Some(session))
            && self.network.is_none_or(|address| by.client.ip_address == Some(address))
            && self.outcome.as_ref().is_none_or(|outcome| *outcome == event.outcome)
            && self.from.is_none_or(|from| *at >= from)
            && self.until.is_none_or(|until| *at < until)
    }

    /// Where the walk begins.
    fn beginning(&self) -> Option<EventId> {
        let by_time = self.until.map(|until| EventId::first_of(until.saturating_add(SET_BACK)));
        match (self.before, by_time) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

impl AuditTrail {
    /// Events, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn list(&self, listing: &AuditListing) -> Result<AuditPage, StoreError> {
        let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let end = listing.from.map(EventId::first_of);
        let (ways, mut before) = (listing.ways(), listing.beginning());
        let mut events = Vec::new();
        let (mut looked_at, mut at_once) = (0, listing.limit.saturating_add(1).min(AT_ONCE));
        while looked_at < LOOKED_AT {
            let met = walk(self.store(), &ways, (before, at_once)).await?;
            looked_at += at_once;
            let is_last = u32::try_from(met.len()).is_ok_and(|met| met < at_once);
            for recorded in met {
                if end.is_some_and(|end| recorded.id < end) {
                    return Ok(AuditPage { events, next: None });
                }
                if events.len() == limit {
                    return Ok(AuditPage { events, next: before });
                }
                before = Some(recorded.id);
                if listing.fits(&recorded) {
                    events.push(recorded);
                }
            }
            if is_last {
                return Ok(AuditPage { events, next: None });
            }
            at_once = AT_ONCE;
        }
        Ok(AuditPage { events, next: before })
    }
}

/// One step along one index or two, as if they were one.
async fn walk(
    store: &dyn AuditStore,
    ways: &[Along],
    (before, limit): (Option<EventId>, u32),
) -> Result<Vec<Recorded>, StoreError> {
    let mut met = Vec::new();
    for along in ways {
        met.extend(store.walk(&AuditWalk { along: *along, before, limit }).await?);
    }
    if ways.len() > 1 {
        met.sort_by_key(|recorded| std::cmp::Reverse(recorded.id));
        met.dedup_by_key(|recorded| recorded.id);
        met.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(met)
}
