//! The revocation feed: the ends in their order.

use std::collections::VecDeque;

use anteroom::entropy::Entropy;
use anteroom::sessions::{Cursor, Cutoffs, Ended, Revocation, Revocations};
use anteroom::{SessionId, StoreError, UserId};

/// The ends, and the number of those that are no longer kept.
#[derive(Default)]
pub(super) struct Feed {
    /// Drawn at the first read. Another feed has another, so earlier cursors expire after a restart
    /// and after an end of all sessions.
    identity: Option<u64>,
    ends: VecDeque<(SessionId, Option<UserId>, Ended)>,
    forgotten: usize,
}

impl Feed {
    pub(super) fn push(&mut self, id: SessionId, user: Option<UserId>, ended: Ended) {
        self.ends.push_back((id, user, ended));
    }

    /// Removes at most `most` entries, those of the future too: a wrong clock wrote them.
    pub(super) fn forget(&mut self, cutoffs: &Cutoffs, most: usize) -> usize {
        let a_day = cutoffs.now() - cutoffs.forgotten_before();
        let latest = cutoffs.now().saturating_add(a_day);
        let is_outside = |ended: &Ended| !cutoffs.remembers(*ended) || ended.at > latest;
        let count = self.ends.iter().take(most).take_while(|(.., ended)| is_outside(ended)).count();
        self.ends.drain(..count);
        self.forgotten += count;
        count
    }

    pub(super) fn after(
        &mut self,
        after: Option<&Cursor>,
        most: usize,
    ) -> Result<Revocations, StoreError> {
        let identity = match self.identity {
            Some(identity) => identity,
            None => u64::from_be_bytes(Entropy::operating_system().bytes()?),
        };
        self.identity = Some(identity);
        let cursor = |number: usize| Cursor::of(format!("{identity}_{number}"));
        let last = self.forgotten + self.ends.len();
        let Some(after) = after else {
            return Ok(Revocations::After { revocations: Vec::new(), next: cursor(last) });
        };
        let number = after.as_str().rsplit_once('_').and_then(|(_, number)| number.parse().ok());
        let known = number.filter(|number| cursor(*number) == *after);
        let Some(seen) = known.filter(|seen| (self.forgotten..=last).contains(seen)) else {
            return Ok(Revocations::Expired);
        };
        let unseen = self.ends.iter().skip(seen - self.forgotten).take(most);
        let revocations: Vec<Revocation> = (seen + 1..)
            .zip(unseen)
            .map(|(number, &(session, user, ended))| Revocation {
                cursor: cursor(number),
                session,
                user,
                ended,
            })
            .collect();
        let next = cursor(seen + revocations.len());
        Ok(Revocations::After { revocations, next })
    }
}
