//! Ends for which this server has already waited until no lease from before them was left.
//!
//! An end can be read as soon as the store has written it, while other servers may accept the
//! session for the rest of their leases. An answer that reports or implies the end has to wait for
//! those leases. The written time of an end does not help: it is of another clock, and from before
//! the acknowledgement. So this server remembers which ends it has waited for.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::LEASE_WAIT;
use crate::accounts::{Account, Epoch, UserId};
use crate::failure::StoreError;
use crate::sessions::{
    Cursor, EndReason, Revocation, Revocations, SessionId, Sessions, TokenDigest,
};

/// The size of one generation: at least the latest 8192 ends are remembered, at most twice as
/// many. A forgotten end is waited for again.
const MOST: usize = 8192;
/// The most entries of the feed that are read. With more, the answer waits.
const FEED_SIZE: u32 = 200;

/// An end that an answer may report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sessions) enum End {
    Token(TokenDigest),
    Session(SessionId),
    /// The end of all sessions that a user had before this epoch.
    EpochsBefore(UserId, Epoch),
}

/// The ends after which no lease is left.
#[derive(Default)]
pub(in crate::sessions) struct WaitedEnds {
    ends: Mutex<Generations>,
    feed: Mutex<Feed>,
}

/// The older generation is dropped when the younger one is full.
#[derive(Default)]
struct Generations {
    younger: HashSet<End>,
    older: HashSet<End>,
}

/// The position up to which every end of the feed was waited for.
#[derive(Default)]
struct Feed {
    waited: Option<Cursor>,
    /// A cursor that was read, and when the invalidations before it had been published.
    next: Option<(Cursor, Duration)>,
}

impl WaitedEnds {
    fn ends(&self) -> MutexGuard<'_, Generations> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn has(&self, end: &End) -> bool {
        self.younger.contains(end) || self.older.contains(end)
    }

    fn add(&mut self, end: End) {
        if self.younger.len() >= MOST {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(end);
    }
}

impl Feed {
    /// The position up to which every end was waited for at `now`.
    fn waited(&mut self, now: Duration) -> Option<Cursor> {
        let is_due = |next: &mut (Cursor, Duration)| now >= next.1 + LEASE_WAIT;
        if let Some((cursor, _)) = self.next.take_if(is_due) {
            self.waited = Some(cursor);
        }
        self.waited.clone()
    }
}

impl Sessions {
    /// Waits until no server accepts a session whose end was read, unless this server has waited
    /// for that end before.
    pub(in crate::sessions) async fn wait_for_end(&self, end: End) -> Result<(), StoreError> {
        let service = self.service();
        if service.leases.has_others() && !service.waited_ends.ends().has(&end) {
            service.leases.wait_after_read().await?;
            service.waited_ends.ends().add(end);
        }
        Ok(())
    }

    /// Notes that these sessions have ended and that no lease from before is left.
    pub(in crate::sessions) fn note_waited_ends(&self, ids: impl IntoIterator<Item = SessionId>) {
        if self.service().leases.has_others() {
            let mut known = self.service().waited_ends.ends();
            ids.into_iter().for_each(|id| known.add(End::Session(id)));
        }
    }

    /// Waits until no server accepts a session from before the epoch of one of these accounts, as
    /// they were read: an account is shown as disabled once its sessions are refused everywhere.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails.
    pub(crate) async fn wait_for_epochs(&self, accounts: &[Account]) -> Result<(), StoreError> {
        let service = self.service();
        if !service.leases.has_others_of_users() {
            return Ok(());
        }
        let end = |account: &Account| End::EpochsBefore(account.user.id, account.epoch);
        let raised = accounts.iter().filter(|account| account.epoch > Epoch::FIRST).map(end);
        let new: Vec<End> = {
            let known = service.waited_ends.ends();
            raised.filter(|end| !known.has(end)).collect()
        };
        if !new.is_empty() {
            service.leases.wait_after_read().await?;
            let mut known = service.waited_ends.ends();
            for end in new {
                known.add(end);
            }
        }
        Ok(())
    }

    /// Waits until no server accepts a session of this user, or of any user, that was missing from
    /// a list that was read before this call. Reads the feed of ends, and waits only where a
    /// session has ended recently.
    pub(in crate::sessions) async fn wait_for_missing(
        &self,
        of: Option<UserId>,
    ) -> Result<(), StoreError> {
        let service = self.service();
        if !service.leases.has_others() {
            return Ok(());
        }
        let known = service.waited_ends.feed().waited(service.leases.uptime());
        let found = self.store().revocations_after(known.as_ref(), FEED_SIZE).await?;
        let Revocations::After { revocations, next } = found else {
            *service.waited_ends.feed() = Feed::default();
            return service.leases.wait_after_read().await;
        };
        if known.is_none() || !revocations.is_empty() {
            service.leases.publish_what_was_read().await?;
        }
        service.waited_ends.feed().next.get_or_insert((next, service.leases.uptime()));
        let is_all = u32::try_from(revocations.len()).is_ok_and(|all| all < FEED_SIZE);
        if known.is_none() || !is_all || self.concerns(of, &revocations) {
            service.leases.wait().await;
            let is_final = |end: &&Revocation| end.ended.reason != EndReason::Replaced;
            self.note_waited_ends(revocations.iter().filter(is_final).map(|end| end.session));
        }
        Ok(())
    }

    /// Whether one of these ends concerns this user, or any user, and was not waited for yet.
    fn concerns(&self, of: Option<UserId>, revocations: &[Revocation]) -> bool {
        let known = self.service().waited_ends.ends();
        revocations
            .iter()
            .filter(|end| of.is_none() || end.user == of)
            .any(|end| !known.has(&End::Session(end.session)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: usize) -> End {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        End::Token(TokenDigest::from_bytes(bytes))
    }

    #[test]
    fn remembered_ends_are_bounded_and_the_latest_stay() {
        let mut known = Generations::default();
        for number in 0..5 * MOST {
            known.add(token(number));
            assert!(known.younger.len() + known.older.len() <= 2 * MOST);
            assert!(
                known.has(&token(number)) && known.has(&token(number.saturating_sub(MOST / 2)))
            );
        }
        assert!(!known.has(&token(0)));
    }

    #[test]
    fn a_feed_position_counts_once_every_earlier_lease_has_expired() {
        let read_at = Duration::from_secs(100);
        let mut feed = Feed { waited: None, next: Some((Cursor::of("1"), read_at)) };
        let almost = (read_at + LEASE_WAIT).saturating_sub(Duration::from_nanos(1));
        assert_eq!(feed.waited(almost), None);
        assert_eq!(feed.waited(read_at + LEASE_WAIT), Some(Cursor::of("1")));
        assert!(feed.next.is_none());
    }
}
