//! The answer, learned from an answer of Anteroom, so that every server sends the same bytes.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

/// What `/api/session` says.
#[derive(Clone, Serialize, Deserialize)]
pub struct Record {
    pub user: User,
    pub session: Session,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    pub email: String,
    pub email_display: String,
    pub email_verified: bool,
    pub name: String,
    pub role: String,
    pub groups: Vec<String>,
    pub status: String,
    pub created_at: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    user_id: Option<String>,
    is_current: bool,
    kind: String,
    created_at: String,
    authenticated_at: Option<String>,
    last_seen_at: String,
    idle_expires_at: String,
    expires_at: String,
    remember_me: bool,
    methods: Vec<String>,
    ip_address: Option<String>,
    user_agent: String,
    device: String,
    last_ip_address: Option<String>,
    last_user_agent: String,
    last_device: String,
    origin: Option<String>,
    parent_id: Option<String>,
}

/// The record, and the headers that go with every answer.
#[derive(Clone)]
pub struct Template {
    pub record: Record,
    session_headers: HeaderMap,
    verify_headers: HeaderMap,
}

impl Template {
    /// What `/api/session` and `/auth/verify` of Anteroom answered: headers and body, headers.
    pub fn learn(session: (&HeaderMap, &[u8]), verify: &HeaderMap) -> Self {
        let record: Record = serde_json::from_slice(session.1).unwrap();
        assert_eq!(serde_json::to_vec(&record).unwrap(), session.1, "it would send other bytes");
        Self { record, session_headers: constant(session.0), verify_headers: constant(verify) }
    }

    /// The answer of `/api/session`.
    pub fn session(&self, record: &Record) -> Response {
        let mut response = Json(record).into_response();
        response.headers_mut().extend(self.session_headers.clone());
        response
    }

    /// The answer of `/auth/verify`.
    pub fn verify(&self, record: &Record) -> Response {
        self.verify_user(&record.user)
    }

    /// The same, with nothing at hand but the user.
    pub fn verify_user(&self, user: &User) -> Response {
        let mut headers = self.verify_headers.clone();
        let email = if user.email_verified { user.email.as_str() } else { "" };
        for (name, value) in [
            ("remote-user", user.id.as_str()),
            ("remote-email", email),
            ("remote-name", &user.name),
            ("remote-groups", &user.role),
        ] {
            let value = HeaderValue::from_str(value).unwrap();
            headers.insert(HeaderName::from_static(name), value);
        }
        headers.into_response()
    }
}

/// The headers that are the same at every answer.
fn constant(headers: &HeaderMap) -> HeaderMap {
    let mut constant = headers.clone();
    for name in ["content-type", "content-length", "date", "connection"] {
        constant.remove(name);
    }
    for name in ["remote-user", "remote-email", "remote-name", "remote-groups"] {
        constant.remove(name);
    }
    constant
}
