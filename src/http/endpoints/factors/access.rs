//! Who may change second factors: a signed-in user with a fresh proof, or a pending session that
//! waits for a set-up.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{Account, BrowserBinding, PendingPurpose, PendingSession, User, UserId};
use crate::audit::By;
use crate::http::response::error::{Code, Problem};
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::sessions::{Session, StartedSession};
use crate::use_cases::{Authorized, OwnFactors, PendingSignIn, SignIn};

/// Who sets a factor up.
pub(in crate::http) enum SettingUp {
    /// A signed-in user.
    User(CurrentUser, Authorized),
    /// Somebody whose password was right, and who must have a factor to sign in.
    Pending(PendingSession, Account),
}

impl SettingUp {
    /// Finds out. Without a fresh proof the error is 403 `reauthentication_required`.
    pub(in crate::http) async fn of(
        own: &OwnFactors,
        current: &CurrentSession,
        signed_in: Result<CurrentUser, Problem>,
    ) -> Result<Self, Problem> {
        let problem = match signed_in {
            Ok(user) => {
                let authorized = authorized(own, &user).await?;
                return Ok(Self::User(user, authorized));
            }
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => problem,
            Err(problem) => return Err(problem),
        };
        let Some(token) = current.token() else { return Err(problem) };
        match own.pending_set_up(&token).await? {
            Some((pending, account)) => Ok(Self::Pending(pending, account)),
            None => Err(problem),
        }
    }

    /// Whose account it is.
    pub(in crate::http) fn user(&self) -> &User {
        match self {
            Self::User(current, _) => &current.user,
            Self::Pending(_, account) => &account.user,
        }
    }

    /// The binding of the challenge of a new passkey to the browser.
    pub(in crate::http) fn binding(&self) -> BrowserBinding {
        match self {
            Self::User(current, _) => BrowserBinding::session(current.session.id.as_uuid()),
            Self::Pending(pending, _) => BrowserBinding::pending(&pending.digest),
        }
    }

    /// Counts a change of the own account: of the session, or of the pending session.
    pub(in crate::http) async fn count_change(
        &self,
        current: &CurrentSession,
    ) -> Result<(), Problem> {
        match self {
            Self::User(user, _) => user.actor.count_change().await,
            Self::Pending(pending, _) => {
                let by = By::anonymous(current.client());
                current.count_change(pending.digest.as_uuid(), &by).await
            }
        }
    }
}

/// The right to change factors and to delete the account, or 403 `reauthentication_required`.
pub(in crate::http) async fn authorized(
    own: &OwnFactors,
    user: &CurrentUser,
) -> Result<Authorized, Problem> {
    let authorized = own.authorize(&user.session, user.actor.by()).await?;
    authorized.ok_or_else(Problem::reauthentication_required)
}

/// The right of an administrator to delete this account or to remove its factors. For their own one
/// the same proof is needed as on the pages of the account.
pub(in crate::http) async fn authorized_over(
    own: &OwnFactors,
    administrator: &CurrentUser,
    id: UserId,
) -> Result<Authorized, Problem> {
    if administrator.user.id == id {
        return authorized(own, administrator).await;
    }
    administrator.authorized().ok_or_else(Problem::reauthentication_required)
}

/// Sets the cookie of a sign-in: of the session, or of the pending session, which is an error.
pub(in crate::http) fn accept(
    current: &CurrentSession,
    sign_in: SignIn,
) -> Result<(Arc<User>, Arc<Session>), Problem> {
    match sign_in {
        SignIn::Started(started) => {
            let (user, started) = *started;
            Ok(signed_in(current, user, started))
        }
        SignIn::Pending(PendingSignIn { token, purpose, factors }) => {
            current.set_pending(token);
            Err(match purpose {
                PendingPurpose::Code => Problem::second_factor_missing(&factors),
                PendingPurpose::SetUp => Problem::second_factor_setup_required(),
            })
        }
    }
}

/// Sets the cookie of a session that has just begun.
pub(in crate::http) fn signed_in(
    current: &CurrentSession,
    user: User,
    started: StartedSession,
) -> (Arc<User>, Arc<Session>) {
    let user = Arc::new(user);
    let session = current.set_session(started, Some(Arc::clone(&user)));
    (user, session)
}

/// Where a form of `page` leads that needs a proof of identity or a sign-in first. Other errors
/// remain.
pub(in crate::http) fn to_proof(problem: Problem, page: &str) -> Result<Response, Problem> {
    match problem.code {
        Code::ReauthenticationRequired => Ok(see_other(&with_next("/reauthenticate", page))),
        _ if problem.status == StatusCode::UNAUTHORIZED => {
            Ok(see_other(&with_next("/login", page)))
        }
        _ => Err(problem),
    }
}

/// The redirect to the page of the second step, if this is what a sign-in by form waits for.
pub(in crate::http) fn second_step_of(problem: &Problem, next: &str) -> Option<Response> {
    if problem.status != StatusCode::UNAUTHORIZED {
        return None;
    }
    let page = match problem.code {
        Code::SecondFactorRequired => "/login/second-factor",
        Code::SecondFactorSetupRequired => "/account/second-factor/set-up",
        _ => return None,
    };
    Some(see_other(&with_next(page, next)))
}
