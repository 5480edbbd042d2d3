//! `GET /setup`, and `POST /setup` that failed.

use askama::Template;

use super::{Frame, Problems};

/// Making the first administrator. Fields: `token`, `email`, `name`, `password`. The path in
/// its frame carries the token too, or a change of language would lose it.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "setup.html")]
pub(crate) struct SetupPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The secret of the link.
    pub(crate) token: String,
    /// The email address as typed.
    pub(crate) email: String,
    /// The name as typed.
    pub(crate) name: String,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// What was wrong with the last attempt.
    pub(crate) problems: Problems,
}
