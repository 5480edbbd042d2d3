//! `/admin/applications`: the protected application and its rules, read only.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{Accounts, Email};
use crate::http::endpoints::admin::applications::view::{ApplicationsPage, Outcome, Trial};
use crate::http::forward_auth::{
    Explanation, ForwardAuth, ForwardAuthProxy, OriginalRequest, Verdict,
};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::session::extract::AdministratorOrLogin;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::rules::{Decision, Visitor};

/// `GET /admin/applications`. With `method` and `url` it has the decision about that request, for
/// the account of `email` just after a reauthentication, or for somebody who is not signed in.
pub(in crate::http) async fn show(
    (State(forward_auth), State(accounts)): (State<ForwardAuth>, State<Accounts>),
    _: AdministratorOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let options = forward_auth.options();
    let headers: Vec<_> = forward_auth.names().map(|name| name.to_string()).collect();
    let page = ApplicationsPage {
        origins: if options.proxy.is_some() {
            forward_auth.origins().map(str::to_owned).collect()
        } else {
            Vec::new()
        },
        proxy: options.proxy.map_or("", ForwardAuthProxy::as_str),
        headers: headers.join(", "),
        file: options.rules.file().map(|file| file.path.display().to_string()),
        rules: options.rules.current().texts().collect(),
        trial: trial(&forward_auth, &accounts, &query).await?,
        context,
    };
    Ok(render(StatusCode::OK, &page))
}

async fn trial(
    forward_auth: &ForwardAuth,
    accounts: &Accounts,
    query: &Query,
) -> Result<Trial, Problem> {
    let mut trial = typed(query);
    if trial.url.is_empty() {
        return Ok(trial);
    }
    let account = match Email::parse(&trial.email) {
        Ok(email) => accounts.find_by_email(&email).await?,
        Err(_) => None,
    };
    if account.is_none() && !trial.email.is_empty() {
        let reason = "admin-decision-no-account";
        trial.outcome = Some(Outcome { is_allowed: false, reason, rule: None });
        return Ok(trial);
    }
    let visitor = account.as_ref().map(|account| Visitor {
        user: &account.user,
        since_proof: std::time::Duration::ZERO,
        has_factor: true,
    });
    trial.outcome = Some(outcome(forward_auth, &trial, visitor));
    Ok(trial)
}

/// The request of a form, without a decision.
pub(in crate::http::endpoints::admin) fn typed(query: &Query) -> Trial {
    let typed = |name| query.find(name).unwrap_or_default().trim().to_owned();
    let method = match typed("method") {
        method if method.is_empty() => "GET".to_owned(),
        method => method.to_ascii_uppercase(),
    };
    Trial { method, url: typed("url"), email: typed("email"), outcome: None }
}

/// The decision about the request of a form.
pub(in crate::http::endpoints::admin) fn outcome(
    forward_auth: &ForwardAuth,
    trial: &Trial,
    visitor: Option<Visitor<'_>>,
) -> Outcome {
    let Ok(original) = OriginalRequest::of_url(&trial.method, &trial.url) else {
        return Outcome { is_allowed: false, reason: "admin-decision-unreadable", rule: None };
    };
    let Explanation { rule, verdict } = forward_auth.explain(&original, visitor);
    let reason = match verdict {
        Verdict::Decided(Decision::Allowed) => "admin-decision-allowed",
        Verdict::Decided(Decision::SignIn) => "admin-decision-sign-in",
        Verdict::Decided(Decision::Forbidden) => "admin-decision-forbidden",
        Verdict::Decided(Decision::Reauthenticate) => "admin-decision-reauthenticate",
        Verdict::Decided(Decision::SecondFactor) => "admin-decision-second-factor",
        Verdict::Disabled => "admin-decision-disabled",
        Verdict::OtherOrigin(_) => "admin-decision-other-origin",
        Verdict::Ambiguous(_) => "admin-decision-ambiguous",
    };
    let is_allowed = verdict == Verdict::Decided(Decision::Allowed);
    Outcome { is_allowed, reason, rule }
}
