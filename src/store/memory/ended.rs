//! The ended sessions: why and when each ended.

use std::collections::{BTreeSet, HashMap};

use time::OffsetDateTime;

use super::live::Removed;
use super::live_session::LiveSession;
use crate::sessions::{EndReason, Ended, Loaded, SessionId, TokenDigest};

/// A token that is no longer valid.
struct EndedToken {
    ended: Ended,
    anonymous: bool,
    id: SessionId,
    /// Whether the session continued under another token.
    rotated_away: bool,
    is_child: bool,
}

/// The tokens of ended sessions, at most `most`.
pub(super) struct EndedTokens {
    by_digest: HashMap<TokenDigest, EndedToken>,
    by_id: HashMap<SessionId, TokenDigest>,
    by_time: BTreeSet<(OffsetDateTime, TokenDigest)>,
    most: usize,
}

impl EndedTokens {
    pub(super) fn new(most: usize) -> Self {
        Self { by_digest: HashMap::new(), by_id: HashMap::new(), by_time: BTreeSet::new(), most }
    }

    pub(super) fn loaded(&self, digest: &TokenDigest) -> Loaded {
        match self.by_digest.get(digest) {
            None => Loaded::Unknown,
            Some(row) if row.is_child => Loaded::EndedChild(row.ended),
            Some(row) => Loaded::Ended { ended: row.ended, anonymous: row.anonymous },
        }
    }

    pub(super) fn find(&self, id: SessionId) -> Option<Ended> {
        self.by_digest.get(self.by_id.get(&id)?).map(|row| row.ended)
    }

    pub(super) fn has_before(&self, at: OffsetDateTime) -> bool {
        self.by_time.first().is_some_and(|(ended_at, _)| *ended_at < at)
    }

    /// The session that had this token before a rotation.
    pub(super) fn find_rotated(&self, digest: &TokenDigest) -> Option<SessionId> {
        self.by_digest.get(digest).filter(|row| row.rotated_away).map(|row| row.id)
    }

    /// Records the end of a session.
    pub(super) fn remember(&mut self, removed: &Removed, ended: Ended) {
        let &Removed { id, digest, user, .. } = removed;
        let anonymous = user.is_none();
        self.by_id.insert(id, digest);
        let (rotated_away, is_child) = (false, false);
        self.insert(digest, EndedToken { ended, anonymous, id, rotated_away, is_child });
    }

    /// Records the end of a child.
    pub(super) fn remember_child(&mut self, id: SessionId, digest: TokenDigest, ended: Ended) {
        self.by_id.insert(id, digest);
        let (anonymous, rotated_away, is_child) = (false, false, true);
        self.insert(digest, EndedToken { ended, anonymous, id, rotated_away, is_child });
    }

    /// Records a token that a session had before a rotation.
    pub(super) fn remember_rotated(
        &mut self,
        digest: TokenDigest,
        row: &LiveSession,
        at: OffsetDateTime,
    ) {
        let (ended, anonymous) = (Ended { reason: EndReason::Replaced, at }, row.is_anonymous());
        let (id, rotated_away, is_child) = (row.id, true, false);
        self.insert(digest, EndedToken { ended, anonymous, id, rotated_away, is_child });
    }

    fn insert(&mut self, digest: TokenDigest, row: EndedToken) {
        self.by_time.insert((row.ended.at, digest));
        self.by_digest.insert(digest, row);
        if self.by_digest.len() > self.most {
            self.forget_first();
        }
    }

    /// Removes the token that ended first.
    pub(super) fn forget_first(&mut self) {
        let Some((_, digest)) = self.by_time.pop_first() else { return };
        if let Some(EndedToken { id, rotated_away: false, .. }) = self.by_digest.remove(&digest) {
            self.by_id.remove(&id);
        }
    }

    #[cfg(test)]
    pub(super) fn index_lengths(&self) -> [usize; 3] {
        let whole = self.by_digest.values().filter(|row| !row.rotated_away).count();
        let ids = self.by_id.len() + self.by_digest.len() - whole;
        [self.by_digest.len(), ids, self.by_time.len()]
    }
}
