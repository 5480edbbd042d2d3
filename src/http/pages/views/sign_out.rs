//! `GET /logout`.

use askama::Template;

use super::Frame;

/// Asks whether to sign out. A link must not do it, or any page could.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "sign_out.html")]
pub(crate) struct SignOutPage {
    /// Around it.
    pub(crate) frame: Frame,
}
