//! `GET /`: the start page.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::endpoints::home::view::LandingPage;
use crate::http::response::error::Problem;
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::state::FormSettings;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;

/// `GET /`: the start page.
pub(crate) async fn home(
    State(form_settings): State<FormSettings>,
    current: CurrentSession,
    context: PageContext,
) -> Response {
    if let SessionState::Unknown = current.session_state() {
        return Problem::silent_store().into_response();
    }
    render(StatusCode::OK, &LandingPage { context, signup_open: form_settings.signup_is_open })
}
