//! The answer to a request for a code: a redirect to the client, or a form that leads there.

use axum::http::StatusCode;
use axum::response::Response;
use url::Url;

use super::view::FormPostPage;
use crate::http::security::headers::forms_lead_to;
use crate::http::security::redirect::see_other;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;

/// Where the answer to a request goes: a registered redirect URI of the client.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) redirect_uri: String,
    /// The client finds it in the answer again.
    pub(super) state: Option<String>,
    /// Whether the answer is sent by a form (OAuth 2.0 Form Post Response Mode) instead of a query.
    pub(super) by_form: bool,
}

/// An error that the client is told (RFC 6749, section 4.1.2.1; `OpenID` Connect Core, 3.1.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AuthorizationError {
    pub(super) error: &'static str,
    /// A sentence for developers.
    pub(super) description: &'static str,
}

impl Target {
    /// Leads the browser to the client with a code.
    pub(super) fn grant(&self, code: &str, issuer: &str, context: PageContext) -> Response {
        self.answer(&[("code", code)], issuer, context)
    }

    /// Leads the browser to the client with an error.
    pub(super) fn refuse(
        &self,
        error: &AuthorizationError,
        issuer: &str,
        context: PageContext,
    ) -> Response {
        let AuthorizationError { error, description } = error;
        self.answer(&[("error", error), ("error_description", description)], issuer, context)
    }

    /// `iss` names this server, so that a client of several is not misled (RFC 9207).
    fn answer(&self, fields: &[(&str, &str)], issuer: &str, context: PageContext) -> Response {
        let state = self.state.as_deref().map(|state| ("state", state));
        let fields = fields.iter().copied().chain(state).chain([("iss", issuer)]);
        if self.by_form {
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let page = FormPostPage { context, action: self.redirect_uri.clone(), fields };
            return forms_lead_to(&self.redirect_uri, render(StatusCode::OK, &page));
        }
        // It was parsed when the client was registered.
        let Ok(mut address) = Url::parse(&self.redirect_uri) else { return see_other("/") };
        address.query_pairs_mut().extend_pairs(fields);
        see_other(address.as_str())
    }
}
