//! The port by which a store tells what has changed in it.

use async_trait::async_trait;

use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{SessionId, TokenDigest};

/// What may be remembered no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// This session.
    Session(SessionId),
    /// Whatever this token opens.
    Token(TokenDigest),
    /// This user, with all of their sessions.
    User(UserId),
    /// Everything.
    Everything,
}

/// Why a store cannot tell what changes in it.
#[derive(Debug, thiserror::Error)]
pub enum NotFresh {
    /// What is between this server and the store lets no changes through.
    #[error("{0}")]
    Mute(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A store that tells what changes in it, whoever changes it.
#[async_trait]
pub trait Freshness: Send + Sync {
    /// The store, for logs: `PostgreSQL`, `Redis`, `SQLite`.
    fn name(&self) -> &'static str;

    /// Subscribes to the changes, over a connection of its own. It has been seen that a change
    /// arrives by it; what changed before may have been missed.
    ///
    /// # Errors
    /// [`NotFresh`]; there is no subscription.
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh>;

    /// Makes sure that everybody who is subscribed is told of whatever can be read by now, before
    /// their next probe is answered. Needed only where a change can be read before it is told.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn tell_what_is_seen(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One subscription. Once it has failed it is of no use; it never begins anew by itself.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for what changes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the subscription is over.
    async fn changed(&mut self) -> Result<Change, StoreError>;

    /// Asks the store whether **this subscription** still stands, by the same connection, and
    /// answers with everything that came before the store's answer and was not told yet. Whatever
    /// was acknowledged to anybody before the question is among it or was told before.
    ///
    /// # Errors
    /// [`StoreError`] when the subscription is over.
    async fn probe(&mut self) -> Result<Vec<Change>, StoreError>;
}
