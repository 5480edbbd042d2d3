//! `GET /invitation`, and `POST /invitation` that failed.

use askama::Template;

use super::{Frame, Problems};

/// Setting the password of an account that an administrator made. Fields: `token`, `password`.
/// The path in its frame carries the token too, or a change of language would lose it.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "invitation.html")]
pub(crate) struct InvitationPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The secret of the link.
    pub(crate) token: String,
    /// Whose account it is; shown, and for password managers.
    pub(crate) email: String,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// What was wrong with the last attempt.
    pub(crate) problems: Problems,
}
