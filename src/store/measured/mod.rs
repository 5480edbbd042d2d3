//! Stores whose every call is timed and counted, around any others. In place only where metrics
//! are on.

mod accounts;
mod sessions;

pub use accounts::MeasuredAccounts;
pub use sessions::MeasuredSessions;

use crate::failure::StoreError;
use crate::metrics::StoreOutcome;

fn outcome_of(error: Option<&StoreError>) -> StoreOutcome {
    match error {
        None => StoreOutcome::Ok,
        Some(StoreError::Full) => StoreOutcome::Full,
        Some(_) => StoreOutcome::Failed,
    }
}
