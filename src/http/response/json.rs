//! The JSON shapes of users, sessions and errors.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::{Email, User};
pub(crate) use crate::clock::Timestamp;
use crate::http::response::error::{Code, FieldError, Problem};
use crate::sessions::{
    Child, Client, EndReason, Owner, Session, SessionId, SessionPolicy, device_name,
};

/// As [`Timestamp`], for tables.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    Timestamp::of(at).as_str().to_owned()
}

/// An id as it is written everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(Uuid);

impl Id {
    pub(crate) fn of(id: Uuid) -> Self {
        Self(id)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    #[schema(value_type = String, format = "uuid")]
    id: Id,
    /// In the canonical form, by which it is compared.
    email: String,
    /// As people write it: an international domain in its own letters.
    email_display: String,
    /// Whether an administrator or the command line set the address.
    email_verified: bool,
    /// The address that the account is to have once its owner has confirmed it; only in answers
    /// about one's own account, and only where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pending_email: Option<String>,
    name: String,
    #[schema(pattern = "^(user|admin)$")]
    role: &'static str,
    /// For applications, sorted. They have no meaning here.
    groups: Vec<String>,
    #[schema(pattern = "^(active|disabled)$")]
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: Id(user.id.as_uuid()),
            email: user.email.as_str().to_owned(),
            email_display: user.email.display(),
            email_verified: user.email_verified,
            pending_email: None,
            name: user.name.as_str().to_owned(),
            role: user.role.as_str(),
            groups: user.groups.iter().map(str::to_owned).collect(),
            status: user.status.as_str(),
            created_at: Timestamp::of(user.created_at),
        }
    }
}

impl UserBody {
    /// With the address that the account is to have.
    pub(crate) fn with_pending(self, email: Option<&Email>) -> Self {
        Self { pending_email: email.map(|email| email.as_str().to_owned()), ..self }
    }
}

/// A session. The token is not in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Public handle: never the token, never derived from it.
    #[schema(value_type = String, format = "uuid")]
    id: Id,
    /// `null` when anonymous.
    #[schema(value_type = Option<String>, format = "uuid")]
    user_id: Option<Id>,
    /// Whether it is the session of this request.
    is_current: bool,
    #[schema(pattern = "^(user|anonymous)$")]
    kind: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its user last proved who they are.
    #[schema(value_type = Option<String>, format = DateTime)]
    authenticated_at: Option<Timestamp>,
    /// Written at most once a minute.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    idle_expires_at: Timestamp,
    /// Never moves.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    remember_me: bool,
    /// How its user proved who they are.
    #[schema(value_type = Vec<String>)]
    methods: &'static [&'static str],
    /// Where it was started from.
    #[schema(value_type = Option<String>)]
    ip_address: Option<IpAddr>,
    user_agent: String,
    /// In words, for example `Firefox on Linux`.
    device: String,
    /// Where it was last seen: written at most once a minute, as `last_seen_at` is.
    #[schema(value_type = Option<String>)]
    last_ip_address: Option<IpAddr>,
    last_user_agent: String,
    last_device: String,
    /// The application on another host that it is for; `null` for a session of this server.
    origin: Option<String>,
    /// The session with which it lives and ends; `null` without `origin`.
    #[schema(value_type = Option<String>)]
    parent_id: Option<Id>,
}

/// The session of the request, and where that came from.
pub(crate) type Asking<'a> = (SessionId, &'a Client);

impl SessionBody {
    pub(crate) fn new(
        session: &Session,
        policy: &SessionPolicy,
        asking: Option<Asking<'_>>,
    ) -> Self {
        let anonymous = session.owner == Owner::Anonymous;
        let current = asking.filter(|(id, _)| *id == session.id);
        let last = current.map_or_else(|| session.last_client(), |(_, client)| client);
        Self {
            id: Id(session.id.as_uuid()),
            user_id: session.owner.user().map(|user| Id(user.as_uuid())),
            is_current: current.is_some(),
            kind: if anonymous { "anonymous" } else { "user" },
            created_at: Timestamp::of(session.created_at),
            authenticated_at: session.authenticated_at.map(Timestamp::of),
            last_seen_at: Timestamp::of(session.last_seen_at),
            idle_expires_at: Timestamp::of(policy.idle_expires_at(session)),
            expires_at: Timestamp::of(session.expires_at),
            remember_me: session.remember_me,
            methods: session.methods(),
            ip_address: session.client.ip_address,
            user_agent: session.client.user_agent.clone(),
            device: device_name(&session.client.user_agent),
            last_ip_address: last.ip_address,
            last_user_agent: last.user_agent.clone(),
            last_device: device_name(&last.user_agent),
            origin: None,
            parent_id: None,
        }
    }

