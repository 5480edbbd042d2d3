//! The revocation feed: ends in sequence, removed oldest first.

use std::collections::VecDeque;

use time::OffsetDateTime;

use crate::accounts::UserId;
use crate::entropy::NoEntropy;
use crate::sessions::{Cursor, Ended, Revocation, Revocations, SessionId};
use crate::store::feed_identity::FeedIdentity;

struct FeedEntry {
    session: SessionId,
    user: Option<UserId>,
    ended: Ended,
}

/// The latest ends, at most `most`.
pub(super) struct Feed {
    /// Drawn at the first read.
    identity: Option<FeedIdentity>,
    /// How many were removed; numbers start at 1.
    forgotten: u64,
    ends: VecDeque<FeedEntry>,
    most: usize,
}

impl Feed {
    pub(super) fn new(most: usize) -> Self {
        Self { identity: None, forgotten: 0, ends: VecDeque::new(), most }
    }

    pub(super) fn push(&mut self, session: SessionId, user: Option<UserId>, ended: Ended) {
        self.ends.push_back(FeedEntry { session, user, ended });
        if self.ends.len() > self.most {
            self.forget_first();
        }
    }

    /// Expires every cursor, so that followers drop all they have cached.
    pub(super) fn reset(&mut self) {
        self.identity = None;
        while !self.ends.is_empty() {
            self.forget_first();
        }
    }

    /// Whether the first entry is too old. An entry far in the future was written by a wrong clock,
    /// and would keep all later entries from being removed.
    pub(super) fn has_outside(&self, from: OffsetDateTime, to: OffsetDateTime) -> bool {
        self.ends.front().is_some_and(|end| end.ended.at < from || end.ended.at > to)
    }

    pub(super) fn forget_first(&mut self) {
        self.forgotten += u64::from(self.ends.pop_front().is_some());
    }

    pub(super) fn after(
        &mut self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, NoEntropy> {
        let identity = match self.identity.take() {
            Some(identity) => identity,
            None => FeedIdentity::draw()?,
        };
        let found = self.read(&identity, after, most);
        self.identity = Some(identity);
        Ok(found)
    }

    fn read(&self, identity: &FeedIdentity, after: Option<&Cursor>, most: u32) -> Revocations {
        let last = self.forgotten + self.ends.len() as u64;
        let Some(after) = after else {
            return Revocations::After { revocations: Vec::new(), next: identity.cursor(last) };
        };
        let known = identity.number_in(after).filter(|known| *known <= last);
        let Some((known, seen)) =
            known.and_then(|known| Some((known, known.checked_sub(self.forgotten)?)))
        else {
            return Revocations::Expired;
        };
        let seen = usize::try_from(seen).unwrap_or(usize::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let unseen = (known + 1..).zip(self.ends.iter().skip(seen)).take(most);
        let revocations: Vec<Revocation> = unseen
            .map(|(number, &FeedEntry { session, user, ended })| Revocation {
                cursor: identity.cursor(number),
                session,
                user,
                ended,
            })
            .collect();
        let next = identity.cursor(known + revocations.len() as u64);
        Revocations::After { revocations, next }
    }
}
