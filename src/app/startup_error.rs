//! Why a start fails, and whether it is worth trying again.

use crate::failure::StoreError;
use crate::store::{OpenError, RedisOpenError};

/// Why Anteroom did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// Redis cannot keep the sessions.
    #[error(transparent)]
    Redis(#[from] RedisOpenError),
    /// The database failed at once.
    #[error("the database failed at the start: {0}")]
    Store(#[from] StoreError),
    /// The public URL is neither https nor http on loopback, or more than an origin.
    #[error("the public URL cannot be used: {0}")]
    PublicUrl(String),
    /// Nobody could ever be told of anything.
    #[error("the webhook cannot be told of anything: {0}")]
    Webhook(String),
    /// The threads that hash passwords did not start.
    #[error("the threads that hash passwords did not start: {0}")]
    Threads(#[source] std::io::Error),
}

impl StartupError {
    /// Whether the same start may succeed in a while, because a store is not there yet.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Database(error) => error.may_pass(),
            Self::Redis(error) => error.may_pass(),
            _ => false,
        }
    }
}
