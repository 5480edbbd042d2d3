//! The tables behind the lock, and every operation except `start`.

use time::OffsetDateTime;

use super::MemoryOptions;
use super::children::Children;
use super::codes::Codes;
use super::ended::EndedTokens;
use super::feed::Feed;
use super::live::{LiveRows, Removed};
use super::live_session::LiveSession;
use crate::accounts::{Epoch, KeptSession, UserId};
use crate::sessions::{
    Cutoffs, EndReason, Ended, Ending, EpochMove, Keep, Keeping, Loaded, Rotation, SessionId,
    Swept, TimedOut, TokenDigest,
};

/// The tables of a memory store. A session is in `live` or in `ended`, never in both; a child is in
/// `children` or in `ended`.
pub(super) struct Tables {
    pub(super) live: LiveRows,
    pub(super) children: Children,
    pub(super) codes: Codes,
    pub(super) ended: EndedTokens,
    pub(super) feed: Feed,
    pub(super) options: MemoryOptions,
}

impl Tables {
    pub(super) fn new(options: MemoryOptions) -> Self {
        let most = options.most_sessions;
        Self {
            live: LiveRows::default(),
            children: Children::default(),
            codes: Codes::new(most),
            ended: EndedTokens::new(most),
            feed: Feed::new(most),
            options,
        }
    }

    pub(super) fn load(&self, digest: &TokenDigest) -> Loaded {
        if let Some(row) = self.live.row_of(digest) {
            return Loaded::Live(self.live.session(row));
        }
        if let Some(child) = self.children.of_digest(digest) {
            return self.with_parent(child).map_or(Loaded::Unknown, Loaded::Child);
        }
        self.ended.loaded(digest)
    }

    /// Whether a digest is in use or belongs to a remembered ended session or child.
    pub(super) fn knows_digest(&self, digest: &TokenDigest) -> bool {
        self.live.row_of(digest).is_some()
            || self.children.of_digest(digest).is_some()
            || self.ended.loaded(digest) != Loaded::Unknown
    }

    /// Whether an id is in use or belongs to a remembered ended session or child.
    pub(super) fn knows_id(&self, id: SessionId) -> bool {
        self.live.row(id).is_some()
            || self.children.get(id).is_some()
            || self.ended.find(id).is_some()
    }

    pub(super) fn rotate(&mut self, rotation: &Rotation) -> bool {
        let Some(id) = self.live.row_of(&rotation.from).map(|row| row.id) else {
            return false;
        };
        self.replace_token(id, rotation)
    }

    /// Rotates this session, unless the new digest is taken.
    fn replace_token(&mut self, id: SessionId, rotation: &Rotation) -> bool {
        if self.knows_digest(&rotation.to) {
            return false;
        }
        if let Some(from) = self.live.rekey(id, rotation.to)
            && let Some(row) = self.live.row(id)
        {
            self.ended.remember_rotated(from, row, rotation.at);
            let ended = Ended { reason: EndReason::Replaced, at: rotation.at };
            self.feed.push(id, self.live.user(row), ended);
        }
        self.live.prove(id, rotation.proof, rotation.at);
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
        if self.live.row(ending.id).is_none() {
            return self.end_child_if(ending);
        }
        self.fits(ending.id, ending) && self.end(ending.id, ending.ended).is_some()
    }

    /// Whether a live session meets the conditions of an end.
    pub(super) fn fits(&self, session: SessionId, ending: &Ending) -> bool {
        let Some(row) = self.live.row(session) else { return false };
        let session = self.live.without_clients(row);
        let belongs = ending.of.is_none_or(|user| session.owner.user() == Some(user));
        belongs && ending.unseen_since.is_none_or(|since| session.last_seen_at <= since)
    }

    /// Moves a session and its children to the ended ones. The caller gets its data.
    pub(super) fn end(&mut self, id: SessionId, ended: Ended) -> Option<Removed> {
        let removed = self.live.remove(id)?;
        self.ended.remember(&removed, ended);
        self.feed.push(id, removed.user, ended);
        self.end_family(id, removed.user, ended);
        Some(removed)
    }

