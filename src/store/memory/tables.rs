//! The whole store behind its lock, and each step of the port but `start`.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::MemoryOptions;
use super::ended::EndedRows;
use super::live::{LiveRows, Row};
use crate::accounts::{Epoch, Survivor, UserId};
use crate::sessions::{
    Cutoffs, Ended, Ending, EpochMove, Keep, Keeping, Loaded, Rotation, SessionId, Swept, TimedOut,
    TokenDigest,
};

/// Everything that a memory store holds. A session is in `live` or in `ended`, never in both.
pub(super) struct Tables {
    pub(super) live: LiveRows,
    pub(super) ended: EndedRows,
    pub(super) epochs: HashMap<UserId, Epoch>,
    pub(super) options: MemoryOptions,
}

impl Tables {
    pub(super) fn new(options: MemoryOptions) -> Self {
        Self {
            live: LiveRows::default(),
            ended: EndedRows::new(options.most_sessions),
            epochs: HashMap::new(),
            options,
        }
    }

    pub(super) fn load(&self, digest: &TokenDigest) -> Loaded {
        if let Some(row) = self.live.by_digest(digest) {
            return Loaded::Live(row.session.clone());
        }
        self.ended.loaded(digest)
    }

    /// Whether a digest is in use, or was and is not forgotten.
    pub(super) fn knows_digest(&self, digest: &TokenDigest) -> bool {
        self.live.by_digest(digest).is_some() || self.ended.loaded(digest) != Loaded::Unknown
    }

    /// Whether an id is in use, or was and is not forgotten.
    pub(super) fn knows_id(&self, id: SessionId) -> bool {
        self.live.get(id).is_some() || self.ended.find(id).is_some()
    }

    pub(super) fn rotate(&mut self, rotation: &Rotation) -> bool {
        let Some(id) = self.live.by_digest(&rotation.from).map(|row| row.session.id) else {
            return false;
        };
        self.give_token(id, rotation)
    }

    /// Rotates this session, unless the new digest is taken.
    fn give_token(&mut self, id: SessionId, rotation: &Rotation) -> bool {
        if self.knows_digest(&rotation.to) {
            return false;
        }
        if let Some(from) = self.live.rekey(id, rotation.to)
            && let Some(row) = self.live.get(id)
        {
            self.ended.remember_rotated(from, &row.session, rotation.at);
        }
        if rotation.authenticated {
            self.live.authenticate(id, rotation.at);
        }
        true
    }

    pub(super) fn keep(&mut self, keep: &Keep) -> Keeping {
        let Some(data) = self.live.data_mut(keep.id) else { return Keeping::Gone };
        if data.version(keep.compartment) != keep.over {
            return Keeping::Moved;
        }
        data.put(keep.compartment, keep.data.clone());
        Keeping::Kept
    }

    pub(super) fn end_if(&mut self, ending: &Ending) -> bool {
        let Some(Row { session, .. }) = self.live.get(ending.id) else { return false };
        let belongs = ending.of.is_none_or(|user| session.owner.user() == Some(user));
        let unseen = ending.unseen_since.is_none_or(|since| session.last_seen_at <= since);
        belongs && unseen && self.end(ending.id, ending.ended).is_some()
    }

    /// Moves a session to the ended. What it held is the caller's to hand over or drop.
    pub(super) fn end(&mut self, id: SessionId, ended: Ended) -> Option<Row> {
        let row = self.live.remove(id)?;
        self.ended.remember(&row, ended);
        Some(row)
    }

    pub(super) fn end_all(&mut self, ended: Ended) -> u64 {
        let ids: Vec<_> = self.live.after(None).map(|row| row.session.id).collect();
        ids.into_iter().map(|id| u64::from(self.end(id, ended).is_some())).sum()
    }

    pub(super) fn raise_epoch(&mut self, epoch_move: &EpochMove) -> u64 {
        let &EpochMove { user, to, at, .. } = epoch_move;
        if self.epochs.get(&user).is_some_and(|copy| *copy >= to) {
            return 0;
        }
        self.epochs.insert(user, to);
        if let Some(survivor) = &epoch_move.survivor {
            self.let_survive(user, survivor, (to, at));
        }
        let ended = Ended { reason: epoch_move.reason.into(), at };
        let outdated = self.outdated(user, to);
        outdated.into_iter().map(|id| u64::from(self.end(id, ended).is_some())).sum()
    }

    /// The sessions of a user that are from before `epoch`.
    pub(super) fn outdated(&self, user: UserId, epoch: Epoch) -> Vec<SessionId> {
        let sessions = self.live.of_user(user).map(|row| &row.session);
        sessions.filter(|session| session.owner.epoch() < Some(epoch)).map(|s| s.id).collect()
    }

    /// Takes the survivor over into the new epoch, if it still has the token that the change was
    /// asked for with.
    fn let_survive(&mut self, user: UserId, survivor: &Survivor, rise: (Epoch, OffsetDateTime)) {
        let id = SessionId::from_uuid(survivor.session);
        let (from, to) =
            (TokenDigest::from_bytes(survivor.from), TokenDigest::from_bytes(survivor.to));
        let (epoch, at) = rise;
        let fits = |row: &Row| row.digest == from && row.session.owner.user() == Some(user);
        let rotation = Rotation { from, to, authenticated: survivor.authenticated, at };
        if self.live.get(id).is_some_and(fits) && self.give_token(id, &rotation) {
            self.live.set_epoch(id, epoch);
        }
    }

    pub(super) fn sweep(&mut self, cutoffs: &Cutoffs, most: u32) -> Swept {
        let mut swept = Swept::default();
        for _ in 0..most {
            if let Some((id, ended)) = self.live.first_timed_out(cutoffs) {
                let of_user = self.live.get(id).and_then(|row| TimedOut::of(&row.session, ended));
                swept.timed_out.extend(of_user);
                if self.end_timed_out(id, ended, cutoffs) {
                    swept.ended += 1;
                } else {
                    swept.forgotten += 1;
                }
            } else if self.ended.has_before(cutoffs.forgotten_before()) {
                self.ended.forget_first();
                swept.forgotten += 1;
            } else {
                break;
            }
        }
        swept.done = self.live.first_timed_out(cutoffs).is_none()
            && !self.ended.has_before(cutoffs.forgotten_before());
        swept
    }

    /// Ends a session that the timeouts have ended already. `false`: so long ago that it is
    /// forgotten right away.
    pub(super) fn end_timed_out(&mut self, id: SessionId, ended: Ended, cutoffs: &Cutoffs) -> bool {
        if cutoffs.remembers(ended) {
            return self.end(id, ended).is_some();
        }
        self.live.remove(id);
        false
    }
}
