//! `/oauth/authorize` and `/oauth/consent`: leads a signed-in browser to a client with a code.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use url::Url;

use super::request::{AuthorizationRequest, PARAMETERS, Refused, path_after_proof, path_of};
use super::target::AuthorizationError;
use super::view::{ConsentPage, RefusedPage};
use crate::accounts::User;
use crate::clock::SKEW;
use crate::http::endpoints::handover::page::{is_visit, not_a_visit};
use crate::http::endpoints::tokens::api::OpenRegistry;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::headers::forms_lead_to;
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::sessions::{HandoverError, Session, Sessions};
use crate::tokens::{CodeDetails, CodeRequest, Registry, authentication_class, seconds};
use crate::use_cases::{CodeFlow, GrantError, Reauthenticate};

/// The next step of a request.
enum Step {
    /// The user proves their identity, and comes back.
    Prove,
    /// The user is asked.
    AskForConsent,
    /// Everything is there.
    Grant,
    /// The client is told.
    Refuse(AuthorizationError),
}

/// `GET /oauth/authorize`: a code for a client, after a sign-in, a proof of identity and the consent
/// of the user where these are missing.
pub(crate) async fn authorize(
    (State(code_flow), State(reauthenticate), State(sessions)): (
        State<CodeFlow>,
        State<Reauthenticate>,
        State<Sessions>,
    ),
    OpenRegistry(registry): OpenRegistry,
    (current, context): (CurrentSession, PageContext),
    (method, headers, query): (Method, HeaderMap, Query),
) -> Result<Response, Problem> {
    if !is_visit(&method, &headers) {
        return Err(not_a_visit());
    }
    let form = query.form();
    let issuer = &*registry.issuer;
    let request = match AuthorizationRequest::parse(&registry, form) {
        Ok(request) => request,
        Err(refused) => return Ok(refuse(refused, issuer, context)),
    };
    let (user, session) = match current.signed_in() {
        Ok((user, session, _)) => (user, session),
        Err(problem) if problem.status != StatusCode::UNAUTHORIZED => return Err(problem),
        Err(_) if request.prompt.is_silent => {
            return Ok(request.target.refuse(&LOGIN_REQUIRED, issuer, context));
        }
        Err(_) => {
            // A sign-in is a proof of identity, too.
            let needs_proof = request.prompt.login || request.max_age.is_some();
            let after = || path_after_proof(form, seconds(sessions.now()));
            let path = if needs_proof { after() } else { path_of(form) };
            return Ok(see_other(&with_next("/login", &path)));
        }
    };
    let held = (&*session, &*user);
    match step(&request, held, (&code_flow, &reauthenticate, &sessions)).await? {
        Step::Refuse(error) => Ok(request.target.refuse(&error, issuer, context)),
        Step::Prove => {
            let path = path_after_proof(form, seconds(sessions.now()));
            Ok(see_other(&with_next("/reauthenticate", &path)))
        }
        Step::AskForConsent => Ok(ask(&request, form, &user, context)),
        Step::Grant => {
            grant((&code_flow, &sessions), &registry, (&request, form), (&session, context)).await
        }
    }
}

/// `POST /oauth/authorize`: the same. The cookie is not sent with a form of another site, so that the
/// browser comes back by GET.
pub(crate) async fn authorize_by_form(form: Form) -> Response {
    see_other(&path_of(&form))
}

/// `POST /oauth/consent`: the answer of the user.
pub(crate) async fn decide(
    (State(code_flow), State(reauthenticate), State(sessions)): (
        State<CodeFlow>,
        State<Reauthenticate>,
        State<Sessions>,
    ),
    OpenRegistry(registry): OpenRegistry,
    signed_in: Result<CurrentUser, Problem>,
    context: PageContext,
    form: Form,
) -> Result<Response, Problem> {
    let issuer = &*registry.issuer;
    let request = match AuthorizationRequest::parse(&registry, &form) {
        Ok(request) => request,
        Err(refused) => return Ok(refuse(refused, issuer, context)),
    };
    let CurrentUser { user, session, actor, .. } = match signed_in {
        Ok(signed_in) => signed_in,
        Err(problem) if problem.status != StatusCode::UNAUTHORIZED => return Err(problem),
        Err(_) => return Ok(see_other(&with_next("/login", &path_of(&form)))),
    };
    // The page was about somebody else, who was signed in before.
    if form.get("user") != user.id.to_string() {
        return Ok(see_other(&path_of(&form)));
    }
    if form.get("decision") != "allow" {
        return Ok(request.target.refuse(&ACCESS_DENIED, issuer, context));
    }
    let held = (&*session, &*user);
    match step(&request, held, (&code_flow, &reauthenticate, &sessions)).await? {
        Step::Refuse(error) => Ok(request.target.refuse(&error, issuer, context)),
        Step::Prove => Ok(see_other(&path_of(&form))),
        step @ (Step::AskForConsent | Step::Grant) => {
            if let Step::AskForConsent = step {
                actor.count_change().await?;
                code_flow.consent(request.client, &user, (&request.scopes, actor.by())).await?;
            }
            let shared = (&code_flow, &sessions);
            grant(shared, &registry, (&request, &form), (&session, context)).await
        }
    }
}

