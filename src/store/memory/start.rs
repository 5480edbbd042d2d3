//! Starts a session: decides everything first, then writes.

use super::live_session::Compartments;
use super::tables::Tables;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended, LimitPolicy, Owner, SessionId, Start, Started};

/// The changes that a start makes besides adding its session.
#[derive(Default)]
struct Plan {
    /// Sessions of the user from earlier epochs.
    outdated: Vec<SessionId>,
    /// The live session of the browser, and whether the new one inherits its data.
    brought: Option<(SessionId, bool)>,
    /// The user's sessions that the limit ends.
    evicted: Vec<SessionId>,
    /// The session that makes room when the store is full.
    displaced: Option<Displaced>,
}

enum Displaced {
    TimedOut(SessionId, Ended),
    Anonymous(SessionId),
}

impl Tables {
    pub(super) fn start(&mut self, start: &Start) -> Result<Started, StoreError> {
        match self.plan(start)? {
            Ok(plan) => Ok(self.carry_out(start, plan)),
            Err(refusal) => Ok(refusal),
        }
    }

    fn plan(&self, start: &Start) -> Result<Result<Plan, Started>, StoreError> {
        let mut plan = Plan::default();
        if let Owner::User { id, epoch } = start.session.owner {
            if self.live.epoch(id).is_some_and(|copy| copy > epoch) {
                return Ok(Err(Started::EpochMoved));
            }
            plan.outdated = self.outdated(id, epoch);
        }
        plan.brought = self.brought(start, &plan.outdated);
        if let Some(user) = start.session.owner.user() {
            match self.beyond_limit(start, user, &plan) {
                Some(evicted) => plan.evicted = evicted,
                None => return Ok(Err(Started::LimitReached)),
            }
        }
        if self.knows_digest(&start.digest) || self.knows_id(start.session.id) {
            return Ok(Err(Started::Taken));
        }
        let freed = plan.outdated.len() + plan.evicted.len() + usize::from(plan.brought.is_some());
        if self.live.len() - freed >= self.options.most_sessions {
            plan.displaced = Some(self.to_displace(start).ok_or(StoreError::Full)?);
        }
        Ok(Ok(plan))
    }

    /// The live session of the browser, and whether it belongs to the same user.
    fn brought(&self, start: &Start, outdated: &[SessionId]) -> Option<(SessionId, bool)> {
        let session = self.live.without_clients(self.live.row_of(&start.previous_token?)?);
        if outdated.contains(&session.id) || start.cutoffs.ended(&session).is_some() {
            return None;
        }
        let owner = session.owner.user();
        Some((session.id, owner.is_none() || owner == start.session.owner.user()))
    }

    /// The user's sessions that must end for one more to fit; `None` if the policy refuses.
    fn beyond_limit(&self, start: &Start, user: UserId, plan: &Plan) -> Option<Vec<SessionId>> {
        let Some(limit) = start.limit else { return Some(Vec::new()) };
        let ends_anyway = |id: SessionId| {
            plan.outdated.contains(&id) || plan.brought.is_some_and(|(brought, _)| brought == id)
        };
        let mut live: Vec<_> = self
            .live
            .of_user(user)
            .map(|row| self.live.without_clients(row))
            .filter(|one| start.cutoffs.ended(one).is_none() && !ends_anyway(one.id))
            .collect();
        if limit.policy == LimitPolicy::EvictIdle {
            // The sort is stable: of sessions last seen at the same time, the oldest ends first.
            live.sort_by_key(|one| start.last_seen(one.id, one.last_seen_at));
        }
        let others = usize::try_from(limit.most).unwrap_or(usize::MAX).saturating_sub(1);
        live.truncate(live.len().saturating_sub(others));
        let refused = limit.policy == LimitPolicy::Refuse && !live.is_empty();
        (!refused).then(|| live.iter().map(|one| one.id).collect())
    }

    fn to_displace(&self, start: &Start) -> Option<Displaced> {
        let timed_out = self.live.first_timed_out(&start.cutoffs);
        timed_out
            .map(|(id, ended)| Displaced::TimedOut(id, ended))
            .or_else(|| self.live.idlest_anonymous().map(Displaced::Anonymous))
    }

    fn carry_out(&mut self, start: &Start, plan: Plan) -> Started {
        let at = start.cutoffs.now();
        let outdated = Ended { reason: start.outdated, at };
        let evicted = Ended { reason: EndReason::SessionLimit, at };
        for id in plan.outdated {
            self.end(id, outdated);
        }
        for id in &plan.evicted {
            self.end(*id, evicted);
        }
        let mut evicted_ids = plan.evicted;
        match plan.displaced {
            Some(Displaced::TimedOut(id, ended)) => {
                self.end_timed_out(id, ended, &start.cutoffs);
            }
            Some(Displaced::Anonymous(id)) => {
                self.end(id, evicted);
                evicted_ids.push(id);
            }
            None => {}
        }
        let data = plan.brought.map(|brought| self.take_over(brought, at)).unwrap_or_default();
        self.live.insert(&start.session, start.digest, data);
        Started::Started { evicted: evicted_ids, replaced: plan.brought.map(|(id, _)| id) }
    }

    /// Ends the browser's session and returns its data if it belongs to the same user.
    fn take_over(&mut self, brought: (SessionId, bool), at: time::OffsetDateTime) -> Compartments {
        let (id, same_user) = brought;
        let reason = if same_user { EndReason::Replaced } else { EndReason::SignedOut };
        let row = self.end(id, Ended { reason, at });
        row.filter(|_| same_user).map(|row| row.data).unwrap_or_default()
    }
}
