//! Renders pages: the context of a request, HTML responses, form errors.

use std::convert::Infallible;

use askama::Template as Page;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::accounts::{Role, User};
use crate::http::response::error::{Code, Problem};
use crate::http::routes::{APPLICATION_AREA, is_under, keeps_path_after_post};
use crate::http::session::cookie::preference;
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::session::language::Language;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::{PageContext, SignedInUser};
use crate::http::web::texts::Texts;
use crate::http::web::theme::Theme;
use crate::sessions::SessionId;

impl<S: Send + Sync> FromRequestParts<S> for PageContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut context = page_context_of(&parts.method, &parts.uri, &parts.headers);
        let current = parts.extensions.get::<CurrentSession>();
        if let Some(SessionState::Live(identity)) = current.map(CurrentSession::session_state) {
            let is_elsewhere = context.is_at_application;
            let user = identity.user.as_deref().filter(|_| !is_elsewhere);
            context.signed_in = user.map(|user| who(user, identity.session.id));
        }
        Ok(context)
    }
}

/// The page context without a signed-in user.
pub(crate) fn page_context_of(method: &Method, uri: &Uri, headers: &HeaderMap) -> PageContext {
    let answers_get =
        matches!(*method, Method::GET | Method::HEAD) || keeps_path_after_post(uri.path());
    let path = uri.path_and_query().filter(|_| answers_get);
    PageContext {
        language: Language::of_headers(headers),
        theme: Theme::of(preference(headers, "theme")),
        signed_in: None,
        path: path.map_or_else(|| "/".to_owned(), ToString::to_string),
        form: String::new(),
        is_at_application: is_under(APPLICATION_AREA, uri.path()),
    }
}

fn who(user: &User, session: SessionId) -> SignedInUser {
    let name = user.name.as_str();
    SignedInUser {
        name_or_email: if name.is_empty() { user.email.display() } else { name.to_owned() },
        session: session.to_string(),
        is_admin: user.role == Role::Admin,
    }
}

/// Renders a page, with the status that the API would give.
pub(crate) fn render(status: StatusCode, page: &impl Page) -> Response {
    match page.render() {
        Ok(html) => {
            let media_type = HeaderValue::from_static("text/html; charset=utf-8");
            (status, [(header::CONTENT_TYPE, media_type)], html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "could not render a page");
            Problem::internal().into_response()
        }
    }
}

/// The response to a form that was rejected: the form again, with its problems.
#[derive(Clone, Copy)]
pub(crate) struct RejectedForm {
    status: StatusCode,
    retry_after: Option<u64>,
    code: Code,
}

impl RejectedForm {
    /// Whether a password was wrong.
    pub(crate) fn had_wrong_password(self) -> bool {
        self.code == Code::InvalidCredentials
    }

    /// Renders the form again, with the status and the `Retry-After` of the API.
    pub(crate) fn render(self, page: &impl Page) -> Response {
        let mut response = render(self.status, page);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The error of a field of a new client.
fn client_message(texts: Texts, code: &str) -> String {
    match code {
        "invalid_name" => texts.get("client-invalid_name"),
        "name_taken" => texts.get("client-name_taken"),
        "too_many_clients" => texts.get("client-too_many_clients"),
        "invalid_audience" => texts.get("client-invalid_audience"),
        "invalid_scope" => texts.get("client-invalid_scope"),
        "too_many" => texts.get("client-too_many"),
        "shared_secret" => texts.get("client-shared_secret"),
        "audience_taken" => texts.get("client-audience_taken"),
        "invalid_redirect_uri" => texts.get("client-invalid_redirect_uri"),
        "redirect_uri_missing" => texts.get("client-redirect_uri_missing"),
        "redirect_uri_unsafe" => texts.get("client-redirect_uri_unsafe"),
        "public_client" => texts.get("client-public_client"),
        _ => texts.get("client-unknown_algorithm"),
    }
}

/// The problems of a form that was rejected. An error that no form can show is returned.
pub(crate) fn problems_of(
    problem: Problem,
    context: &PageContext,
    minimum_length: u32,
) -> Result<(RejectedForm, Problems), Problem> {
    let texts = context.texts();
    let problems = match problem.code {
        Code::InvalidInput if !problem.errors.is_empty() => {
            problem.errors.iter().fold(Problems::none(), |all, (field, error)| {
                let message = match (*field, error.code) {
                    ("email", "too_long") => texts.get("email-too_long"),
                    ("email", "not_one_at") => texts.get("email-not_one_at"),
                    ("email", _) => texts.get("email-invalid"),
                    ("audiences" | "scopes" | "algorithm" | "redirect_uris", code)
                    | ("name", code @ ("invalid_name" | "name_taken" | "too_many_clients")) => {
                        client_message(texts, code)
                    }
                    ("name", "too_long") => texts.get("name-too_long"),
                    ("name", _) => texts.get("name-invisible"),
                    ("groups" | "allowed_groups", "too_many") => texts.get("groups-too_many"),
                    ("groups" | "allowed_groups", "reserved_name") => {
                        texts.get("groups-reserved_name")
                    }
                    ("groups" | "allowed_groups", _) => texts.get("groups-invalid_name"),

                    (_, code) => texts.weak_password(code, minimum_length),
                };
                all.and(field, message)
            })
        }
        Code::EmailTaken => Problems::of_field("email", texts.get("email-taken")),
        Code::InvalidCredentials => Problems::of_form(texts.get("sign-in-refused")),
        Code::TooManyAttempts => {
            Problems::of_form(texts.too_many_attempts(problem.retry_after.unwrap_or(1)))
        }
        Code::Busy
        | Code::Unavailable
        | Code::SessionLimitReached
        | Code::SignupClosed
        | Code::EmailUnverified
        | Code::LastAdministrator => Problems::of_form(texts.error_detail(problem.code.as_str())),
        _ => return Err(problem),
    };
    let Problem { status, retry_after, code, .. } = problem;
    Ok((RejectedForm { status, retry_after, code }, problems))
}