/// In seconds: another server may have been asked before.
const CLOCKS_DIFFER: u64 = SKEW.unsigned_abs().as_secs();
const TRY_AGAIN: AuthorizationError = AuthorizationError {
    error: "temporarily_unavailable",
    description: "The session has too many codes that were not exchanged: try again in 30 seconds.",
};
const LOGIN_REQUIRED: AuthorizationError =
    AuthorizationError { error: "login_required", description: "Nobody is signed in." };
const PROOF_REQUIRED: AuthorizationError = AuthorizationError {
    error: "login_required",
    description: "The user has to prove their identity again.",
};
const CONSENT_REQUIRED: AuthorizationError =
    AuthorizationError { error: "consent_required", description: "The user was not asked yet." };
const ACCESS_DENIED: AuthorizationError =
    AuthorizationError { error: "access_denied", description: "The user did not allow it." };
const NOT_ADMITTED: AuthorizationError = AuthorizationError {
    error: "access_denied",
    description: "The user is in none of the groups that may sign in to this client.",
};

async fn step(
    request: &AuthorizationRequest<'_>,
    (session, user): (&Session, &User),
    (code_flow, reauthenticate, sessions): (&CodeFlow, &Reauthenticate, &Sessions),
) -> Result<Step, Problem> {
    if !request.client.admits(user) {
        return Ok(Step::Refuse(NOT_ADMITTED));
    }
    let now = seconds(sessions.now());
    if request.needs_proof(session, now)
        || lacks_factor(request, session, user, reauthenticate).await?
    {
        let silent = request.prompt.is_silent;
        return Ok(if silent { Step::Refuse(PROOF_REQUIRED) } else { Step::Prove });
    }
    let asked = (&*request.scopes, &*request.target.redirect_uri);
    let is_asked =
        request.prompt.consent || code_flow.needs_consent(request.client, user, asked).await?;
    Ok(match (is_asked, request.prompt.is_silent) {
        (false, _) => Step::Grant,
        (true, false) => Step::AskForConsent,
        (true, true) => Step::Refuse(CONSENT_REQUIRED),
    })
}

/// Whether two factors are wanted of a user who has two and proved one. A user without a second factor
/// is not stopped: the client sees in `acr` which class it got (`OpenID` Connect Core, 5.5.1.1).
async fn lacks_factor(
    request: &AuthorizationRequest<'_>,
    session: &Session,
    user: &User,
    reauthenticate: &Reauthenticate,
) -> Result<bool, Problem> {
    let is_two = authentication_class(session) == "2";
    if !request.wants_two_factors || is_two || request.proven_since.is_some() {
        return Ok(false);
    }
    let (has_factor, has_passkey) = reauthenticate.factors(user.id).await?;
    Ok(has_factor || has_passkey)
}

impl AuthorizationRequest<'_> {
    /// Whether the client wants a younger proof of identity than the session has.
    fn needs_proof(&self, session: &Session, now: u64) -> bool {
        let proven = seconds(session.authenticated_at.unwrap_or(session.created_at));
        self.prompt.login
            || self.max_age.is_some_and(|age| proven.saturating_add(age) < now)
            || self.proven_since.is_some_and(|since| proven + CLOCKS_DIFFER < since)
    }
}

fn refuse(refused: Refused, issuer: &str, context: PageContext) -> Response {
    match refused {
        Refused::AtPage(wrong) => render(StatusCode::BAD_REQUEST, &RefusedPage { context, wrong }),
        Refused::AtClient(target, error) => target.refuse(&error, issuer, context),
    }
}

fn ask(
    request: &AuthorizationRequest<'_>,
    form: &Form,
    user: &User,
    context: PageContext,
) -> Response {
    let fields = PARAMETERS.iter().filter_map(|name| Some((*name, form.find(name)?)));
    let redirect_uri = &request.target.redirect_uri;
    let origin = Url::parse(redirect_uri).map(|url| url.origin().ascii_serialization());
    let page = ConsentPage {
        context: PageContext { path: path_of(form), ..context },
        client: request.client.name.to_string(),
        // An app on a device has no origin.
        destination: origin.ok().filter(|one| one != "null").unwrap_or(redirect_uri.clone()),
        email: user.email.display(),
        user: user.id.to_string(),
        scopes: request.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    };
    forms_lead_to(redirect_uri, render(StatusCode::OK, &page))
}

async fn grant(
    (code_flow, sessions): (&CodeFlow, &Sessions),
    registry: &Registry,
    (request, form): (&AuthorizationRequest<'_>, &Form),
    (session, context): (&Session, PageContext),
) -> Result<Response, Problem> {
    let made_at = seconds(sessions.now());
    let details = CodeDetails { made_at, ..request.code.details.clone() };
    let code = CodeRequest { details, ..request.code.clone() };
    match code_flow.grant(registry, session.id, &code).await {
        Ok(code) => Ok(request.target.grant(&code, &registry.issuer, context)),
        Err(GrantError::Handover(HandoverError::Gone)) => {
            Ok(see_other(&with_next("/login", &path_of(form))))
        }
        Err(GrantError::Handover(HandoverError::Full)) => {
            Ok(request.target.refuse(&TRY_AGAIN, &registry.issuer, context))
        }
        Err(GrantError::Handover(HandoverError::Store(error))) => Err(error.into()),
        Err(GrantError::Mint(error)) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "could not sign a code; none was given");
            Err(Problem::internal())
        }
    }
}
