//! `/admin/audit`: list of audit events.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::audit::{Actor, AuditListing, AuditTrail, Kind, Recorded};
use crate::http::endpoints::admin::audit::api::listing;
use crate::http::endpoints::admin::audit::view::{AuditEventRow, AuditFilters, AuditTrailPage};
use crate::http::endpoints::admin::path_with;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::session::extract::AdministratorOrLogin;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;

const EXPORT: &str = "/api/admin/audit/export";

/// `GET /admin/audit`: a page of events, the newest first.
pub(in crate::http) async fn list(
    State(audit): State<AuditTrail>,
    _: AdministratorOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let listing = AuditListing { limit: query.limit_of_page()?, ..listing(&query)? };
    let page = audit.list(&listing).await?;
    let typed = |name| query.find(name).unwrap_or_default().to_owned();
    let filters = AuditFilters {
        user: typed("user"),
        kind: typed("kind"),
        actor: typed("actor"),
        session: typed("session"),
        network: typed("network"),
        outcome: typed("outcome"),
        from: typed("from"),
        until: typed("until"),
    };
    let limit = listing.limit.to_string();
    let next = page.next.map(|id| {
        path_to("/admin/audit", &filters, &[("limit", &limit), ("cursor", &id.to_string())])
    });
    let exports = ["csv", "json"].map(|format| path_to(EXPORT, &filters, &[("format", format)]));
    let kinds = Kind::ALL.map(Kind::as_str).to_vec();
    let events = page.events.iter().map(event_row).collect();
    let page = AuditTrailPage { context, filters, kinds, events, next, exports };
    Ok(render(StatusCode::OK, &page))
}

fn path_to(path: &str, filters: &AuditFilters, more: &[(&str, &str)]) -> String {
    let AuditFilters { user, kind, actor, session, network, outcome, from, until } = filters;
    let mut parameters: Vec<(&str, &str)> = vec![
        ("user", user),
        ("kind", kind),
        ("actor", actor),
        ("session", session),
        ("network", network),
        ("outcome", outcome),
        ("from", from),
        ("until", until),
    ];
    parameters.extend_from_slice(more);
    path_with(path, &parameters)
}

pub(in crate::http) fn event_row(recorded: &Recorded) -> AuditEventRow {
    let Recorded { at, event, .. } = recorded;
    let detail = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) => format!("{name}: {text}"),
        None => format!("{name}: {value}"),
    };
    AuditEventRow {
        at: *at,
        kind: event.kind.as_str(),
        actor: event.by.actor.to_string(),
        actor_is_user: matches!(event.by.actor, Actor::User(_)),
        subject: event.subject.map(|id| id.to_string()),
        session: event.session.map(|id| id.to_string()),
        network: recorded.network(),
        outcome: event.outcome.to_string(),
        details: event.details.iter().map(detail).collect(),
    }
}
