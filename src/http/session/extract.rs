//! Extractors as proof: a handler that names one cannot be reached without what it proves.

use std::sync::Arc;

use axum::extract::{FromRef as _, FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::accounts::{Role, User, UserId};
use crate::audit::By;
use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::http::routes::form_page;
use crate::http::security::redirect::{Next, see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::state::AppState;
use crate::sessions::{Client, Session, SessionId, Sessions, Token};

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
    pub user: Arc<User>,
    /// In which session.
    pub session: Arc<Session>,
    pub(crate) token: Token,
    pub(crate) actor: Actor,
}

/// Whoever does a deed, as the audit trail will name them: most requests leave no trace in it.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    user: UserId,
    session: SessionId,
    current: CurrentSession,
}

impl Actor {
    /// Counts a change that somebody makes to the own account.
    pub(crate) async fn count_change(&self) -> Result<(), Problem> {
        self.current.count_change(self.session, &self.by()).await
    }

    /// Where the request comes from.
    pub(crate) fn client(&self) -> Client {
        self.current.client()
    }

    pub(crate) fn by(&self) -> By {
        By::user(self.user, self.session, self.current.client())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let current = CurrentSession::from_request_parts(parts, state).await?;
        let (user, session, token) = current.signed_in()?;
        let actor = Actor { user: user.id, session: session.id, current };
        Ok(Self { user, session, token, actor })
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
            let back = way_back(parts);
            see_other(&with_next("/login", back.as_ref().map_or("", Next::as_str)))
        })
    }
}

/// Where somebody wanted to go who has to sign in first; for a form, the page that it is on. A
/// sign-in is a fresh proof too, so on the way to reauthentication it is what comes after that.
fn way_back(parts: &Parts) -> Option<Next> {
    let uri = &parts.uri;
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return page_of_form(parts);
    }
    if uri.path() == "/reauthenticate" {
        let query = Form::parse(uri.query()?.as_bytes()).ok()?;
        return Next::parse(query.find("next")?);
    }
    Next::parse(uri.path_and_query()?.as_str())
}

/// The page that a form was sent from: as the browser says, if its path fits, or the one that
/// usually has it.
fn page_of_form(parts: &Parts) -> Option<Next> {
    let usual = form_page(parts.uri.path());
    let sent_from = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let sent_from = sent_from.and_then(|address| Url::parse(address).ok());
    let area = |path: &str| path.split('/').nth(1).map(str::to_owned);
    // Whoever wrote another address there could only choose among our own pages of this kind.
    let page = sent_from.filter(|from| area(from.path()) == area(usual)).and_then(|from| {
        let query = from.query().map(|query| format!("?{query}")).unwrap_or_default();
        Next::parse(&format!("{}{query}", from.path()))
    });
    page.or_else(|| Next::parse(usual))
}

/// The `{id}` of a path. One that cannot even be decoded names nothing.
pub(crate) struct PathId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Problem::not_found())
    }
}

/// Proof that the request comes from an administrator who proved who they are a moment ago, as
/// every change asks for.
#[derive(Clone, Debug)]
pub(crate) struct FreshAdministrator(pub(crate) CurrentUser);

impl FromRequestParts<AppState> for FreshAdministrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Administrator(current) = Administrator::from_request_parts(parts, state).await?;
        if !Sessions::from_ref(state).is_fresh(&current.session) {
            return Err(Problem::reauthentication_required());
        }
        Ok(Self(current))
    }
}

/// Like [`Administrator`], for pages: whoever is not signed in is sent to sign in.
#[derive(Clone, Debug)]
pub(crate) struct AdministratorOrLogin(pub(crate) CurrentUser);

impl<S: Send + Sync> FromRequestParts<S> for AdministratorOrLogin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let CurrentUserOrLogin(current) =
            CurrentUserOrLogin::from_request_parts(parts, state).await?;
        match current.user.role {
            Role::Admin => Ok(Self(current)),
            Role::User => Err(Problem::not_found().into_response()),
        }
    }
}

/// Like [`FreshAdministrator`], for the forms of pages: without a fresh proof the browser is sent
/// to give one, and comes back to the page that has the form.
#[derive(Clone, Debug)]
pub(crate) struct FreshAdministratorOrProof(pub(crate) CurrentUser);

impl FromRequestParts<AppState> for FreshAdministratorOrProof {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let AdministratorOrLogin(current) =
            AdministratorOrLogin::from_request_parts(parts, state).await?;
        if !Sessions::from_ref(state).is_fresh(&current.session) {
            let page = page_of_form(parts);
            let page = page.as_ref().map_or("", Next::as_str);
            return Err(see_other(&with_next("/reauthenticate", page)));
        }
        Ok(Self(current))
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
