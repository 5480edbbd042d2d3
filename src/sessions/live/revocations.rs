//! The feed of ended sessions, for gateways that keep copies of sessions.
//!
//! A store writes the entry in the step that ends the session, so it can be read as soon as the end
//! is acknowledged. It is shown once every lease from before that read has expired, on every
//! server. Otherwise a reader could drop its copy, ask a server that still caches the session, and
//! keep the answer. Ends on this server, invalidations and a poll of the store that all readers
//! share notify the readers that wait.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Rule, is_kept};
use crate::sessions::{Ended, SessionId, Sessions};

/// The interval of the shared poll for ends on other servers.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The most ends that one poll reads.
const POLL_SIZE: u32 = 200;

/// A position in the feed. Only the store that issued it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor of this text, whether or not a store issued it.
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
    /// The position in the feed right after it.
    pub cursor: Cursor,
    /// The session. Where the reason is `replaced`, it may continue under another token.
    pub session: SessionId,
    /// Its user; `None` where it was anonymous.
    pub user: Option<UserId>,
    /// The reason and the time.
    pub ended: Ended,
}

/// The entries after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocations {
    /// All of them, or the first ones up to the limit.
    After {
        /// In the order of the ends.
        revocations: Vec<Revocation>,
        /// The cursor for the next read.
        next: Cursor,
    },
    /// The entries after the cursor are no longer kept, or the cursor is unknown. A reader has to
    /// drop all its copies.
    Expired,
}

/// The poll of the feed that all waiting readers share.
#[derive(Default)]
pub(in crate::sessions) struct EndPoll(tokio::sync::Mutex<LastPoll>);

#[derive(Default)]
struct LastPoll {
    at: Option<Instant>,
    cursor: Option<Cursor>,
}

impl Sessions {
    /// The ends after a cursor, at most `most`. Without a cursor: no ends, and the cursor from
    /// which on none is missed. Returns once no server accepts any of these sessions, nor those
    /// that ended before a first cursor. So a reader may ask any server afterwards and keep the
    /// answer.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn revocations_after(
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
                    self.wait_for_found(after.is_none(), revocations).await?;
                }
            }
            Revocations::After { .. } | Revocations::Expired => {}
        }
        Ok(found)
    }

    /// The written time of an end is of another clock, and from before its acknowledgement. So the
    /// wait counts from this read.
    async fn wait_for_found(
        &self,
        is_first: bool,
        revocations: &[Revocation],
    ) -> Result<(), StoreError> {
        let leases = &self.service().leases;
        if leases.wait_for_others_after_read().await? {
            return Ok(());
        }
        // No other process caches them: invalidating them here is enough.
        if is_first {
            leases.invalidate(Change::Everything);
        }
        for end in revocations {
            leases.invalidate(Change::Session(end.session));
        }
        Ok(())
    }

    /// Waits until a session may have ended since this call. Call it before reading the feed, and
    /// wait if there was nothing to read, so that no end is missed in between.
    pub(crate) fn something_ended(&self) -> impl Future<Output = ()> + Send + use<'_> {
        let notified = self.service().subscribers.any_end();
        async move {
            let mut notified = pin!(notified);
            loop {
                tokio::select! {
                    () = &mut notified => return,
                    () = tokio::time::sleep(POLL_INTERVAL) => self.poll_ends().await,
                }
            }
        }
    }

    /// Notifies all waiting readers if there are new ends, unless another reader has just polled.
    /// While the store does not answer, no reader is notified.
    async fn poll_ends(&self) {
        let Ok(mut last) = self.service().end_poll.0.try_lock() else { return };
        if last.at.is_some_and(|at| at.elapsed() < POLL_INTERVAL) {
            return;
        }
        last.at = Some(Instant::now());
        let is_first = last.cursor.is_none();
        // No wait for leases here: a reader reads the feed itself, and waits then.
        let found = self.store().revocations_after(last.cursor.as_ref(), POLL_SIZE).await;
        let has_news = match found {
            Ok(Revocations::After { revocations, next }) => {
                last.cursor = Some(next);
                is_first || !revocations.is_empty()
            }
            Ok(Revocations::Expired) => {
                last.cursor = None;
                true
            }
            Err(_) => false,
        };
        if has_news {
            self.service().subscribers.notify_any_end();
        }
    }
}
