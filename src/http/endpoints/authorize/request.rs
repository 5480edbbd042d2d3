//! Requests for a code (RFC 6749, section 4.1.1; RFC 7636; `OpenID` Connect Core, section 3.1.2.1).

use url::form_urlencoded::Serializer;

use super::target::{AuthorizationError, Target};
use super::view::WrongPart;
use crate::http::request::body::Form;
use crate::tokens::{CodeDetails, CodeRequest, OAuthClient, Registry, Scope};

/// The longest `state` and `nonce`, in bytes. They are repeated in answers.
const LONGEST_TEXT: usize = 1024;
/// The longest request, in bytes of its query: it has to come back from the sign-in page.
const LONGEST_REQUEST: usize = 1900;
/// When the user has to have proven their identity, where an earlier step of the request asked for
/// it: seconds since 1970. It takes the place of `prompt=login` and `max_age`.
const PROVEN_SINCE: &str = "proven_since";
/// The parameters of a request that this server reads. No other comes back from the sign-in page.
pub(super) const PARAMETERS: [&str; 18] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "acr_values",
    "login_hint",
    "resource",
    "request",
    "request_uri",
    "registration",
    PROVEN_SINCE,
];
/// Scopes of `OpenID` Connect that this server does not know, and that no client has to miss.
const PASSED_OVER: [&str; 3] = ["address", "phone", "offline_access"];
/// The class of two factors, in `acr_values`.
const TWO_FACTORS: &str = "2";

/// Why there is no code, found out before anybody is asked.
#[derive(Debug)]
pub(super) enum Refused {
    /// The client or the redirect URI is wrong, so nobody is sent there.
    AtPage(WrongPart),
    /// The client is told.
    AtClient(Target, AuthorizationError),
}

/// Which steps the client wants between the request and the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// No page may be shown.
    pub(super) is_silent: bool,
    /// The user proves their identity again.
    pub(super) login: bool,
    /// The user is asked for consent again.
    pub(super) consent: bool,
}

/// A valid request of a known client.
#[derive(Debug)]
pub(super) struct AuthorizationRequest<'r> {
    pub(super) client: &'r OAuthClient,
    pub(super) target: Target,
    pub(super) code: CodeRequest,
    pub(super) scopes: Vec<Scope>,
    pub(super) prompt: Prompt,
    /// The oldest proof of identity that will do, in seconds.
    pub(super) max_age: Option<u64>,
    /// Whether two factors are wanted.
    pub(super) wants_two_factors: bool,
    /// The proof of identity has to be as young as this instant, in seconds since 1970.
    pub(super) proven_since: Option<u64>,
}

impl<'r> AuthorizationRequest<'r> {
    /// Reads a request. The client and the redirect URI come first: before these are known, an error
    /// must not lead anywhere (RFC 9700, section 4.11).
    pub(super) fn parse(registry: &'r Registry, form: &Form) -> Result<Self, Refused> {
        let client = registry.client(form.get("client_id"));
        let client = client.ok_or(Refused::AtPage(WrongPart::Client))?;
        let redirect_uri = form.get("redirect_uri");
        if !client.allows_redirect_to(redirect_uri) {
            return Err(Refused::AtPage(WrongPart::RedirectUri));
        }
        let mut target = Target {
            redirect_uri: redirect_uri.to_owned(),
            state: value(form, "state").map(str::to_owned),
            by_form: form.get("response_mode") == "form_post",
        };
        let length = query_of(form, &[]).len();
        let is_long = |name| form.get(name).len() > LONGEST_TEXT;
        if length > LONGEST_REQUEST || is_long("state") || is_long("nonce") {
            target.state = target.state.filter(|state| state.len() <= LONGEST_TEXT);
            let error =
                invalid("The request is too long: state and nonce have at most 1024 bytes.");
            return Err(Refused::AtClient(target, error));
        }
        match Self::checked(registry, client, (form, &target)) {
            Ok(request) => Ok(request),
            Err(error) => Err(Refused::AtClient(target, error)),
        }
    }

