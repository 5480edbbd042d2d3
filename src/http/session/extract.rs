//! Extractors: the session, the signed-in user, the administrator, the id of the path.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::accounts::{Role, User, UserId};
use crate::audit::By;
use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::http::routes::form_page;
use crate::http::security::redirect::{Next, see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::sessions::{Client, FreshProof, Session, SessionId, Token};
use crate::use_cases::Authorized;

impl<S: Send + Sync> FromRequestParts<S> for CurrentSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a handler asks for the session, but no SessionLayer is around it");
            Problem::internal()
        })
    }
}

/// The signed-in user of the request. Without one, the response is 401.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// The user.
    pub user: Arc<User>,
    /// The session.
    pub session: Arc<Session>,
    pub(crate) token: Token,
    pub(crate) actor: RequestActor,
}

/// The actor of an action, for the audit trail.
#[derive(Clone, Debug)]
pub(crate) struct RequestActor {
    user: UserId,
    session: SessionId,
    current: CurrentSession,
}

impl RequestActor {
    /// Counts a change of the actor's own account.
    pub(crate) async fn count_change(&self) -> Result<(), Problem> {
        self.current.count_change(self.session.as_uuid(), &self.by()).await
    }

    /// Runs a change of the actor's own account, if the limit of changes allows it.
    pub(crate) async fn counted<T, E: Into<Problem>>(
        &self,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Problem> {
        self.count_change().await?;
        change.await.map_err(Into::into)
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
        let actor = RequestActor { user: user.id, session: session.id, current };
        Ok(Self { user, session, token, actor })
    }
}

impl CurrentUser {
    /// `Some` if the user proved their identity a moment ago.
    pub(crate) fn fresh_proof(&self) -> Option<FreshProof> {
        self.actor.current.fresh_proof(&self.session)
    }

    /// The right to change accounts, which needs a fresh proof.
    pub(crate) fn authorized(&self) -> Option<Authorized> {
        Some(Authorized::by_user(self.fresh_proof()?, self.actor.by()))
    }
}

/// `Option<CurrentUser>`: `None` without a live session of a user. A store that fails is still 503.
impl<S: Send + Sync> axum::extract::OptionalFromRequestParts<S> for CurrentUser {
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

/// Like [`CurrentUser`], for pages: without, the browser is sent to the sign-in page and comes
/// back from there. If the store fails, the response is 503 instead.
#[derive(Clone, Debug)]
pub struct CurrentUserOrLogin(pub CurrentUser);

impl<S: Send + Sync> FromRequestParts<S> for CurrentUserOrLogin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let proof = CurrentUser::from_request_parts(parts, state).await;
        proof.map(Self).map_err(|problem| {
            if problem.status != StatusCode::UNAUTHORIZED {
                return problem.into_response();
            }
            see_other(&with_next("/login", &return_path(parts).unwrap_or_default()))
        })
    }
}

/// The redirect target after a sign-in: the requested page, or the page of a submitted form. A
/// sign-in also reauthenticates, so for `/reauthenticate` it is the target after that.
fn return_path(parts: &Parts) -> Option<String> {
    let path = |next: Next| next.as_str().to_owned();
    let uri = &parts.uri;
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return page_of_form(parts).map(path);
    }
    if uri.path() == "/reauthenticate" {
        let query = Form::parse(uri.query()?.as_bytes()).ok()?;
        // The sign-in page decides whether it is safe.
        return query.find("next").map(str::to_owned);
    }
    Next::parse(uri.path_and_query()?.as_str()).map(path)
}

/// The page that a form was sent from: as the browser says, if its path fits, or the one that
/// usually has it.
fn page_of_form(parts: &Parts) -> Option<Next> {
    let usual = form_page(parts.uri.path());
    let sent_from = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let sent_from = sent_from.and_then(|address| Url::parse(address).ok());
    let area = |path: &str| path.split('/').nth(1).map(str::to_owned);
    // A forged header can only choose among our own pages of the same area.
    let page = sent_from
        .filter(|from| area(from.path()) == area(usual))
        .and_then(|from| Next::parse(&format!("{}{}", from.path(), query_without_done(&from))));
    page.or_else(|| Next::parse(usual))
}

/// The query of a page with a form. `done` reports what an earlier form did: it must not come back
/// after a form that changed nothing.
fn query_without_done(page: &Url) -> String {
    let pairs = page.query().unwrap_or_default().split('&');
    let kept: Vec<&str> =
        pairs.filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("done")).collect();
    if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) }
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

/// An administrator with a fresh proof of identity, as every change requires.
#[derive(Clone, Debug)]
pub(crate) struct FreshAdministrator(pub(crate) Authorized);

impl<S: Send + Sync> FromRequestParts<S> for FreshAdministrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let RequireAdmin(current) = RequireAdmin::from_request_parts(parts, state).await?;
        current.authorized().map(Self).ok_or_else(Problem::reauthentication_required)
    }
}

/// Like [`RequireAdmin`], for pages: without a user, the browser is sent to the sign-in page.
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
pub(crate) struct FreshAdministratorOrProof(pub(crate) CurrentUser, pub(crate) Authorized);

impl<S: Send + Sync> FromRequestParts<S> for FreshAdministratorOrProof {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let AdministratorOrLogin(current) =
            AdministratorOrLogin::from_request_parts(parts, state).await?;
        let Some(authorized) = current.authorized() else {
            let page = page_of_form(parts);
            let page = page.as_ref().map_or("", Next::as_str);
            return Err(see_other(&with_next("/reauthenticate", page)));
        };
        Ok(Self(current, authorized))
    }
}
