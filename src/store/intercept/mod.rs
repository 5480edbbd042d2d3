//! Stores that forward every call to another store and run code around it.
//!
//! Metrics, the order follower and the fault injection of the tests are [`Interceptor`]s, so the
//! methods of a port are forwarded in one place.

mod accounts;
mod factors;
mod metrics;
mod sessions;
mod tokens;

use std::sync::Arc;

use crate::accounts::{AddError, ChangeError, ImportError};
use crate::failure::StoreError;
use crate::sessions::{EpochMove, Swept};

/// Forwards every call to `inner` through an interceptor.
pub struct Intercepted<S: ?Sized, I> {
    pub(super) inner: Arc<S>,
    pub(super) interceptor: I,
}

impl<S: ?Sized, I> Intercepted<S, I> {
    /// Forwards to `inner`.
    #[must_use]
    pub fn new(inner: Arc<S>, interceptor: I) -> Self {
        Self { inner, interceptor }
    }
}

/// The name of a store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreCall {
    /// The port: `accounts`, `factors`, `sessions` or `tokens`.
    pub store: &'static str,
    /// The method of the port.
    pub operation: &'static str,
}

/// Code that runs around store calls.
pub trait Interceptor: Send + Sync {
    /// Runs a call, which does nothing before it is polled.
    fn intercept<T: Send, E: StoreFailure>(
        &self,
        name: StoreCall,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send;

    /// The activity of this many sessions was written.
    fn touched(&self, _sessions: usize) {}

    /// A sweep is complete.
    fn swept(&self, _swept: &Swept) {}

    /// An epoch was raised, and the store reports `ended` sessions. Returns the number to report.
    fn raised(&self, _epoch_move: &EpochMove, ended: u64) -> u64 {
        ended
    }
}

/// The error of a port: a failure of the store, or an expected refusal.
pub trait StoreFailure: From<StoreError> + Send {
    /// The failure; `None` for an expected refusal.
    fn failure(&self) -> Option<&StoreError>;
}

impl StoreFailure for StoreError {
    fn failure(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl StoreFailure for AddError {
    fn failure(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::EmailTaken | Self::AdministratorExists => None,
        }
    }
}

impl StoreFailure for ImportError {
    fn failure(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::EmailTaken | Self::Source(_) => None,
        }
    }
}

impl StoreFailure for ChangeError {
    fn failure(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::NotFound
            | Self::Moved
            | Self::KeptSessionEnded
            | Self::InvitationGone
            | Self::LinkGone
            | Self::TooManyLetters
            | Self::FactorGone
            | Self::CredentialTaken
            | Self::EmailTaken
            | Self::Groups(_)
            | Self::LastAdministrator => None,
        }
    }
}
