//! Counts for the overview of administrators: accounts, sessions and recent sign-ins.

use crate::accounts::{AccountCount, Accounts};
use crate::audit::{AuditTrail, SignInActivity};
use crate::failure::StoreError;
use crate::sessions::{Counted, SessionCount, Sessions};

/// Counts for administrators.
#[derive(Clone)]
pub struct Figures {
    accounts: Accounts,
    census: SessionCount,
    audit: AuditTrail,
}

/// The counts.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Sessions that have not ended; `None` where they are not counted.
    pub sessions: Option<Counted>,
    /// Accounts.
    pub accounts: AccountCount,
    /// Sign-ins, hour by hour and day by day.
    pub activity: SignInActivity,
}

impl Figures {
    /// Creates the use case.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { accounts, census: SessionCount::new(sessions), audit }
    }

    /// Counts. Sessions as of a moment ago: see [`SessionCount`].
    ///
    /// # Errors
    /// [`StoreError`] when a store fails.
    pub async fn count(&self) -> Result<Counts, StoreError> {
        Ok(Counts {
            sessions: self.census.latest().await,
            accounts: self.accounts.count().await?,
            activity: self.audit.activity().await?,
        })
    }
}
