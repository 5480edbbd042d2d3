//! Operations that involve more than one service, one file each. No SQL, no HTTP, and no use case
//! calls another.

mod authorization;
mod change_account;
mod change_password;
mod check;
mod credential_change;
mod email_links;
mod figures;
mod handover;
mod invitations;
mod login;
mod logout;
mod own_factors;
mod pending;
mod reauthenticate;
mod recovery;
mod required_factor;
mod revoke_sessions;
mod second_factor;
mod sent_forms;
mod signup;
mod signup_by_mail;

pub use authorization::Authorized;
pub use change_account::{AccountChange, AccountChanges, OwnChange, OwnChangeError, OwnChanged};
pub use change_password::{ChangePassword, ChangePasswordError};
pub use check::{Check, ChildIdentity, Identity};
pub use email_links::{EmailLinkError, EmailLinks};
pub use figures::{Counts, Figures};
pub use handover::{Handover, HandoverTarget};
pub use invitations::{AcceptError, Acceptance, Invitations};
pub use login::{Login, LoginError, LoginRequest};
pub use logout::Logout;
pub use own_factors::{FactorsShown, OwnFactors, OwnFactorsError, Renewed};
pub use pending::{PendingSignIn, SignIn};
pub use reauthenticate::{Reauthenticate, ReauthenticateError};
pub use recovery::{Recovery, RecoveryError};
pub use revoke_sessions::{RevokeSessions, RevokeSessionsError};
pub use second_factor::{SecondFactor, SecondFactorError, SecondFactorRequest};
pub use sent_forms::{Done, FormTurn, SentForms};
pub use signup::{Signup, SignupError, SignupRequest};

use crate::accounts::{CreateError, PasswordCheckError, UserId};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::detached;
use crate::failure::StoreError;
use crate::sessions::cache::{Rule, is_kept};
use crate::sessions::{EndReason, EndedByStart, Owner, Session};

/// Runs an operation and its audit record to completion, even if the client disconnects.
///
/// # Errors
/// [`StoreError`] when the runtime ends before the work does; then it is unknown what was done.
async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    // Tests switch this off to show that it is needed.
    if is_kept(Rule::OutlivesItsRequest) {
        detached::run_to_completion(work).await
    } else {
        Ok(work.await)
    }
}

/// Records a failed password check of a signed-in user, who wanted to do what `event` says.
async fn record_failed_check(audit: &AuditTrail, event: &Event, error: &PasswordCheckError) {
    let failed = match error {
        PasswordCheckError::Refused => event.clone().outcome("wrong_password"),
        PasswordCheckError::Throttled(_) => {
            let event = Event { kind: Kind::Throttled, ..event.clone() };
            event.outcome("refused").with("limit", "passwords")
        }
        PasswordCheckError::Busy(_) | PasswordCheckError::Store(_) => return,
    };
    audit.record([failed]).await;
}

/// Records a sign-up that was refused because there were too many from its network.
async fn record_throttled_sign_up(audit: &AuditTrail, error: &CreateError, by: &By) {
    if let CreateError::Throttled(_) = error {
        let throttled = Event::new(Kind::Throttled, by).outcome("refused");
        audit.record([throttled.with("limit", "sign_ups")]).await;
    }
}

/// The events of sessions that ended because `user` started a new one. `previous` is the live
/// session that the browser had; an anonymous one has no event.
fn ended_by_start(
    ended: &EndedByStart,
    previous: Option<&Session>,
    user: UserId,
    by: &By,
) -> Vec<Event> {
    let mut events: Vec<Event> = ended
        .evicted
        .iter()
        .map(|id| Event::session_ended(*id, EndReason::SessionLimit, by).about(user))
        .collect();
    let replaced = previous.filter(|session| ended.replaced == Some(session.id));
    if let Some(Session { id, owner: Owner::User { id: owner, .. }, .. }) = replaced {
        let reason = if *owner == user { EndReason::Replaced } else { EndReason::SignedOut };
        events.push(Event::session_ended(*id, reason, by).about(*owner));
    }
    events
}
