//! The record of a proof that failed, by somebody who is signed in.

use crate::accounts::AuthenticateError;
use crate::audit::{AuditTrail, Event, Kind};

/// Records why the deed of `event` was not done, where the proof was at fault.
pub(super) async fn record_failure(
    audit: &AuditTrail,
    event: &Event,
    error: Option<&AuthenticateError>,
) {
    let failed = match error {
        Some(AuthenticateError::Refused) => event.clone().outcome("wrong_password"),
        Some(AuthenticateError::Throttled(_)) => {
            let event = Event { kind: Kind::Throttled, ..event.clone() };
            event.outcome("refused").with("limit", "passwords")
        }
        Some(AuthenticateError::Busy(_) | AuthenticateError::Store(_)) | None => return,
    };
    audit.record([failed]).await;
}
