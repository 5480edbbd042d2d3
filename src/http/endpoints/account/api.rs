//! `/api/account`: the user's own account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::{Email, Name, Password, User};
use crate::http::endpoints::factors::access::authorized;
use crate::http::request::body::{JsonObject, present};
use crate::http::response::error::{FieldErrors, Problem};
use crate::http::response::json::{OneUserBody, ProblemBody, UserBody};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::use_cases::{
    AccountChange, AccountChanges, ChangePassword, FormTurn, OwnChange, OwnFactors,
};

/// A change of the account of the user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// A new address counts as unverified. With mail on it is pending until it is confirmed. The
    /// present address withdraws a pending one.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    email: Option<String>,
}

/// A new password, with the proof of the current one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPasswordBody {
    #[schema(format = Password)]
    current_password: String,
    #[schema(format = Password)]
    new_password: String,
}

/// `GET /api/account`: the account of the user.
#[utoipa::path(get, path = "/api/account", tag = "account", responses(
    (status = 200, description = "One's own account", body = OneUserBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
))]
pub(crate) async fn show(
    State(changes): State<AccountChanges>,
    current: CurrentUser,
) -> Result<Json<OneUserBody>, Problem> {
    let pending = changes.pending_email(current.user.id).await?;
    let user = UserBody::from(&*current.user).with_pending(pending.as_ref());
    Ok(Json(OneUserBody { user }))
}

/// `PATCH /api/account`: changes the name or the email address of the user.
#[utoipa::path(patch, path = "/api/account", tag = "account", request_body = ProfileBody,
    responses(
        (status = 200, description = "The account after the change", body = OneUserBody),
        (status = 202, description = "With mail on, a new address is pending until the link that \
            was sent to it is used", body = OneUserBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`", body = ProblemBody),
        (status = 409, description = "`email_taken`", body = ProblemBody),
        (status = 422, description = "`invalid_input`", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn change(
    State(changes): State<AccountChanges>,
    current: CurrentUser,
    JsonObject(body): JsonObject<ProfileBody>,
) -> Result<(StatusCode, Json<OneUserBody>), Problem> {
    let wanted = profile_change(&current.user, body.name.as_deref(), body.email.as_deref())?;
    let ProfileChange { name, email, keeps_email } = wanted;
    let proof = || current.fresh_proof().ok_or_else(Problem::reauthentication_required);
    let email = email.map(|email| Ok::<_, Problem>((email, proof()?))).transpose()?;
    let change = OwnChange { name, email, keeps_email };
    current.actor.count_change().await?;
    let outcome = changes.by_owner(current.user.id, change, &current.actor.by()).await?;
    let pending = outcome.pending_email;
    let user = outcome.changed.account.ok_or_else(Problem::no_session)?.user;
    let user = UserBody::from(&user).with_pending(pending.as_ref());
    let status = if pending.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(OneUserBody { user })))
}

/// The name and the address that a user wants to have; `None` leaves a field as it is.
pub(crate) struct ProfileChange {
    pub(crate) name: Option<Name>,
    /// Another one than the present.
    pub(crate) email: Option<Email>,
    /// Whether the address was given, and is the present one.
    pub(crate) keeps_email: bool,
}

/// Reads the fields of a form or a JSON body.
pub(crate) fn profile_change(
    user: &User,
    name: Option<&str>,
    email: Option<&str>,
) -> Result<ProfileChange, Problem> {
    let mut errors = FieldErrors::default();
    let name = match name {
        Some(name) => errors.check("name", Name::parse(name)).map(Some),
        None => Some(None),
    };
    let email = match email {
        Some(email) => errors.check("email", Email::parse(email)).map(Some),
        None => Some(None),
    };
    let (Some(name), Some(email)) = (name, email) else { return Err(errors.into_problem()) };
    let keeps_email = email.as_ref() == Some(&user.email);
    Ok(ProfileChange { name, email: email.filter(|_| !keeps_email), keeps_email })
}

/// `PUT /api/account/password`: sets a new password. All other sessions of the user end, and this
/// one gets a new token.
#[utoipa::path(put, path = "/api/account/password", tag = "account",
    request_body = NewPasswordBody,
    responses(
        (status = 204, description = "Changed; the new cookie comes along, unless somebody ended \
            the session while this is answered"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`invalid_credentials`", body = ProblemBody),
        (status = 422, description = "`invalid_input`", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn change_password(
    State(change): State<ChangePassword>,
    current: CurrentSession,
    CurrentUser { user, session, token, actor }: CurrentUser,
    JsonObject(body): JsonObject<NewPasswordBody>,
) -> Result<StatusCode, Problem> {
    actor.count_change().await?;
    let proof = current.proof(&body.current_password);
    let new = Password::from_typed(&body.new_password);
    let by = (&actor.by(), &FormTurn::default());
    let started = change.with_proof(&user, (&session, &token), (&proof, &new), by).await?;
    current.set_continued_session(started, user);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/account`: deletes the account of the user, with all its sessions.
#[utoipa::path(delete, path = "/api/account", tag = "account", responses(
    (status = 204, description = "Deleted"),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    (status = 403, description = "`reauthentication_required`: with a second factor, where the \
        account has one", body = ProblemBody),
    (status = 409, description = "`last_administrator`", body = ProblemBody),
))]
pub(crate) async fn delete(
    (State(changes), State(own)): (State<AccountChanges>, State<OwnFactors>),
    current: CurrentSession,
    user: CurrentUser,
) -> Result<StatusCode, Problem> {
    let authorized = authorized(&own, &user).await?;
    let change = AccountChange { delete: true, ..AccountChange::default() };
    changes.apply(user.user.id, change, &authorized).await?;
    current.forget_session();
    Ok(StatusCode::NO_CONTENT)
}
