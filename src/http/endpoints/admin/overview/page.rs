//! `/admin`: counts of accounts and sessions, and a plot of sign-ins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::audit::Span;
use crate::http::endpoints::admin::overview::plot::{Plot, PlottedSpan};
use crate::http::endpoints::admin::overview::view::OverviewPage;
use crate::http::response::error::Problem;
use crate::http::session::extract::AdministratorOrLogin;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::use_cases::Figures;

/// `GET /admin`.
pub(in crate::http) async fn show(
    State(figures): State<Figures>,
    _: AdministratorOrLogin,
    context: PageContext,
) -> Result<Response, Problem> {
    let counts = figures.count().await?;
    let plot = |name, spans: &[Span]| Plot { name, spans: spans.iter().map(plotted).collect() };
    let page = OverviewPage {
        context,
        live_sessions: counts.sessions.map(|live| (live.users, live.anonymous)),
        users: counts.accounts.all,
        administrators: counts.accounts.administrators,
        disabled: counts.accounts.disabled,
        plots: vec![plot("hours", &counts.activity.hours), plot("days", &counts.activity.days)],
    };
    Ok(render(StatusCode::OK, &page))
}

fn plotted(span: &Span) -> PlottedSpan {
    PlottedSpan { begun_at: span.begun_at, sign_ins: span.sign_ins, failures: span.failures }
}
