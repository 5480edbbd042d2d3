//! `/api/admin/figures`: counts of accounts, sessions and sign-ins.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::Span;
use crate::http::response::error::Problem;
use crate::http::response::json::{ProblemBody, Timestamp};
use crate::http::session::extract::RequireAdmin;
use crate::use_cases::{Counts, Figures};

/// Figures of the service.
#[derive(Serialize, ToSchema)]
pub(crate) struct FiguresBody {
    /// `null` where they are not counted yet.
    live_sessions: Option<LiveSessionsBody>,
    users: UserCountBody,
    /// The last 24 hours, the present one included, from the oldest on.
    hours: Vec<SpanBody>,
    /// The last 30 days in UTC, the present one included, from the oldest on.
    days: Vec<SpanBody>,
}

/// Sessions that nobody ended, as counted a moment ago; those past a timeout count until they are
/// swept.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiveSessionsBody {
    users: u64,
    anonymous: u64,
}

/// Accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserCountBody {
    all: u64,
    /// Those that may sign in and are administrators.
    administrators: u64,
    disabled: u64,
}

/// Sign-ins of an hour or a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct SpanBody {
    #[schema(value_type = String, format = DateTime)]
    begins_at: Timestamp,
    /// A million stands for a million or more.
    sign_ins: u64,
    failures: u64,
}

impl From<&Span> for SpanBody {
    fn from(span: &Span) -> Self {
        let begins_at = Timestamp::of(span.begun_at);
        Self { begins_at, sign_ins: span.sign_ins, failures: span.failures }
    }
}

impl From<Counts> for FiguresBody {
    fn from(counts: Counts) -> Self {
        let Counts { sessions, accounts, activity } = counts;
        Self {
            live_sessions: sessions
                .map(|live| LiveSessionsBody { users: live.users, anonymous: live.anonymous }),
            users: UserCountBody {
                all: accounts.all,
                administrators: accounts.administrators,
                disabled: accounts.disabled,
            },
            hours: activity.hours.iter().map(SpanBody::from).collect(),
            days: activity.days.iter().map(SpanBody::from).collect(),
        }
    }
}

/// `GET /api/admin/figures`: accounts, live sessions, and sign-ins by the hour and by the day.
#[utoipa::path(get, path = "/api/admin/figures", tag = "admin", responses(
    (status = 200, description = "How it stands", body = FiguresBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
))]
pub(crate) async fn show(
    State(figures): State<Figures>,
    _: RequireAdmin,
) -> Result<Json<FiguresBody>, Problem> {
    Ok(Json(figures.count().await?.into()))
}
