//! `GET /signup`, and `POST /signup` that failed.

use askama::Template;

use super::{Frame, Problems};
use crate::http::redirect::with_next;

/// Making an account. Fields: `email`, `name`, `password`, `next`.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "sign_up.html")]
pub(crate) struct SignUpPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// Whether sign-up is open; if not, the page says so and shows no form.
    pub(crate) is_open: bool,
    /// What was wrong with the last attempt.
    pub(crate) problems: Problems,
    /// The email address as typed.
    pub(crate) email: String,
    /// The name as typed.
    pub(crate) name: String,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// Where to go afterwards; empty for the account.
    pub(crate) next: String,
}

impl SignUpPage {
    fn sign_in_link(&self) -> String {
        with_next("/login", &self.next)
    }
}
