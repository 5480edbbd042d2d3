//! `/admin/sessions`: list, details and revocation of sessions of all users.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::Accounts;
use crate::audit::{AuditListing, AuditTrail};
use crate::http::endpoints::admin::applications;
use crate::http::endpoints::admin::applications::view::Trial;
use crate::http::endpoints::admin::audit::page::event_row;
use crate::http::endpoints::admin::sessions::api::filter;
use crate::http::endpoints::admin::sessions::view::{
    AllSessionsPage, ChildView, ExplainedSession, PolicyView, SessionDetailPage, SessionEnd,
    SessionFilters,
};
use crate::http::endpoints::admin::{path_with, session_row};
use crate::http::endpoints::sessions::page::application_card;
use crate::http::forward_auth::ForwardAuth;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::see_other;
use crate::http::session::extract::{AdministratorOrLogin, PathId};
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::sessions::{
    ChildrenOf, EndReason, Session, SessionId, SessionPolicy, Sessions, TimeoutRule,
};
use crate::use_cases::RevokeSessions;

/// How many events of a session are shown with it.
const MOST_EVENTS: u32 = 20;

/// `GET /admin/sessions`.
pub(in crate::http) async fn list(
    State(sessions): State<Sessions>,
    AdministratorOrLogin(current): AdministratorOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let (after, limit) = (query.cursor(SessionId::parse)?, query.limit_of_page()?);
    let page = sessions.page(&filter(&query)?, after, limit).await?;
    let typed = |name| query.find(name).unwrap_or_default().to_owned();
    let filters = SessionFilters {
        user: typed("user"),
        kind: typed("kind"),
        ip_address: typed("ip_address"),
        device: typed("device"),
        from: typed("from"),
        until: typed("until"),
    };
    let next = page.next.map(|id| next_path(&filters, limit, id));
    let page = AllSessionsPage {
        context,
        now: sessions.now(),
        filters,
        sessions: page
            .sessions
            .iter()
            .map(|one| session_row(one, &page.children, current.session.id))
            .collect(),
        next,
    };
    Ok(render(StatusCode::OK, &page))
}

fn next_path(filters: &SessionFilters, limit: u32, after: SessionId) -> String {
    let SessionFilters { user, kind, ip_address, device, from, until } = filters;
    let (limit, cursor) = (limit.to_string(), after.to_string());
    path_with(
        "/admin/sessions",
        &[
            ("user", user),
            ("kind", kind),
            ("ip_address", ip_address),
            ("device", device),
            ("from", from),
            ("until", until),
            ("limit", &limit),
            ("cursor", &cursor),
        ],
    )
}

/// `GET /admin/sessions/{id}`: one session explained, also one that ended within the last day.
pub(in crate::http) async fn show(
    (State(sessions), State(audit)): (State<Sessions>, State<AuditTrail>),
    (State(forward_auth), State(accounts)): (State<ForwardAuth>, State<Accounts>),
    AdministratorOrLogin(current): AdministratorOrLogin,
    context: PageContext,
    (PathId(id), query): (PathId, Query),
) -> Result<Response, Problem> {
    let id = SessionId::parse(&id).ok_or_else(Problem::not_found)?;
    let explained = sessions.explain(id).await?.ok_or_else(Problem::not_found)?;
    let listing = AuditListing { session: Some(id), limit: MOST_EVENTS, ..Default::default() };
    let events = audit.list(&listing).await?.events;
    let session = explained.session.as_ref();
    let children = sessions.children(ChildrenOf::Session(id)).await?;
    let page = SessionDetailPage {
        context,
        now: sessions.now(),
        id: id.to_string(),
        applications: children.iter().map(application_card).collect(),
        child: explained.child.as_ref().map(|child| ChildView {
            origin: child.origin.as_str().to_owned(),
            parent: child.parent.to_string(),
        }),
        session: session.map(|one| explained_session(one, sessions.policy(), current.session.id)),
        ended: explained
            .ended
            .map(|ended| SessionEnd { reason: ended.reason.as_str(), at: ended.at }),
        under_lease: explained.under_lease,
        trial: match (session, explained.ended, forward_auth.options().proxy) {
            (Some(session), None, Some(_)) => {
                Some(trial(&forward_auth, &accounts, session, &query).await?)
            }
            _ => None,
        },
        events: events.iter().map(event_row).collect(),
    };
    Ok(render(StatusCode::OK, &page))
}

/// The decision about a request of this session, once one is typed.
async fn trial(
    forward_auth: &ForwardAuth,
    accounts: &Accounts,
    session: &Session,
    query: &Query,
) -> Result<Trial, Problem> {
    let mut trial = applications::page::typed(query);
    if !trial.url.is_empty() {
        let account = match session.owner.user() {
            Some(user) => accounts.find(user).await?,
            None => None,
        };
        let visitor = account.as_ref().map(|one| forward_auth.visitor(&one.user, session));
        trial.outcome = Some(applications::page::outcome(forward_auth, &trial, visitor));
    }
    Ok(trial)
}

fn explained_session(
    session: &Session,
    policy: &SessionPolicy,
    own: SessionId,
) -> ExplainedSession {
    ExplainedSession {
        row: session_row(session, &[], own),
        user_agent: session.client.user_agent.clone(),
        last_user_agent: session.last_client().user_agent.clone(),
        methods: session.methods().join(", "),
        authenticated_at: session.authenticated_at,
        idle_ends_at: policy.idle_expires_at(session),
        ends_at: session.expires_at,
        policy: match session.rule {
            TimeoutRule::Standard => PolicyView::Standard,
            TimeoutRule::Remembered => PolicyView::Remembered,
            TimeoutRule::Administrator => PolicyView::Administrator,
        },
    }
}

/// `POST /admin/sessions/{id}/revoke`: ends the session of any user. Its page then shows the reason.
pub(in crate::http) async fn revoke(
    (State(sessions), State(revoke)): (State<Sessions>, State<RevokeSessions>),
    AdministratorOrLogin(current): AdministratorOrLogin,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let id = SessionId::parse(&id).ok_or_else(Problem::not_found)?;
    let by = current.actor.by();
    let revoked = revoke.one(id, None, EndReason::RevokedByAdmin, &by).await?;
    if id == current.session.id {
        return Ok(see_other("/login"));
    }
    if !revoked && sessions.explain(id).await?.is_none() {
        return Err(Problem::not_found());
    }
    Ok(see_other(&format!("/admin/sessions/{id}")))
}
