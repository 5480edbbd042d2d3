//! Extractors for handlers of an embedding application, beside [`CurrentUser`] and
//! [`CurrentUserOrLogin`](crate::CurrentUserOrLogin).

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::extract::CurrentUser;
use crate::accounts::Role;
use crate::http::response::error::Problem;

/// `Option<CurrentUser>`: `None` without a live session of a user. A store that fails is still 503.
impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(current) => Ok(Some(current)),
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// Requires a signed-in administrator. Without a session the answer is 401, for other users 404, so
/// that the route stays hidden from them.
///
/// ```
/// use anteroom::RequireAdmin;
///
/// async fn reports(RequireAdmin(admin): RequireAdmin) -> String {
///     format!("Reports for {}", admin.user.email.as_str())
/// }
/// # let _: axum::routing::MethodRouter = axum::routing::get(reports);
/// ```
#[derive(Clone, Debug)]
pub struct RequireAdmin(pub CurrentUser);

impl<S: Send + Sync> FromRequestParts<S> for RequireAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let current =
            <CurrentUser as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        match current.user.role {
            Role::Admin => Ok(Self(current)),
            Role::User => Err(Problem::not_found()),
        }
    }
}

/// Requires a user who signed in or reauthenticated in the last ten minutes. Without a session the
/// answer is 401, with an older proof 403 `reauthentication_required` (OWASP ASVS 5.0, 7.5.1).
///
/// ```
/// use anteroom::FreshUser;
///
/// async fn close_shop(FreshUser(current): FreshUser) -> String {
///     format!("Closed by {}", current.user.email.as_str())
/// }
/// # let _: axum::routing::MethodRouter = axum::routing::post(close_shop);
/// ```
#[derive(Clone, Debug)]
pub struct FreshUser(pub CurrentUser);

impl<S: Send + Sync> FromRequestParts<S> for FreshUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let current =
            <CurrentUser as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        current.fresh_proof().ok_or_else(Problem::reauthentication_required)?;
        Ok(Self(current))
    }
}
