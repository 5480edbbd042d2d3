//! `GET /account/profile`, and `POST /account/profile` that failed.

use askama::Template;

use super::{Frame, Problems};

/// Another name or address. Fields: `name`, `email`.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "profile.html")]
pub(crate) struct ProfilePage {
    /// Around it.
    pub(crate) frame: Frame,
    /// What was wrong with the last attempt.
    pub(crate) problems: Problems,
    /// The name, as typed.
    pub(crate) name: String,
    /// The address, as typed.
    pub(crate) email: String,
}
