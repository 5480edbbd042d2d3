//! The start page, and the files that pages refer to.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::shown;
use super::views::{Frame, LandingPage};
use crate::http::assets;
use crate::http::current::{CurrentSession, SessionState};
use crate::http::error::Problem;
use crate::http::state::FormSettings;

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

/// `GET /assets/…`: an embedded file, to be kept for ever under its URL.
pub(crate) async fn asset(uri: Uri) -> Response {
    let Some(asset) = assets::find(uri.path()) else {
        return Problem::not_found().into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(assets::CACHE_CONTROL)),
    ];
    (headers, asset.bytes).into_response()
}
