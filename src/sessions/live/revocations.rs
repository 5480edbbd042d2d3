//! The feed of ends: by which whoever keeps a copy of sessions learns which to drop.
//!
//! A store writes the entry in the step that ends the session, so that it can be read as soon as
//! the end is acknowledged. It is shown when every lease from before that read has run out, at any
//! server: otherwise a reader could drop a session, ask a server that remembers it, and keep that. Whoever waits for the next one is woken by what this process ends or is
//! told of, and by a look at the store, which all who wait share.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Rule, is_kept};
use crate::sessions::{Ended, SessionId, Sessions};

/// How often the store is asked for what nobody here did, by all who wait together.
const LOOK: Duration = Duration::from_millis(250);
/// How many ends one such look passes by.
const AT_A_LOOK: u32 = 200;

/// A place in the feed. Only the store that gave it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor of this text, whether or not a store ever gave it.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text: letters, digits and `._-`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The end of a session, or of one of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The place in the feed right after it.
    pub cursor: Cursor,
    /// Which. Where the reason is `replaced`, it may go on under another token.
    pub session: SessionId,
    /// Whose; `None` where it was anonymous.
    pub user: Option<UserId>,
    /// Why, and when.
    pub ended: Ended,
}

/// What came after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocations {
    /// Everything, or as much of it as was asked for.
    After {
        /// In the order of the ends.
        revocations: Vec<Revocation>,
        /// Where to go on.
        next: Cursor,
    },
    /// What came after it is not known any more, or never was: everything that is kept of sessions
    /// elsewhere has to be dropped.
    Expired,
}

/// How far the looks have come that all who wait share.
#[derive(Default)]
pub(in crate::sessions) struct Looks(tokio::sync::Mutex<Look>);

#[derive(Default)]
struct Look {
    at: Option<Instant>,
    cursor: Option<Cursor>,
}

impl Sessions {
    /// The ends after a cursor, at most `most`; without one none, and the cursor from which on
    /// nothing is missed. By the time it answers no server accepts any of them, nor what ended
    /// before a first cursor: whoever reads this may ask any server and keep its answer.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        let found = self.store().revocations_after(after, most).await?;
        match &found {
            Revocations::After { revocations, .. }
                if after.is_none() || !revocations.is_empty() =>
            {
                if is_kept(Rule::FeedWaits) {
                    self.outlast_found(after.is_none(), revocations).await?;
                }
            }
            Revocations::After { .. } | Revocations::Expired => {}
        }
        Ok(found)
    }

    /// How long ago these were acknowledged is unknown: the time of an end is of another clock, and
    /// from before its acknowledgement. So the wait counts from this read.
    async fn outlast_found(
        &self,
        is_first: bool,
        revocations: &[Revocation],
    ) -> Result<(), StoreError> {
        let leases = &self.room().leases;
        if leases.has_others() {
            return leases.outlast_what_was_read().await;
        }
        // Nobody else remembers them, and here they are dropped.
        if is_first {
            leases.forget(Change::Everything);
        }
        for end in revocations {
            leases.forget(Change::Session(end.session));
        }
        Ok(())
    }

    /// Waits until a session may have ended since this call. Call it before reading the feed, and
    /// wait where there was nothing to read, so that nothing is missed in between.
    pub fn something_ended(&self) -> impl Future<Output = ()> + Send + use<'_> {
        let rung = self.room().watchers.any_end();
        async move {
            let mut rung = pin!(rung);
            loop {
                tokio::select! {
                    () = &mut rung => return,
                    () = tokio::time::sleep(LOOK) => self.look_for_ends().await,
                }
            }
        }
    }

    /// Wakes all who wait if there is something new, unless somebody else has just looked. While
    /// the store is silent nobody is woken.
    async fn look_for_ends(&self) {
        let Ok(mut look) = self.room().looks.0.try_lock() else { return };
        if look.at.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        look.at = Some(Instant::now());
        let is_first = look.cursor.is_none();
        // Whoever is woken reads for themselves, and waits then.
        let found = self.store().revocations_after(look.cursor.as_ref(), AT_A_LOOK).await;
        let is_news = match found {
            Ok(Revocations::After { revocations, next }) => {
                look.cursor = Some(next);
                is_first || !revocations.is_empty()
            }
            Ok(Revocations::Expired) => {
                look.cursor = None;
                true
            }
            Err(_) => false,
        };
        if is_news {
            self.room().watchers.tell_of_end();
        }
    }
}
