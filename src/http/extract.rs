//! Extractors as proof: a handler that names one cannot be reached without what it proves.

use axum::extract::{FromRequestParts, Path};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::current::CurrentSession;
use super::error::Problem;
use super::redirect::{Next, see_other};
use crate::accounts::{Role, User};
use crate::sessions::{Session, Token};

impl<S: Send + Sync> FromRequestParts<S> for CurrentSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a handler asks for the session, but no SessionLayer is around it");
            Problem::internal()
        })
    }
}

/// Proof that the request comes from somebody who is signed in. Without, the answer is 401.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// Who.
    pub user: User,
    /// In which session.
    pub session: Session,
    pub(crate) token: Token,
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let current = CurrentSession::from_request_parts(parts, state).await?;
        let (user, session, token) = current.signed_in()?;
        Ok(Self { user, session, token })
    }
}

/// Like [`CurrentUser`], for pages: without, the browser is sent to the sign-in page and comes
/// back from there. A store that fails is 503, and nobody is sent anywhere.
#[derive(Clone, Debug)]
pub struct CurrentUserOrLogin(pub CurrentUser);

impl<S: Send + Sync> FromRequestParts<S> for CurrentUserOrLogin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let proof = CurrentUser::from_request_parts(parts, state).await;
        proof.map(Self).map_err(|problem| {
            if problem.status != axum::http::StatusCode::UNAUTHORIZED {
                return problem.into_response();
            }
            let came_from = parts.uri.path_and_query().map(ToString::to_string);
            let back = came_from
                .filter(|_| matches!(parts.method, Method::GET | Method::HEAD))
                .and_then(|path| Next::parse(&path));
            see_other(&back.map_or_else(|| "/login".to_owned(), |next| next.after("/login")))
        })
    }
}

/// Proof that the request comes from an administrator. Others are told that there is nothing.
#[derive(Clone, Debug)]
pub(crate) struct Administrator(pub(crate) CurrentUser);

impl<S: Send + Sync> FromRequestParts<S> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let current = CurrentUser::from_request_parts(parts, state).await?;
        match current.user.role {
            Role::Admin => Ok(Self(current)),
            Role::User => Err(Problem::not_found()),
        }
    }
}

/// The one parameter of a path. Bytes that are no text name nothing: 404, like any other unknown
/// one.
pub(crate) struct PathId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameter = Path::from_request_parts(parts, state).await;
        parameter.map(|Path(id)| Self(id)).map_err(|_| Problem::not_found())
    }
}