    /// A child. Only its handle, its origin and where it started are its own.
    pub(crate) fn of_child(child: &Child, parent: &Session, policy: &SessionPolicy) -> Self {
        Self {
            id: Id(child.id.as_uuid()),
            created_at: Timestamp::of(child.created_at),
            ip_address: child.client.ip_address,
            user_agent: child.client.user_agent.clone(),
            device: device_name(&child.client.user_agent),
            origin: Some(child.origin.as_str().to_owned()),
            parent_id: Some(Id(parent.id.as_uuid())),
            ..Self::new(parent, policy, None)
        }
    }

    /// Sessions, each with its children behind it.
    pub(crate) fn list(
        sessions: &[Session],
        children: &[Child],
        policy: &SessionPolicy,
        asking: Option<Asking<'_>>,
    ) -> Vec<Self> {
        let mut bodies = Vec::with_capacity(sessions.len() + children.len());
        for session in sessions {
            bodies.push(Self::new(session, policy, asking));
            let own = children.iter().filter(|child| child.parent == session.id);
            bodies.extend(own.map(|child| Self::of_child(child, session, policy)));
        }
        bodies
    }
}

/// Who is signed in, and in which session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedInBody {
    user: UserBody,
    session: SessionBody,
}

impl SignedInBody {
    /// Of a session that has just begun.
    pub(crate) fn new(user: &User, session: &Session, policy: &SessionPolicy) -> Self {
        Self::asked_from(session.last_client(), (user, session), policy)
    }

    /// As somebody sees it who asks from there.
    pub(crate) fn asked_from(
        client: &Client,
        (user, session): (&User, &Session),
        policy: &SessionPolicy,
    ) -> Self {
        let session = SessionBody::new(session, policy, Some((session.id, client)));
        Self { user: user.into(), session }
    }

    /// As it is sent.
    pub(in crate::http) fn to_bytes(&self) -> Result<Vec<u8>, Problem> {
        // Nearly all are smaller: a buffer that grows is copied.
        let mut bytes = Vec::with_capacity(1024);
        serde_json::to_writer(&mut bytes, self).map_err(|_| Problem::internal())?;
        Ok(bytes)
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
    /// The `cursor` of the next page; `null` on the last. A page of a search may be
    /// short, or empty, and not be the last.
    pub(crate) next_cursor: Option<String>,
}

/// A page of the sessions of all users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionPageBody {
    /// Each followed by those at applications that belong to it.
    pub(crate) sessions: Vec<SessionBody>,
    /// The `cursor` of the next page; `null` on the last. A page with filters may be
    /// short, or empty, and not be the last.
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
    /// With sessions in the memory of several servers, those of the server that was asked: the
    /// others end theirs as well, and do not say how many.
    pub(crate) revoked: u64,
}

/// One event of a stream, `text/event-stream`.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerSentEvent {
    event: String,
    /// An object, as JSON.
    data: String,
    /// For `Last-Event-ID`, where a stream can be continued.
    #[schema(nullable = false)]
    id: Option<String>,
}

/// An error, as `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    #[schema(inline)]
    code: Code,
    /// A sentence that says what to do.
    detail: String,
    /// Finds the answer in the log of the server.
    request_id: String,
    /// Why the session ended, with `session_ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
    /// The second factors that may be used, with `second_factor_required`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    methods: Vec<&'static str>,
    /// The wrong fields and their problems, with status 422.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, FieldError>)]
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
            methods: problem.methods.clone(),
            errors: problem.errors.clone(),
        }
    }
}

impl Problem {
    /// The problem document.
    pub(crate) fn document(&self, request_id: &str) -> Response {
        let body = ProblemBody::new(self, request_id);
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let media_type = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, media_type)], body).into_response()
    }
}
