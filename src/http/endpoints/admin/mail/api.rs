//! `/api/admin/mail`: mail that was not sent, and why.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::LetterId;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::response::json::{Id, ProblemBody, Timestamp};
use crate::http::session::extract::RequireAdmin;
use crate::mail::{Mail, MailEntry, MailListing};

/// A message that was not sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailMessage)]
pub(crate) struct MailBody {
    #[schema(value_type = String, format = "uuid")]
    id: Id,
    /// `verification`, `new_address`, `address_changing`, `recovery`, `sign_up_attempt`,
    /// `password_changed`, `new_device`, `invitation` or `test`.
    kind: &'static str,
    /// The recipient.
    to: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How many attempts were begun.
    attempts: u32,
    /// `null` once it was given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// `pending` or `failed`.
    #[schema(pattern = "^(pending|failed)$")]
    status: &'static str,
    /// Why the last attempt failed, without credentials; `null` before.
    error: Option<String>,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailsBody {
    messages: Vec<MailBody>,
    /// The `cursor` of the next page; `null` on the last.
    next_cursor: Option<String>,
}

impl From<MailEntry> for MailBody {
    fn from(entry: MailEntry) -> Self {
        Self {
            id: Id::of(entry.id.as_uuid()),
            kind: entry.kind.as_str(),
            to: entry.to.as_str().to_owned(),
            created_at: Timestamp::of(entry.created_at),
            attempts: entry.attempts,
            next_attempt_at: entry.next_attempt_at.map(Timestamp::of),
            status: entry.status.as_str(),
            error: Some(entry.error).filter(|error| !error.is_empty()),
        }
    }
}

/// `GET /api/admin/mail`: messages that are pending or were given up, newest first.
#[utoipa::path(get, path = "/api/admin/mail", tag = "admin",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of messages", body = MailsBody),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn list(
    State(mail): State<Mail>,
    _: RequireAdmin,
    query: Query,
) -> Result<Json<MailsBody>, Problem> {
    let before = query.cursor(LetterId::parse)?;
    let page = mail.list(&MailListing { before, limit: query.limit()? }).await?;
    let next_cursor = page.next.map(|id| id.to_string());
    Ok(Json(MailsBody {
        messages: page.entries.into_iter().map(MailBody::from).collect(),
        next_cursor,
    }))
}
