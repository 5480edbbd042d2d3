//! Why a start fails, and whether a retry may succeed.

use crate::failure::StoreError;
use crate::sealing::SealError;
use crate::store::{OpenError, RedisOpenError};

/// Why Anteroom did not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartupError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The Redis server cannot be used.
    #[error(transparent)]
    Redis(#[from] RedisOpenError),
    /// The database failed during the start.
    #[error("the database failed during the start: {0}")]
    Store(#[from] StoreError),
    /// The key file cannot be used.
    #[error("{0}")]
    Key(SealError),
    /// The public URL is neither https nor http on loopback, or more than an origin.
    #[error("the public URL cannot be used: {0}")]
    PublicUrl(String),
    /// Another setting cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The webhook cannot be used.
    #[error("the webhook cannot be used: {0}")]
    Webhook(String),
    /// Mail cannot be sent.
    #[error("mail cannot be sent: {0}")]
    Mail(String),
    /// The password hashing threads did not start.
    #[error("could not start the password hashing threads: {0}")]
    Threads(#[source] std::io::Error),
    /// A command has no URL of the Redis server that the running server uses, or an application
    /// keeps the sessions in its own store.
    #[error(
        "the server keeps its sessions in Redis, or in a store of the application that no command \
         reaches: for Redis, set ANTEROOM_SESSIONS to the server's value, or restart the server with \
         another one"
    )]
    SessionsElsewhere,
}

impl StartupError {
    /// Separates errors of the key file from those of the database.
    pub(super) fn from_key(error: StoreError) -> Self {
        match error {
            StoreError::Backend(cause) => match cause.downcast() {
                Ok(error) => Self::Key(*error),
                Err(cause) => StoreError::Backend(cause).into(),
            },
            error => error.into(),
        }
    }

    /// Whether the same start may succeed later, because a store does not answer yet.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Database(error) => error.may_pass(),
            Self::Redis(error) => error.may_pass(),
            _ => false,
        }
    }
}
