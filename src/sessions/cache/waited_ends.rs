//! Answers that say or imply an end come no sooner than the answer to whoever ended it.
//!
//! An end can be read as soon as the store has written it, and other servers may accept the session
//! for the rest of their leases. The time that is written with an end is of another clock, and from
//! before its acknowledgement, so it does not tell whether that is over. This server remembers what
//! it has outlasted, and waits for what it has not.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::OUTLASTS_LEASES;
use crate::accounts::{Account, Epoch, UserId};
use crate::failure::StoreError;
use crate::sessions::{
    Cursor, EndReason, Revocation, Revocations, SessionId, Sessions, TokenDigest,
};

/// How many ends are remembered at least, once there were as many; at most twice as many. One that
/// is forgotten is waited for again.
const MOST: usize = 8192;
/// How many entries of the feed are looked through. Where there are more, the answer waits.
const AT_A_LOOK: u32 = 200;

/// Something that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sessions) enum End {
    Token(TokenDigest),
    Session(SessionId),
    /// Of all sessions that a user had before this epoch.
    EpochsBefore(UserId, Epoch),
}

/// What is known to be accepted nowhere.
#[derive(Default)]
pub(in crate::sessions) struct WaitedEnds {
    ends: Mutex<Generations>,
    feed: Mutex<Feed>,
}

/// The older half is forgotten when the younger one is full.
#[derive(Default)]
struct Generations {
    younger: HashSet<End>,
    older: HashSet<End>,
}

/// How far every end of the feed is outlasted.
#[derive(Default)]
struct Feed {
    outlasted: Option<Cursor>,
    /// A cursor that was read, and when everybody had been told of what is before it.
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
    /// Up to where everything is outlasted at `now`.
    fn outlasted(&mut self, now: Duration) -> Option<Cursor> {
        let is_due = |next: &mut (Cursor, Duration)| now >= next.1 + OUTLASTS_LEASES;
        if let Some((cursor, _)) = self.next.take_if(is_due) {
            self.outlasted = Some(cursor);
        }
        self.outlasted.clone()
    }
}

impl Sessions {
    /// Waits until nobody accepts what the store says is over, unless this server has waited for it
    /// before.
    pub(in crate::sessions) async fn outlast_end(&self, end: End) -> Result<(), StoreError> {
        let room = self.room();
        if room.leases.has_others() && !room.outlasted.ends().has(&end) {
            room.leases.outlast_what_was_read().await?;
            room.outlasted.ends().add(end);
        }
        Ok(())
    }

    /// Notes that nobody accepts these sessions any more, for good.
    pub(in crate::sessions) fn note_outlasted(&self, ids: impl IntoIterator<Item = SessionId>) {
        if self.room().leases.has_others() {
            let mut known = self.room().outlasted.ends();
            ids.into_iter().for_each(|id| known.add(End::Session(id)));
        }
    }

    /// Waits until nobody accepts a session that one of these accounts, as they were read, has
    /// outgrown: a disabled account is shown when it can do nothing any more.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails.
    pub async fn outlast_epochs(&self, accounts: &[Account]) -> Result<(), StoreError> {
        let room = self.room();
        if !room.leases.has_others_of_users() {
            return Ok(());
        }
        let end = |account: &Account| End::EpochsBefore(account.user.id, account.epoch);
        let raised = accounts.iter().filter(|account| account.epoch > Epoch::FIRST).map(end);
        let new: Vec<End> = {
            let known = room.outlasted.ends();
            raised.filter(|end| !known.has(end)).collect()
        };
        if !new.is_empty() {
            room.leases.outlast_what_was_read().await?;
            let mut known = room.outlasted.ends();
            for end in new {
                known.add(end);
            }
        }
        Ok(())
    }

    /// Waits until nobody accepts a session of this user, or of anybody, that was missing from what
    /// the store said before this call. It asks the feed of ends, and waits only where something
    /// has ended lately.
    pub(in crate::sessions) async fn outlast_missing(
        &self,
        of: Option<UserId>,
    ) -> Result<(), StoreError> {
        let room = self.room();
        if !room.leases.has_others() {
            return Ok(());
        }
        let known = room.outlasted.feed().outlasted(room.leases.uptime());
        let found = self.store().revocations_after(known.as_ref(), AT_A_LOOK).await?;
        let Revocations::After { revocations, next } = found else {
            *room.outlasted.feed() = Feed::default();
            return room.leases.outlast_what_was_read().await;
        };
        if known.is_none() || !revocations.is_empty() {
            room.leases.tell_what_was_read().await?;
        }
        room.outlasted.feed().next.get_or_insert((next, room.leases.uptime()));
        let is_all = u32::try_from(revocations.len()).is_ok_and(|all| all < AT_A_LOOK);
        if known.is_none() || !is_all || self.concerns(of, &revocations) {
            room.leases.outlast().await;
            let is_final = |end: &&Revocation| end.ended.reason != EndReason::Replaced;
            self.note_outlasted(revocations.iter().filter(is_final).map(|end| end.session));
        }
        Ok(())
    }

    /// Whether a session of this user, or of anybody, is among these and not known to be outlasted.
    fn concerns(&self, of: Option<UserId>, revocations: &[Revocation]) -> bool {
        let known = self.room().outlasted.ends();
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
    fn what_is_remembered_is_bounded_and_the_latest_stay() {
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
    fn a_place_in_the_feed_counts_once_every_lease_from_before_it_is_over() {
        let read_at = Duration::from_secs(100);
        let mut feed = Feed { outlasted: None, next: Some((Cursor::of("1"), read_at)) };
        let almost = (read_at + OUTLASTS_LEASES).saturating_sub(Duration::from_nanos(1));
        assert_eq!(feed.outlasted(almost), None);
        assert_eq!(feed.outlasted(read_at + OUTLASTS_LEASES), Some(Cursor::of("1")));
        assert!(feed.next.is_none());
    }
}
