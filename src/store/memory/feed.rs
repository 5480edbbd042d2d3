//! The feed of ends: numbered one by one, and forgotten in the same order.

use std::collections::VecDeque;

use time::OffsetDateTime;

use crate::accounts::UserId;
use crate::entropy::NoEntropy;
use crate::sessions::{Cursor, Ended, Revocation, Revocations, SessionId};
use crate::store::numbered::Identity;

struct End {
    session: SessionId,
    user: Option<UserId>,
    ended: Ended,
}

/// The ends that are not forgotten, at most so many.
pub(super) struct Feed {
    /// None before anybody asked for it.
    identity: Option<Identity>,
    /// How many were forgotten: the numbers begin with 1.
    forgotten: u64,
    ends: VecDeque<End>,
    most: usize,
}

impl Feed {
    pub(super) fn new(most: usize) -> Self {
        Self { identity: None, forgotten: 0, ends: VecDeque::new(), most }
    }

    pub(super) fn tell(&mut self, session: SessionId, user: Option<UserId>, ended: Ended) {
        self.ends.push_back(End { session, user, ended });
        if self.ends.len() > self.most {
            self.forget_first();
        }
    }

    /// Makes every cursor useless, so that whoever follows drops everything.
    pub(super) fn begin_anew(&mut self) {
        self.identity = None;
        while !self.ends.is_empty() {
            self.forget_first();
        }
    }

    /// Whether the first has had its day. One that is far ahead of the time was written by a clock
    /// that was wrong, and would hold up all that came after it.
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
            None => Identity::draw()?,
        };
        let found = self.read(&identity, after, most);
        self.identity = Some(identity);
        Ok(found)
    }

    fn read(&self, identity: &Identity, after: Option<&Cursor>, most: u32) -> Revocations {
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
            .map(|(number, &End { session, user, ended })| Revocation {
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