    pub(super) fn end_all(&mut self, ended: Ended) -> u64 {
        let ids: Vec<_> = self.live.after(None).map(|row| row.id).collect();
        let count = ids.into_iter().map(|id| u64::from(self.end(id, ended).is_some())).sum();
        self.feed.reset();
        count
    }

    pub(super) fn raise_epoch(&mut self, epoch_move: &EpochMove) -> u64 {
        let &EpochMove { user, to, at, .. } = epoch_move;
        if self.live.epoch(user).is_some_and(|copy| copy >= to) {
            return 0;
        }
        let mut outdated = self.outdated(user, to);
        if let Some(survivor) = &epoch_move.survivor
            && let Some(kept) = self.keep_session(user, survivor, at)
        {
            outdated.retain(|id| *id != kept);
        }
        self.live.set_epoch(user, to);
        let ended = Ended { reason: epoch_move.reason.into(), at };
        outdated.into_iter().map(|id| u64::from(self.end(id, ended).is_some())).sum()
    }

    /// The sessions of a user from epochs before `epoch`.
    pub(super) fn outdated(&self, user: UserId, epoch: Epoch) -> Vec<SessionId> {
        if self.live.epoch(user).is_some_and(|copy| copy >= epoch) {
            return Vec::new();
        }
        self.live.of_user(user).map(|row| row.id).collect()
    }

    /// Gives the kept session its new token, if it still has the old one, and returns its id.
    fn keep_session(
        &mut self,
        user: UserId,
        survivor: &KeptSession,
        at: OffsetDateTime,
    ) -> Option<SessionId> {
        let id = SessionId::from_uuid(survivor.session);
        let (from, to) =
            (TokenDigest::from_bytes(survivor.from), TokenDigest::from_bytes(survivor.to));
        let of_user = |row: &LiveSession| self.live.without_clients(row).owner.user() == Some(user);
        let row = self.live.row(id)?;
        let fits = row.digest == from && of_user(row);
        let rotation = Rotation { from, to, proof: survivor.proof, at };
        (fits && self.replace_token(id, &rotation)).then_some(id)
    }

    pub(super) fn sweep(&mut self, cutoffs: &Cutoffs, most: u32) -> Swept {
        let mut swept = Swept::default();
        for _ in 0..most {
            if let Some((id, ended)) = self.live.first_timed_out(cutoffs) {
                let session = self.live.row(id).map(|row| self.live.without_clients(row));
                let of_user = session.and_then(|session| TimedOut::of(&session, ended));
                swept.timed_out.extend(of_user);
                if self.end_timed_out(id, ended, cutoffs) {
                    swept.ended += 1;
                } else {
                    swept.forgotten += 1;
                }
            } else if self.ended.has_before(cutoffs.forgotten_before()) {
                self.ended.forget_first();
                swept.forgotten += 1;
            } else if self.codes.has_expired(cutoffs.now()) {
                self.codes.forget_first();
            } else if self.feed.has_outside(cutoffs.forgotten_before(), day_after(cutoffs)) {
                self.feed.forget_first();
            } else {
                break;
            }
        }
        swept.done = self.live.first_timed_out(cutoffs).is_none()
            && !self.ended.has_before(cutoffs.forgotten_before())
            && !self.codes.has_expired(cutoffs.now())
            && !self.feed.has_outside(cutoffs.forgotten_before(), day_after(cutoffs));
        swept
    }

    /// Ends a session past a timeout. `false`: that is so long ago that it is removed at once.
    pub(super) fn end_timed_out(&mut self, id: SessionId, ended: Ended, cutoffs: &Cutoffs) -> bool {
        if cutoffs.remembers(ended) {
            return self.end(id, ended).is_some();
        }
        self.live.remove(id);
        self.forget_family(id);
        false
    }
}

/// As far after now as the retention of ended sessions reaches back.
fn day_after(cutoffs: &Cutoffs) -> OffsetDateTime {
    let now = cutoffs.now();
    now.saturating_add(now - cutoffs.forgotten_before())
}
