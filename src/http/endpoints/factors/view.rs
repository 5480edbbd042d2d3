//! Views of the pages of second factors.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::accounts::Passkey;
use crate::http::security::redirect::with_next;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;

/// The second step of a sign-in. Fields: `code`, `next`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "factors/second_step.html")]
pub(crate) struct SecondStepPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Where to go afterwards; empty for the account.
    pub(crate) next: String,
    /// Whether a passkey can be used.
    pub(crate) has_passkey: bool,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
}

/// The second factors of the account.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "factors/factors.html")]
pub(crate) struct FactorsPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Whether there is an authenticator app.
    pub(crate) has_totp: bool,
    /// Whether there is any factor, passkeys that are switched off included.
    pub(crate) has_factor: bool,
    /// How many recovery codes can still be used.
    pub(crate) codes_left: u32,
    /// Its passkeys.
    pub(crate) passkeys: Vec<Passkey>,
    /// The id under which browsers keep them; `None` where passkeys are off.
    pub(crate) passkey_host: Option<String>,
    /// The account, as browsers keep it with them.
    pub(crate) user_handle: String,
    /// The last change, as the word of the address.
    pub(crate) done: Option<String>,
}

impl FactorsPage {
    /// The text about the last change, and whether it worked.
    fn notice(&self) -> Option<(bool, String)> {
        let text = |key| self.context.text(key);
        Some(match self.done.as_deref()? {
            "removed" => (true, text("factors-removed")),
            "passkey-added" => (true, text("passkeys-added")),
            "passkey-renamed" => (true, text("passkeys-renamed")),
            "passkey-removed" => (true, text("passkeys-removed")),
            "passkey-refused" => (false, text("passkeys-failed")),
            "passkey-name-refused" => (false, text("passkeys-name-refused")),
            _ => return None,
        })
    }

    /// The ids of their credentials, with blanks in between.
    fn credential_ids(&self) -> String {
        let ids = self.passkeys.iter().map(|one| URL_SAFE_NO_PAD.encode(&one.credential_id));
        ids.collect::<Vec<_>>().join(" ")
    }
}

/// Setting up an authenticator app. Fields: `code`, `next`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "factors/set_up.html")]
pub(crate) struct SetUpPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Where to go afterwards; empty for the account.
    pub(crate) next: String,
    /// Whether the account must have a second factor to sign in.
    pub(crate) is_required: bool,
    /// Whether to offer a passkey instead.
    pub(crate) passkeys_on: bool,
    /// The secret for the app; `None` before the set-up was begun.
    pub(crate) shown: Option<ShownSecret>,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
}

/// The secret of an authenticator app that is being set up.
#[derive(Clone)]
pub(crate) struct ShownSecret {
    /// In base32, in groups of four.
    pub(crate) secret: String,
    /// The address that the app opens.
    pub(crate) uri: String,
    /// The address as a QR code: an SVG element that this server made.
    pub(crate) qr: String,
}

/// New recovery codes, shown once.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "factors/codes.html")]
pub(crate) struct CodesPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The codes.
    pub(crate) codes: Vec<String>,
    /// Whether an authenticator app was just added.
    pub(crate) was_added: bool,
    /// Where to go now.
    pub(crate) next: String,
}

impl SetUpPage {
    fn back_link(&self) -> &'static str {
        if self.is_required { "/login" } else { "/account/second-factor" }
    }
}

impl SecondStepPage {
    fn sign_in_link(&self) -> String {
        with_next("/login", &self.next)
    }
}

impl CodesPage {
    /// A text file of the codes, as an address: codes consist of letters, digits and hyphens.
    fn download(&self) -> String {
        format!("data:text/plain;charset=utf-8,{}%0A", self.codes.join("%0A"))
    }
}
