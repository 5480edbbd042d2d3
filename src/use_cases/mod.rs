//! Operations that involve more than one service, one file each. No SQL, no HTTP, and no use case
//! calls another.

mod access_tokens;
mod authorization;
mod change_account;
mod change_password;
mod check;
mod clients;
mod code_flow;
mod credential_change;
mod email_links;
mod figures;
mod handover;
mod invitations;
mod login;
mod logout;
mod own_factors;
mod own_passkeys;
mod passkey_sign_in;
mod pending;
mod reauthenticate;
mod recovery;
mod required_factor;
mod revoke_sessions;
mod second_factor;
mod sent_forms;
mod signup;
mod signup_by_mail;

pub use access_tokens::{AccessTokens, IssueError, TokenHolder};
pub use authorization::Authorized;
pub use change_account::{AccountChange, AccountChanges, OwnChange, OwnChangeError, OwnChanged};
pub use change_password::{ChangePassword, ChangePasswordError};
pub use check::{Check, ChildIdentity, Identity};
pub use clients::{ClientChangeError, Clients, RegisteredClient};
pub use code_flow::{AllowedClient, CodeFlow, ExchangeError, Exchanged, GrantError, PresentedCode};
pub use email_links::{EmailLinkError, EmailLinks};
pub use figures::{Counts, Figures};
pub use handover::{Handover, HandoverTarget};
pub use invitations::{AcceptError, Acceptance, Invitations};
pub use login::{Login, LoginError, LoginRequest};
pub use logout::Logout;
pub use own_factors::{FactorsShown, OwnFactors, OwnFactorsError, Renewed};
pub use own_passkeys::AddedPasskey;
pub use passkey_sign_in::{PasskeySignIn, PasskeySignInError, PasskeySignInRequest};
pub use pending::{PendingSignIn, SignIn};
pub use reauthenticate::{Reauthenticate, ReauthenticateError};
pub use recovery::{Recovery, RecoveryError};
pub use revoke_sessions::{RevokeSessions, RevokeSessionsError};
pub use second_factor::{SecondFactor, SecondFactorError, SecondFactorRequest, SecondProof};
pub use sent_forms::{Done, FormTurn, SentForms};
pub use signup::{Signup, SignupError, SignupRequest};

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::accounts::{
    Account, Accounts, CreateError, Factor, Letter, LetterKind, PasswordCheckError, Role, User,
    UserId,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::detached;
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::metrics::{Metrics, SignInOutcome};
use crate::sessions::cache::{Rule, is_kept};
use crate::sessions::{
    Client, EndReason, EndedByStart, NewSession, Owner, Session, Sessions, StartedSession, Token,
    TokenDigest,
};

/// The services that most use cases need. Cheap to clone.
#[derive(Clone)]
pub struct Dependencies {
    /// The accounts.
    pub accounts: Accounts,
    /// The sessions.
    pub sessions: Sessions,
    /// The audit trail.
    pub audit: AuditTrail,
    /// Mail to people.
    pub mail: Mail,
    /// The metrics, in which attempts are counted.
    pub metrics: Metrics,
}

/// The browser that sends a request which may start a session.
#[derive(Clone, Debug)]
pub struct RequestingBrowser {
    /// The client of the request.
    pub client: Client,
    /// The token that the browser sent.
    pub previous_token: Option<Token>,
    /// The live session of that token.
    pub previous_session: Option<Arc<Session>>,
    /// The language of the request, for mail.
    pub language: &'static str,
}

/// Runs an operation and its audit record to completion, even if the client disconnects.
///
/// # Errors
/// [`StoreError`] when the runtime ends before the work does; then it is unknown what was done.
fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> BoxFuture<'static, Result<T, StoreError>> {
    // Tests switch this off to show that it is needed.
    if is_kept(Rule::OutlivesItsRequest) {
        detached::run_to_completion(work)
    } else {
        Box::pin(async move { Ok(work.await) })
    }
}

/// Records a failed check of a password or code by somebody who wanted to do what `event` says.
/// `wrong` is the outcome of a check that was refused.
async fn record_failed_check(
    audit: &AuditTrail,
    event: &Event,
    error: &PasswordCheckError,
    wrong: &'static str,
) {
    let failed = match error {
        PasswordCheckError::Refused => event.clone().outcome(wrong),
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

/// How a sign-in counts in the metrics whose password or code was not accepted.
fn outcome_of_check(error: &PasswordCheckError) -> SignInOutcome {
    match error {
        PasswordCheckError::Refused => SignInOutcome::Refused,
        PasswordCheckError::Throttled(_) => SignInOutcome::Throttled,
        PasswordCheckError::Busy(_) => SignInOutcome::Busy,
        PasswordCheckError::Store(_) => SignInOutcome::Unavailable,
    }
}

/// Queues a message, if there is one, and sends it at once.
async fn write_now(
    accounts: &Accounts,
    mail: &Mail,
    letter: Option<Letter>,
) -> Result<(), StoreError> {
    if let Some(letter) = letter {
        accounts.write_to(&letter).await?;
        mail.wake();
    }
    Ok(())
}

/// Sends the link that confirms the address of a user again: the earlier one may be lost.
async fn send_confirmation(
    accounts: &Accounts,
    mail: &Mail,
    user: &User,
    language: &str,
) -> Result<(), StoreError> {
    let letter = mail.letter_in(language, user)?;
    write_now(accounts, mail, letter).await
}

/// Notifies the owner of an account that a recovery code was used, which may be a stolen one. A
/// failure is logged, and the request goes on.
async fn note_recovery_code(accounts: &Accounts, mail: &Mail, user: &User, factor: Factor) {
    if factor != Factor::RecoveryCode {
        return;
    }
    let noted = async {
        let letter = mail.letter(LetterKind::RecoveryCodeUsed, user)?;
        write_now(accounts, mail, letter).await
    };
    if let Err(error) = noted.await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "could not queue the notice of a used recovery code; none is sent");
    }
}

/// The session of an account that has proven itself just now.
fn new_session(
    account: &Account,
    second_factor: Option<Factor>,
    remember_me: bool,
    (client, previous_token): (Client, Option<TokenDigest>),
) -> NewSession {
    NewSession {
        owner: Owner::User { id: account.user.id, epoch: account.epoch },
        administrator: account.user.role == Role::Admin,
        second_factor,
        passkey: None,
        remember_me,
        client,
        previous_token,
        last_epoch_reason: account.epoch_reason,
    }
}

/// The events of a sign-in that started this session.
fn signed_in(
    user: UserId,
    started: &StartedSession,
    previous: Option<&Session>,
    client: Client,
) -> Vec<Event> {
    let by = By::user(user, started.session.id, client);
    let signed_in = Event::new(Kind::Login, &by).about(user);
    let mut events = vec![signed_in.with("methods", started.session.methods().to_vec())];
    events.extend(ended_by_start(&started.displaced, previous, user, &by));
    events
}

/// Says in the event of a proof by passkey, and in no other, whether the count of the key went back.
fn with_count(event: Event, count_went_back: bool) -> Event {
    let is_proof = matches!(event.kind, Kind::Login | Kind::Reauthenticated);
    if is_proof && count_went_back { event.with("count_went_back", true) } else { event }
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
