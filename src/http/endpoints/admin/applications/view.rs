//! View of the protected application and its rules.

use askama::Template;

use crate::http::web::page_context::PageContext;
use crate::rules::RuleText;

/// The protected application. Fields: `method`, `url`, `email`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/applications/applications.html")]
pub(crate) struct ApplicationsPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The origins that are guarded; none where no proxy asks.
    pub(crate) origins: Vec<String>,
    /// The proxy that asks, as the setting has it.
    pub(crate) proxy: &'static str,
    /// The names of the headers with the user.
    pub(crate) headers: String,
    /// The file of the rules; `None` without one.
    pub(crate) file: Option<String>,
    /// The rules in the order in which they are tried, the default last.
    pub(crate) rules: Vec<RuleText>,
    /// The request to decide about, and the decision.
    pub(crate) trial: Trial,
}

/// A request to decide about, and the decision.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trial {
    /// As typed.
    pub(crate) method: String,
    /// As typed.
    pub(crate) url: String,
    /// As typed; empty for somebody who is not signed in.
    pub(crate) email: String,
    /// The decision; `None` before a request is typed.
    pub(crate) outcome: Option<Outcome>,
}

/// A decision as a page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Whether the request may pass.
    pub(crate) is_allowed: bool,
    /// The key of the text that says why, or why not.
    pub(crate) reason: &'static str,
    /// The rule, as text; `None` where no rule was asked.
    pub(crate) rule: Option<String>,
}
