//! `GET /reauthenticate`, and `POST /reauthenticate` that failed.

use askama::Template;

use super::{Frame, Problems};

/// Asks somebody who is signed in for the password once more. Fields: `password`, `next`.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "reauthenticate.html")]
pub(crate) struct ReauthenticatePage {
    /// Around it.
    pub(crate) frame: Frame,
    /// Who is asked; shown, and for password managers.
    pub(crate) email: String,
    /// Where to go afterwards; empty for the account.
    pub(crate) next: String,
    /// What was wrong with the last attempt.
    pub(crate) problems: Problems,
}
