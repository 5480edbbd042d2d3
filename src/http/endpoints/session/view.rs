//! Views of the pages that sign in, sign out and reauthenticate.

use crate::http::security::redirect::with_next;
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use askama::Template;

/// Signing in. Fields: `email`, `password`, `remember_me` (value `true`, absent when not ticked),
/// `next`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "session/sign_in.html")]
pub(crate) struct SignInPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
    /// The email address as typed.
    pub(crate) email: String,
    /// Whether the box is ticked.
    pub(crate) remember_me: bool,
    /// Where to go afterwards; empty for the account.
    pub(crate) next: String,
    /// Why the session of the cookie has ended, as the word of the contract, or
    /// `unknown`. A word without a text shows nothing.
    pub(crate) ended: Option<&'static str>,
    /// The problem with the cookies of the browser.
    pub(crate) cookies: Cookies,
    /// The passkey that nobody has, for the browser to forget it.
    pub(crate) unknown_passkey: Option<String>,
    /// Which other ways to offer: passkeys, sign-up, a new password by mail.
    pub(crate) offers: FormSettings,
}

/// The treatment of the session cookie by a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookies {
    /// Nothing that would be wrong.
    Usable,
    /// It sent two cookies of the session's name.
    Several,
    /// It was just signed in and did not keep the cookie.
    NotKept,
}

impl SignInPage {
    fn brought_several_cookies(&self) -> bool {
        self.cookies == Cookies::Several
    }

    fn cookie_was_refused(&self) -> bool {
        self.cookies == Cookies::NotKept
    }

    fn sign_up_link(&self) -> String {
        with_next("/signup", &self.next)
    }

    /// The end of the session before; an attempt that just failed matters more.
    fn ended_text(&self) -> Option<String> {
        self.ended
            .filter(|_| self.problems.is_empty())
            .and_then(|reason| self.context.texts().ended(reason))
    }
}

/// Asks whether to sign out. A link must not do it, or any page could.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "session/sign_out.html")]
pub(crate) struct SignOutPage {
    /// The page context.
    pub(crate) context: PageContext,
}

/// Asks a signed-in user for the password again, or for a code where the account has a second
/// factor. Fields: `password` or `code`, `next`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "session/reauthenticate.html")]
pub(crate) struct ReauthenticatePage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Who is asked; shown, and for password managers.
    pub(crate) email: String,
    /// Whether to ask for a code.
    pub(crate) asks_for_code: bool,
    /// Whether a passkey can be used.
    pub(crate) has_passkey: bool,
    /// Where to go afterwards; empty for the account.
    pub(crate) next: String,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
}
