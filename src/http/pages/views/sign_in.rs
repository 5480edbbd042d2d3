//! `GET /login`, and `POST /login` that failed.

use askama::Template;

use super::{Frame, Problems};
use crate::http::redirect::with_next;

/// Signing in. Fields: `email`, `password`, `remember_me` (value `true`, absent when not ticked),
/// `next`.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "sign_in.html")]
pub(crate) struct SignInPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// What was wrong with the last attempt.
    pub(crate) problems: Problems,
    /// The email address as typed.
    pub(crate) email: String,
    /// Whether the box is ticked.
    pub(crate) remember_me: bool,
    /// Where to go afterwards; empty for the account.
    pub(crate) next: String,
    /// Why the session that the browser brought has ended, as the word of the contract, or
    /// `unknown` where nobody can tell. A word without a text shows nothing.
    pub(crate) ended: Option<&'static str>,
    /// Whether the browser brought two cookies of the session's name.
    pub(crate) duplicate_cookies: bool,
    /// Whether the browser was just signed in and did not keep the cookie.
    pub(crate) cookies_needed: bool,
    /// Whether to offer sign-up.
    pub(crate) signup_open: bool,
}

impl SignInPage {
    fn sign_up_link(&self) -> String {
        with_next("/signup", &self.next)
    }

    /// What happened to the session before; an attempt that just failed matters more.
    fn ended_text(&self) -> Option<String> {
        self.ended
            .filter(|_| self.problems.is_empty())
            .and_then(|reason| self.frame.texts().ended(reason))
    }
}
