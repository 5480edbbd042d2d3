//! The JSON shapes of users and sessions.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::error::{Code, FieldError, Problem};
use crate::accounts::User;
use crate::sessions::{EndReason, Owner, Session, SessionId, SessionPolicy, device_name};

/// RFC 3339 in whole seconds, ending in `Z`. Every time here is UTC.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    // By hand: each answer has half a dozen, and a format that is interpreted takes ten times as
    // long.
    let ((year, month, day), (hour, minute, second)) = (at.to_calendar_date(), at.to_hms());
    let year = year.unsigned_abs();
    let numbers = [
        (year / 100 % 100, ""),
        (year % 100, "-"),
        (u8::from(month).into(), "-"),
        (day.into(), "T"),
        (hour.into(), ":"),
        (minute.into(), ":"),
        (second.into(), "Z"),
    ];
    let mut text = String::with_capacity(20);
    for (number, mark) in numbers {
        for digit in [number / 10, number % 10] {
            text.push(char::from_digit(digit, 10).unwrap_or_default());
        }
        text.push_str(mark);
    }
    text
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    id: String,
    email: String,
    /// Whether an administrator or the command line set the address.
    email_verified: bool,
    name: String,
    #[schema(pattern = "^(user|admin)$")]
    role: &'static str,
    #[schema(pattern = "^(active|disabled)$")]
    status: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified,
            name: user.name.as_str().to_owned(),
            role: user.role.as_str(),
            status: user.status.as_str(),
            created_at: timestamp(user.created_at),
        }
    }
}

/// A session. The token is not in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Public handle: never the token, never derived from it.
    id: String,
    /// `null` when anonymous.
    user_id: Option<String>,
    /// Whether it is the session of this request.
    is_current: bool,
    #[schema(pattern = "^(user|anonymous)$")]
    kind: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    /// When its user last proved who they are.
    #[schema(format = DateTime)]
    authenticated_at: Option<String>,
    /// Written at most once a minute.
    #[schema(format = DateTime)]
    last_seen_at: String,
    #[schema(format = DateTime)]
    idle_expires_at: String,
    /// Never moves.
    #[schema(format = DateTime)]
    expires_at: String,
    remember_me: bool,
    /// How its user proved who they are.
    methods: Vec<&'static str>,
    ip_address: Option<String>,
    user_agent: String,
    /// In words, for example `Firefox on Linux`.
    device: String,
}

impl SessionBody {
    pub(crate) fn new(
        session: &Session,
        policy: &SessionPolicy,
        current: Option<SessionId>,
    ) -> Self {
        let anonymous = session.owner == Owner::Anonymous;
        Self {
            id: session.id.to_string(),
            user_id: session.owner.user().map(|user| user.to_string()),
            is_current: current == Some(session.id),
            kind: if anonymous { "anonymous" } else { "user" },
            created_at: timestamp(session.created_at),
            authenticated_at: session.authenticated_at.map(timestamp),
            last_seen_at: timestamp(session.last_seen_at),
            idle_expires_at: timestamp(policy.idle_expires_at(session)),
            expires_at: timestamp(session.expires_at),
            remember_me: session.remember_me,
            methods: if anonymous { Vec::new() } else { vec!["password"] },
            ip_address: session.client.ip_address.as_ref().map(IpAddr::to_string),
            user_agent: session.client.user_agent.clone(),
            device: device_name(&session.client.user_agent),
        }
    }
}

/// Who is signed in, and in which session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedInBody {
    user: UserBody,
    session: SessionBody,
}

impl SignedInBody {
    pub(crate) fn new(user: &User, session: &Session, policy: &SessionPolicy) -> Self {
        Self { user: user.into(), session: SessionBody::new(session, policy, Some(session.id)) }
    }
}

/// One account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneUserBody {
    pub(crate) user: UserBody,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsersBody {
    pub(crate) users: Vec<UserBody>,
    /// What to send as `cursor` for the next page; `null` on the last.
    pub(crate) next_cursor: Option<String>,
}

/// The sessions of one user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionsBody {
    pub(crate) sessions: Vec<SessionBody>,
}

/// How many sessions ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevokedBody {
    pub(crate) revoked: u64,
}

/// An error, as `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    /// The stable word for what went wrong.
    #[schema(value_type = String)]
    code: Code,
    /// A sentence that says what to do.
    detail: String,
    /// Finds the answer in the log of the server.
    request_id: String,
    /// Why the session ended, with `session_ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What is wrong with which field, with status 422.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    errors: BTreeMap<&'static str, FieldError>,
}

impl ProblemBody {
    pub(crate) fn new(problem: &Problem, request_id: &str) -> Self {
        Self {
            r#type: "about:blank",
            title: problem.status.canonical_reason().unwrap_or("Error"),
            status: problem.status.as_u16(),
            code: problem.code,
            detail: problem.detail.to_string(),
            request_id: request_id.to_owned(),
            reason: problem.reason.map(EndReason::as_str),
            errors: problem.errors.clone(),
        }
    }
}
