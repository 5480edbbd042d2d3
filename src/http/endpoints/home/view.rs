//! `GET /`.

use askama::Template;

use crate::http::web::page_context::Frame;

/// The start page: what this is, and the ways in.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "home/landing.html")]
pub(crate) struct LandingPage {
    /// Around it; who is signed in sees the ways on instead of the ways in.
    pub(crate) frame: Frame,
    /// Whether to offer sign-up.
    pub(crate) signup_open: bool,
}
