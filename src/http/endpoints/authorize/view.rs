//! Views of the pages between a request for a code and its answer.

use askama::Template;

use crate::http::web::page_context::PageContext;

/// Asks whether a client may know who the user is. Fields: those of the request, and `decision`,
/// which is `allow` or `deny`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "authorize/consent.html")]
pub(crate) struct ConsentPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The name of the client.
    pub(crate) client: String,
    /// Where the answer leads: the origin of the redirect URI.
    pub(crate) destination: String,
    /// The signed-in user.
    pub(crate) email: String,
    /// The id of that user: by now, somebody else may be signed in.
    pub(crate) user: String,
    /// The scopes that are asked for.
    pub(crate) scopes: Vec<String>,
    /// The parameters of the request.
    pub(crate) fields: Vec<(String, String)>,
}

impl ConsentPage {
    /// A scope in words. One of a back end has none here: its name is shown.
    fn scope_text(&self, scope: &str) -> String {
        match scope {
            "openid" => self.context.text("consent-scope-openid"),
            "profile" => self.context.text("consent-scope-profile"),
            "email" => self.context.text("consent-scope-email"),
            "groups" => self.context.text("consent-scope-groups"),
            other => self.context.text_with("consent-scope-other", "scope", other.to_owned()),
        }
    }
}

/// A form that leads to the client, which the script sends at once.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "authorize/form_post.html")]
pub(crate) struct FormPostPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The redirect URI.
    pub(crate) action: String,
    /// The answer.
    pub(crate) fields: Vec<(String, String)>,
}

/// Says that an application sent a request that leads nowhere.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "authorize/refused.html")]
pub(crate) struct RefusedPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The part of the request that is wrong.
    pub(crate) wrong: WrongPart,
}

/// The part of a request for which nobody is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrongPart {
    Client,
    RedirectUri,
}

impl RefusedPage {
    fn reason(&self) -> String {
        match self.wrong {
            WrongPart::Client => self.context.text("authorize-unknown-client"),
            WrongPart::RedirectUri => self.context.text("authorize-unknown-redirect"),
        }
    }
}
