//! `GET /`: the start page.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::endpoints::home::view::LandingPage;
use crate::http::response::error::Problem;
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::state::FormSettings;
use crate::http::web::page_context::Frame;
use crate::http::web::render::shown;

/// `GET /`: what this is, and the ways in or on.
pub(crate) async fn home(
    State(form_settings): State<FormSettings>,
    current: CurrentSession,
    frame: Frame,
) -> Response {
    if let SessionState::Unknown = current.session_state() {
        return Problem::silent_store().into_response();
    }
    shown(StatusCode::OK, &LandingPage { frame, signup_open: form_settings.signup_is_open })
}
