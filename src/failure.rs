//! How a store fails. A failure is never an absence: whoever meets one answers 503 and concludes
//! nothing about accounts or sessions.

use std::error::Error;

/// A store did not do what was asked, or it is unknown whether it did.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The backend did not answer, or answered with an error.
    #[error("the store failed")]
    Backend(#[source] Box<dyn Error + Send + Sync>),
    /// The backend has no room for another session and none that may be dropped.
    #[error("the store is full")]
    Full,
    /// The backend answered with something that cannot have been written by this program.
    #[error("the store holds a corrupt record: {0}")]
    Corrupt(&'static str),
    /// No random bytes could be drawn for an id or a token.
    #[error(transparent)]
    NoEntropy(#[from] crate::entropy::NoEntropy),
}

impl StoreError {
    /// Wraps what a driver reported.
    pub fn backend(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Backend(Box::new(error))
    }
}
