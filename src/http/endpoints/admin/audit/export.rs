//! `/api/admin/audit/export`: the audit trail as one file, streamed page by page.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::audit::{AuditListing, AuditPage, AuditTrail, EventBody};
use crate::failure::StoreError;
use crate::http::endpoints::admin::audit::api::listing;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::session::extract::RequireAdmin;

/// Events per page.
const PAGE: u32 = 500;
/// Pages that may wait for the client.
const AHEAD: usize = 1;

/// All events in one file.
#[derive(Serialize, ToSchema)]
struct ExportBody {
    events: Vec<EventBody>,
}

/// In which form the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

impl Format {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    fn disposition(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"anteroom-audit.csv\"",
            Self::Json => "attachment; filename=\"anteroom-audit.json\"",
        }
    }

    fn beginning(self) -> String {
        match self {
            // Spreadsheets take a file without the mark for one in the encoding of the machine.
            Self::Csv => format!("\u{FEFF}{}\r\n", EventBody::COLUMNS.join(",")),
            Self::Json => "{\"events\":[".to_owned(),
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::Csv => "",
            Self::Json => "\n]}\n",
        }
    }

    fn row(self, event: &EventBody, is_first: bool) -> String {
        match self {
            Self::Csv => {
                let cells = event.cells().map(|cell| cell_of(&cell));
                format!("{}\r\n", cells.join(","))
            }
            Self::Json => {
                let event = serde_json::to_string(event).unwrap_or_default();
                format!("{}\n{event}", if is_first { "" } else { "," })
            }
        }
    }
}

/// A cell in quotes. Text that a spreadsheet would take for a formula begins with an apostrophe,
/// which makes it a text there. Some skip spaces, and some take full-width signs for the plain
/// ones.
fn cell_of(text: &str) -> String {
    const MARKS: [char; 8] = ['=', '+', '-', '@', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}'];
    let spaced = |c: char| c.is_whitespace() || c == '\u{FEFF}';
    let is_formula =
        text.trim_start_matches(spaced).starts_with(MARKS) || text.starts_with(['\t', '\r', '\n']);
    format!("\"{}{}\"", if is_formula { "'" } else { "" }, text.replace('"', "\"\""))
}

/// `GET /api/admin/audit/export`: all matching audit events, newest first, as a file.
#[utoipa::path(get, path = "/api/admin/audit/export", tag = "admin",
    params(
        ("format" = Option<String>, Query, description = "`csv` or `json`, which is the default"),
        ("user" = Option<String>, Query, description = "As of `/api/admin/audit`, as all below"),
        ("kind" = Option<String>, Query, description = "Events of this kind only"),
        ("actor" = Option<String>, Query, description = "Done by"),
        ("session" = Option<String>, Query, description = "The handle of a session"),
        ("network" = Option<String>, Query, description = "From this IP address"),
        ("outcome" = Option<String>, Query, description = "`ok`, or a word for why not"),
        ("from" = Option<String>, Query, description = "At this time or after it"),
        ("until" = Option<String>, Query, description = "Before this time"),
    ),
    responses(
        (status = 200, description = "A file. One that breaks off is not complete",
            headers(("Content-Disposition" = String, description = "The name of the file")),
            content(
                (ExportBody = "application/json"),
                (String = "text/csv", example = json!(EventBody::COLUMNS.join(","))),
            )),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn export(
    State(audit): State<AuditTrail>,
    _: RequireAdmin,
    query: Query,
) -> Result<Response, Problem> {
    let format = query.filter("format", "`csv` or `json`", Format::parse)?;
    let format = format.unwrap_or(Format::Json);
    let listing = AuditListing { limit: PAGE, ..listing(&query)? };
    // Before the response starts, so that a failing store is a 503.
    let first = audit.list(&listing).await?;
    let (chunks, waiting) = mpsc::channel(AHEAD);
    tokio::spawn(write(audit, listing, first, format, chunks));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(format.disposition())),
    ];
    Ok((headers, Body::from_stream(Chunks(waiting))).into_response())
}

type Chunk = Result<Bytes, StoreError>;

/// Writes page after page as the client reads them. Ends when the client disconnects.
async fn write(
    audit: AuditTrail,
    listing: AuditListing,
    first: AuditPage,
    format: Format,
    chunks: mpsc::Sender<Chunk>,
) {
    let (mut text, mut is_first) = (format.beginning(), true);
    let mut page = first;
    loop {
        for recorded in page.events {
            text.push_str(&format.row(&EventBody::from(recorded), is_first));
            is_first = false;
        }
        let Some(next) = page.next else { break };
        if chunks.send(Ok(std::mem::take(&mut text).into())).await.is_err() {
            return;
        }
        page = match audit.list(&AuditListing { before: Some(next), ..listing.clone() }).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "could not read the audit trail; the export is cut off");
                // Cuts the connection, so that the file is not taken for complete.
                let _ = chunks.send(Err(error)).await;
                return;
            }
        };
    }
    text.push_str(format.end());
    // The client may have disconnected.
    let _ = chunks.send(Ok(text.into())).await;
}

struct Chunks(mpsc::Receiver<Chunk>);

impl Stream for Chunks {
    type Item = Chunk;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Chunk>> {
        self.0.poll_recv(context)
    }
}
