//! Views of the pages that make accounts: sign-up, invitation, setup.

use crate::http::security::redirect::with_next;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use askama::Template;

/// Making an account. Fields: `email`, `name`, `password`, `next`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "signup/sign_up.html")]
pub(crate) struct SignUpPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Whether sign-up is open; if not, the page says so and shows no form.
    pub(crate) is_open: bool,
    /// The problem of the last attempt.
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

/// Setting the password of an account that an administrator made. Fields: `token`, `password`.
/// The path in its page context carries the token too, or a change of language would lose it.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "signup/invitation.html")]
pub(crate) struct InvitationPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The secret of the link.
    pub(crate) token: String,
    /// Whose account it is; shown, and for password managers.
    pub(crate) email: String,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
}

/// Making the first administrator. Fields: `token`, `email`, `name`, `password`. The path in
/// its page context carries the token too, or a change of language would lose it.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "signup/setup.html")]
pub(crate) struct SetupPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The secret of the link.
    pub(crate) token: String,
    /// The email address as typed.
    pub(crate) email: String,
    /// The name as typed.
    pub(crate) name: String,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
}
