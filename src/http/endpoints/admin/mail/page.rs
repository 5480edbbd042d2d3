//! `/admin/mail`: mail that was not sent.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::LetterId;
use crate::http::endpoints::admin::mail::view::{MailPageView, MailRow};
use crate::http::endpoints::admin::path_with;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::session::extract::AdministratorOrLogin;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::mail::{LetterStatus, Mail, MailEntry, MailListing};

/// `GET /admin/mail`: a page of messages, the newest first.
pub(in crate::http) async fn list(
    State(mail): State<Mail>,
    _: AdministratorOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let before = query.cursor(LetterId::parse)?;
    let limit = query.limit_of_page()?;
    let page = mail.list(&MailListing { before, limit }).await?;
    let next = page.next.map(|id| {
        path_with("/admin/mail", &[("limit", &limit.to_string()), ("cursor", &id.to_string())])
    });
    let messages = page.entries.into_iter().map(row).collect();
    let page = MailPageView { context, is_on: mail.is_on(), messages, next };
    Ok(render(StatusCode::OK, &page))
}

fn row(entry: MailEntry) -> MailRow {
    MailRow {
        at: entry.created_at,
        kind: entry.kind.as_str(),
        to: entry.to.display(),
        user: entry.user.map(|user| user.to_string()),
        attempts: entry.attempts,
        next_attempt_at: entry.next_attempt_at,
        is_failed: entry.status == LetterStatus::Failed,
        status: entry.status.as_str(),
        error: entry.error,
    }
}
