//! Store errors. A failure is never treated as an absence: requests fail with 503 and conclude
//! nothing about accounts or sessions.

use std::error::Error;

/// A store call failed, or its result is unknown.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The backend did not answer, or answered with an error.
    #[error("the store failed")]
    Backend(#[source] Box<dyn Error + Send + Sync>),
    /// The backend is full and has no session that it may drop.
    #[error("the store is full")]
    Full,
    /// The backend returned a record that this program cannot have written.
    #[error("the store holds a corrupt record: {0}")]
    Corrupt(&'static str),
    /// No random bytes for an id or a token.
    #[error(transparent)]
    NoEntropy(#[from] crate::entropy::NoEntropy),
}

impl StoreError {
    /// Wraps an error of a driver.
    pub fn backend(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Backend(Box::new(error))
    }
}