    fn checked(
        registry: &'r Registry,
        client: &'r OAuthClient,
        (form, target): (&Form, &Target),
    ) -> Result<Self, AuthorizationError> {
        supported(form)?;
        let challenge = challenge(form)?;
        let scopes = scopes(client, form.get("scope"))?;
        let audience = value(form, "resource").map(str::to_owned);
        if audience.as_ref().is_some_and(|one| !client.has_audience(one, &registry.issuer)) {
            let description = "The client has no such audience.";
            return Err(AuthorizationError { error: "invalid_target", description });
        }
        let number = |name: &str, description| match value(form, name) {
            None => Ok(None),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Some).map_err(|_| invalid(description))
            }
            Some(_) => Err(invalid(description)),
        };
        let scope: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
        let details = CodeDetails {
            client: client.id.to_string(),
            // When it is granted.
            made_at: 0,
            scope: scope.join(" "),
            nonce: value(form, "nonce").map(str::to_owned),
            audience,
        };
        Ok(Self {
            client,
            target: target.clone(),
            code: CodeRequest {
                client: client.id,
                redirect_uri: target.redirect_uri.clone(),
                challenge,
                details,
            },
            scopes,
            prompt: prompt(form.get("prompt"))?,
            max_age: number("max_age", "`max_age` is a number of seconds.")?,
            wants_two_factors: form.get("acr_values").split(' ').any(|one| one == TWO_FACTORS),
            proven_since: number(PROVEN_SINCE, "`proven_since` is not for clients.")?,
        })
    }
}

/// A parameter. One without a value counts as left out (RFC 6749, section 3.1).
fn value<'f>(form: &'f Form, name: &str) -> Option<&'f str> {
    form.find(name).filter(|value| !value.is_empty())
}

fn invalid(description: &'static str) -> AuthorizationError {
    AuthorizationError { error: "invalid_request", description }
}

/// Whether the client asks for anything that this server does not do.
fn supported(form: &Form) -> Result<(), AuthorizationError> {
    for (parameter, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if value(form, parameter).is_some() {
            let description = "Send the parameters in the query or in a form.";
            return Err(AuthorizationError { error, description });
        }
    }
    if form.get("response_type") != "code" {
        let description = "Use response_type=code: there is no other flow.";
        return Err(AuthorizationError { error: "unsupported_response_type", description });
    }
    match form.get("response_mode") {
        "" | "query" | "form_post" => Ok(()),
        _ => Err(invalid("`response_mode` is query or form_post.")),
    }
}

/// The challenge of PKCE, which every client sends (RFC 9700, section 2.1.1).
fn challenge(form: &Form) -> Result<String, AuthorizationError> {
    let challenge = form.get("code_challenge");
    let is_url_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if form.get("code_challenge_method") != "S256"
        || challenge.len() != 43
        || !challenge.bytes().all(is_url_safe)
    {
        return Err(invalid("Send code_challenge with code_challenge_method=S256 (RFC 7636)."));
    }
    Ok(challenge.to_owned())
}

/// The scopes that are asked for, each once.
fn scopes(client: &OAuthClient, asked: &str) -> Result<Vec<Scope>, AuthorizationError> {
    let mut scopes: Vec<Scope> = Vec::new();
    for name in asked.split(' ').filter(|name| !name.is_empty()) {
        if PASSED_OVER.contains(&name) {
            continue;
        }
        let known = client.sign_in_scopes().find(|scope| scope.as_str() == name);
        let scope = known.ok_or(AuthorizationError {
            error: "invalid_scope",
            description: "The client was not registered with one of these scopes.",
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

fn prompt(text: &str) -> Result<Prompt, AuthorizationError> {
    let mut prompt = Prompt::default();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "none" => prompt.is_silent = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(invalid("`prompt` is none, or login, consent, select_account.")),
        }
    }
    if prompt.is_silent && (prompt.login || prompt.consent) {
        return Err(invalid("`prompt=none` stands alone."));
    }
    Ok(prompt)
}

/// The query of a request, with other values in place of some.
fn query_of(form: &Form, changed: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    for name in PARAMETERS {
        let other = changed.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        if let Some(value) = other.or(form.find(name)).filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// The path of a request, for the browser to come back to.
pub(super) fn path_of(form: &Form) -> String {
    format!("/oauth/authorize?{}", query_of(form, &[]))
}

/// As [`path_of`], after a proof of identity that is still to be given.
pub(super) fn path_after_proof(form: &Form, now: u64) -> String {
    let prompt: Vec<&str> = form
        .get("prompt")
        .split(' ')
        .filter(|word| !matches!(*word, "login" | "select_account"))
        .collect();
    let changed =
        [("prompt", prompt.join(" ")), ("max_age", String::new()), (PROVEN_SINCE, now.to_string())];
    let changed = changed.each_ref().map(|(name, value)| (*name, value.as_str()));
    format!("/oauth/authorize?{}", query_of(form, &changed))
}
