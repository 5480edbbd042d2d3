//! The port through which a store sends invalidations.

use async_trait::async_trait;

use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{SessionId, TokenDigest};

/// A change that makes cache entries invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// This session.
    Session(SessionId),
    /// The session of this token.
    Token(TokenDigest),
    /// This user and all of the user's sessions.
    User(UserId),
    /// Everything.
    Everything,
}

/// Why a store cannot send invalidations.
#[derive(Debug, thiserror::Error)]
pub enum NotFresh {
    /// A pooler or proxy between this server and the store blocks them.
    #[error("{0}")]
    Mute(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A store that sends an invalidation for every change, by any process.
#[async_trait]
pub trait Freshness: Send + Sync {
    /// The store, for logs: `PostgreSQL`, `Redis`, `SQLite`.
    fn name(&self) -> &'static str;

    /// Subscribes to changes over a separate connection. Returns once a test change has arrived
    /// over it. Earlier changes may have been missed.
    ///
    /// # Errors
    /// [`NotFresh`]; there is no subscription.
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh>;

    /// Makes sure that every subscriber receives each change that can be read by now before its
    /// next probe is answered. Needed only where a change can be read before it is sent.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn tell_what_is_seen(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One subscription. Once it has failed it stays failed; it never reconnects.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for the next change. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the subscription is over.
    async fn changed(&mut self) -> Result<Change, StoreError>;

    /// Asks the store over the same connection whether **this subscription** is still in place.
    /// Returns every change received before the answer and not yet returned. Every write that was
    /// acknowledged to any client before the probe is among them or was returned earlier.
    ///
    /// # Errors
    /// [`StoreError`] when the subscription is over.
    async fn probe(&mut self) -> Result<Vec<Change>, StoreError>;
}
