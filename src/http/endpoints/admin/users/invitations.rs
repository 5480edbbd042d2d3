//! `POST /api/admin/users`: creates accounts with invitation links.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::{Email, InvitedUser, IssuedInvitation, Name, Role, Status, UserId};
use crate::http::endpoints::admin::users::api::one_of;
use crate::http::request::body::{JsonObject, present};
use crate::http::response::error::{FieldErrors, Problem};
use crate::http::response::json::{ProblemBody, Timestamp, UserBody};
use crate::http::session::extract::{FreshAdministrator, PathId};
use crate::http::state::Links;
use crate::use_cases::Invitations;

/// A new account without a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserBody {
    /// Counts as verified.
    email: String,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// `user`, which is the default, or `admin`.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^(user|admin)$")]
    role: Option<String>,
    /// `active`, which is the default, or `disabled`.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^(active|disabled)$")]
    status: Option<String>,
}

/// A link by which somebody sets the password of an account. It is told once.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitationBody {
    /// To be handed to the person whose account it is, and to nobody else.
    url: String,
    /// Seven days after it was made.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl InvitationBody {
    fn new(issued: &IssuedInvitation, links: &Links) -> Self {
        let url = links.invitation(&issued.secret);
        Self { url, expires_at: Timestamp::of(issued.expires_at) }
    }
}

/// An account that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitedBody {
    user: UserBody,
    invitation: InvitationBody,
}

/// A new invitation to an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneInvitationBody {
    invitation: InvitationBody,
}

/// `POST /api/admin/users`: creates an account without a password, and a link with which its
/// owner sets one.
#[utoipa::path(post, path = "/api/admin/users", tag = "admin", request_body = NewUserBody,
    responses(
        (status = 201, description = "Made; the link works once and for seven days",
            body = InvitedBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
        (status = 409, description = "`email_taken`", body = ProblemBody),
        (status = 422, description = "`invalid_input`", body = ProblemBody),
    )
)]
pub(crate) async fn create(
    State(invitations): State<Invitations>,
    State(links): State<Links>,
    FreshAdministrator(authorized): FreshAdministrator,
    JsonObject(body): JsonObject<NewUserBody>,
) -> Result<(StatusCode, Json<InvitedBody>), Problem> {
    let NewUserBody { email, name, role, status } = body;
    let name = name.unwrap_or_default();
    let invited = invited_user(&email, &name, role.as_deref(), status.as_deref())?;
    let (user, issued) = invitations.create(invited, &authorized).await?;
    let invitation = InvitationBody::new(&issued, &links);
    Ok((StatusCode::CREATED, Json(InvitedBody { user: (&user).into(), invitation })))
}

/// Parses the fields of a form or a JSON body. The error names every invalid field.
pub(crate) fn invited_user(
    email: &str,
    name: &str,
    role: Option<&str>,
    status: Option<&str>,
) -> Result<InvitedUser, Problem> {
    let mut errors = FieldErrors::default();
    let email = errors.check("email", Email::parse(email));
    let name = errors.check("name", Name::parse(name));
    let role = role
        .map_or(Ok(Role::User), |text| Role::parse(text).ok_or_else(|| one_of("user", "admin")));
    let status = status.map_or(Ok(Status::Active), |text| {
        Status::parse(text).ok_or_else(|| one_of("active", "disabled"))
    });
    let (role, status) = (errors.check("role", role), errors.check("status", status));
    match (email, name, role, status) {
        (Some(email), Some(name), Some(role), Some(status)) => {
            Ok(InvitedUser { email, name, role, status })
        }
        _ => Err(errors.into_problem()),
    }
}

/// `POST /api/admin/users/{id}/invitation`: creates a new link, which voids the one before. If
/// the account has a password, the link resets it: the present one stays until the link is used.
/// While the account is disabled, the link does not work.
#[utoipa::path(post, path = "/api/admin/users/{id}/invitation", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the account")),
    responses(
        (status = 201, description = "Made; the link works once and for seven days",
            body = OneInvitationBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
    )
)]
pub(crate) async fn renew(
    State(invitations): State<Invitations>,
    State(links): State<Links>,
    FreshAdministrator(authorized): FreshAdministrator,
    PathId(id): PathId,
) -> Result<(StatusCode, Json<OneInvitationBody>), Problem> {
    let id = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let issued = invitations.renew(id, &authorized).await?;
    let invitation = InvitationBody::new(&issued.ok_or_else(Problem::not_found)?, &links);
    Ok((StatusCode::CREATED, Json(OneInvitationBody { invitation })))
}
