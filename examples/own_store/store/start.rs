//! Starts a session or a child. A refused start writes nothing, so each decides everything first.

use std::collections::HashMap;

use anteroom::sessions::{
    ChildStart, ChildStarted, EndReason, Ended, LimitPolicy, Owner, Start, Started,
};
use anteroom::{SessionId, SessionInfo};

use super::size;
use super::tables::{Row, Tables, Token};

impl Tables {
    pub(super) fn start(&mut self, start: &Start) -> Started {
        let Start { session, digest, cutoffs, .. } = start;
        let at = cutoffs.now();
        let outdated = match session.owner {
            Owner::User { id, epoch } if self.epoch(id) > Some(epoch) => {
                return Started::EpochMoved;
            }
            Owner::User { id, epoch } if self.epoch(id) < Some(epoch) => self.ids_of(id),
            Owner::User { .. } | Owner::Anonymous => Vec::new(),
        };
        let previous = start.previous_token.and_then(|token| self.session_of(&token)).cloned();
        let previous = previous.filter(|previous| {
            !outdated.contains(&previous.id) && cutoffs.ended(previous).is_none()
        });
        let mut ending = outdated.clone();
        ending.extend(previous.as_ref().map(|previous| previous.id));
        let Some(evicted) = self.to_evict(start, &ending) else { return Started::LimitReached };
        if self.is_taken(session.id, digest) {
            return Started::Taken;
        }

        self.end_each(outdated, Ended { reason: start.outdated, at });
        self.end_each(evicted.clone(), Ended { reason: EndReason::SessionLimit, at });
        let mut data = HashMap::new();
        if let Some(previous) = &previous {
            let owner = previous.owner.user();
            let is_same_user = owner.is_none() || owner == session.owner.user();
            let reason = if is_same_user { EndReason::Replaced } else { EndReason::SignedOut };
            let row = self.end(previous.id, Ended { reason, at });
            data = row.filter(|_| is_same_user).map(|row| row.data).unwrap_or_default();
        }
        if let Owner::User { id, epoch } = session.owner {
            self.epochs.insert(id, epoch);
        }
        self.tokens.insert(*digest, Token::Live(session.id));
        self.live.insert(session.id, Row { session: session.clone(), digest: *digest, data });
        Started::Started { evicted, replaced: previous.map(|previous| previous.id) }
    }

    /// The user's sessions that must end for one more; `None` where the policy refuses it. Those in
    /// `ending` end anyway.
    fn to_evict(&self, start: &Start, ending: &[SessionId]) -> Option<Vec<SessionId>> {
        let (Some(user), Some(limit)) = (start.session.owner.user(), start.limit) else {
            return Some(Vec::new());
        };
        let stays =
            |one: &&SessionInfo| start.cutoffs.ended(one).is_none() && !ending.contains(&one.id);
        let mut live: Vec<&SessionInfo> = self.of_user(user).filter(stays).collect();
        live.sort_by_key(|one| {
            let is_idle_first = limit.policy == LimitPolicy::EvictIdle;
            let seen = is_idle_first.then(|| start.last_seen(one.id, one.last_seen_at));
            (seen, one.created_at, one.id)
        });
        live.truncate((live.len() + 1).saturating_sub(size(limit.most)));
        let is_refused = limit.policy == LimitPolicy::Refuse && !live.is_empty();
        (!is_refused).then(|| live.iter().map(|one| one.id).collect())
    }

    pub(super) fn start_child(&mut self, start: &ChildStart) -> ChildStarted {
        let ChildStart { child, digest } = start;
        if !self.live.contains_key(&child.parent) {
            return ChildStarted::Gone;
        }
        if self.is_taken(child.id, digest) {
            return ChildStarted::Taken;
        }
        let mut children = self.children.values().map(|(child, _)| child);
        let earlier = children.find(|one| one.parent == child.parent && one.origin == child.origin);
        let replaced = earlier.map(|earlier| earlier.id);
        if let Some(id) = replaced {
            self.end_child(id, Ended { reason: EndReason::Replaced, at: child.created_at });
        }
        self.tokens.insert(*digest, Token::Live(child.id));
        self.children.insert(child.id, (child.clone(), *digest));
        ChildStarted::Started { replaced }
    }
}
