//! `GET /`.

use askama::Template;

use crate::http::web::page_context::PageContext;

/// The start page, with links to sign in and sign up.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "home/landing.html")]
pub(crate) struct LandingPage {
    /// The page context; a signed-in user gets links to the account instead.
    pub(crate) context: PageContext,
    /// Whether to offer sign-up.
    pub(crate) signup_open: bool,
}
