//! The ended sessions: of each no more than why and when.

use std::collections::{BTreeSet, HashMap};

use time::OffsetDateTime;

use crate::sessions::{Ended, Loaded, SessionId, TokenDigest};

/// A token that was good once. `id` is set where its session ended with it, not where it was
/// rotated away.
struct EndedRow {
    ended: Ended,
    anonymous: bool,
    id: Option<SessionId>,
}

/// The ended sessions, at most so many.
pub(super) struct EndedRows {
    by_digest: HashMap<TokenDigest, EndedRow>,
    by_id: HashMap<SessionId, TokenDigest>,
    by_time: BTreeSet<(OffsetDateTime, TokenDigest)>,
    most: usize,
}

impl EndedRows {
    pub(super) fn new(most: usize) -> Self {
        Self { by_digest: HashMap::new(), by_id: HashMap::new(), by_time: BTreeSet::new(), most }
    }

    pub(super) fn loaded(&self, digest: &TokenDigest) -> Loaded {
        self.by_digest.get(digest).map_or(Loaded::Unknown, |row| Loaded::Ended {
            ended: row.ended,
            anonymous: row.anonymous,
        })
    }

    pub(super) fn find(&self, id: SessionId) -> Option<Ended> {
        self.by_digest.get(self.by_id.get(&id)?).map(|row| row.ended)
    }

    pub(super) fn has_before(&self, at: OffsetDateTime) -> bool {
        self.by_time.first().is_some_and(|(ended_at, _)| *ended_at < at)
    }

    /// Remembers the end of a token, and with `id` that of its session.
    pub(super) fn remember(
        &mut self,
        digest: TokenDigest,
        id: Option<SessionId>,
        ended: Ended,
        anonymous: bool,
    ) {
        self.by_digest.insert(digest, EndedRow { ended, anonymous, id });
        self.by_time.insert((ended.at, digest));
        if let Some(id) = id {
            self.by_id.insert(id, digest);
        }
        if self.by_digest.len() > self.most {
            self.forget_first();
        }
    }

    /// Forgets the one that ended first.
    pub(super) fn forget_first(&mut self) {
        let Some((_, digest)) = self.by_time.pop_first() else { return };
        if let Some(EndedRow { id: Some(id), .. }) = self.by_digest.remove(&digest) {
            self.by_id.remove(&id);
        }
    }

    #[cfg(test)]
    pub(super) fn order_lengths(&self) -> [usize; 3] {
        let whole = self.by_digest.values().filter(|row| row.id.is_some()).count();
        let ids = self.by_id.len() + self.by_digest.len() - whole;
        [self.by_digest.len(), ids, self.by_time.len()]
    }
}
