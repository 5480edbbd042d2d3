//! What Anteroom is compared with: small servers that send the same bytes, and differ in how they
//! know to whom.

mod jwt;
mod record;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

pub use self::jwt::Keys;
pub use self::record::{Record, Template, User};

/// The key of a session under which the record is kept.
const RECORD: &str = "record";

/// Somebody, to be put into a token that carries the four values of `/auth/verify`.
pub fn somebody() -> User {
    User {
        id: "01a1fc81-619e-7000-8c5a-d0b24ef24fce".to_owned(),
        email: "ada@example.org".to_owned(),
        email_display: "ada@example.org".to_owned(),
        email_verified: true,
        name: "Ada Lovelace".to_owned(),
        role: "user".to_owned(),
        groups: Vec::new(),
        status: "active".to_owned(),
        created_at: "2026-11-21T05:08:19Z".to_owned(),
    }
}

/// A server to compare with, and what a client sends to be known there.
pub struct Peer {
    pub router: Router,
    /// For `/api/session`: the name and the value of a header.
    pub session_header: (&'static str, String),
    /// For `/auth/verify`.
    pub verify_header: (&'static str, String),
}

/// The same handlers without any check: the record is at hand.
pub fn bare(template: Template) -> Peer {
    let template = Arc::new(template);
    let router = Router::new()
        .route("/api/session", get(async |State(t): State<Arc<Template>>| t.session(&t.record)))
        .route("/auth/verify", get(async |State(t): State<Arc<Template>>| t.verify(&t.record)))
        .with_state(template);
    let nothing = ("Cookie", "nothing=to-see".to_owned());
    Peer { router, session_header: nothing.clone(), verify_header: nothing }
}

#[derive(Clone, FromRef)]
struct Verifying {
    template: Arc<Template>,
    keys: Arc<Keys>,
}

/// The record out of a token that was verified.
struct Claimed(Record);

impl FromRequestParts<Verifying> for Claimed {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &Verifying) -> Result<Self, StatusCode> {
        state.keys.record(bearer(&parts.headers)?).map(Self)
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, StatusCode> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)
}

async fn verify_lean(
    State(keys): State<Arc<Keys>>,
    State(template): State<Arc<Template>>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let user = keys.user(bearer(&headers)?)?;
    Ok(template.verify_user(&user))
}

/// One that verifies a JWT. For `/api/session` the token has to carry all that is answered; for
/// `/auth/verify` it carries the four values and what every token has.
pub fn json_web_token(template: Template, keys: Keys) -> Peer {
    let session = keys.token_of(&template.record);
    let verify = keys.token_of_user(&template.record.user, &template.record.session.id);
    let state = Verifying { template: Arc::new(template), keys: Arc::new(keys) };
    let session_handler =
        async |State(t): State<Arc<Template>>, Claimed(record): Claimed| t.session(&record);
    let router = Router::new()
        .route("/api/session", get(session_handler))
        .route("/auth/verify", get(verify_lean))
        .with_state(state);
    Peer {
        router,
        session_header: ("Authorization", format!("Bearer {session}")),
        verify_header: ("Authorization", format!("Bearer {verify}")),
    }
}

async fn stored(session: Session) -> Result<Record, StatusCode> {
    let record = session.get::<Record>(RECORD).await;
    record.ok().flatten().ok_or(StatusCode::UNAUTHORIZED)
}

/// tower-sessions with its own store in memory, as its documentation sets it up.
pub async fn tower_sessions(template: Template) -> Peer {
    let store = MemoryStore::default();
    let session = Session::new(None, Arc::new(store.clone()), None);
    session.insert(RECORD, &template.record).await.unwrap();
    session.save().await.unwrap();
    let cookie = ("Cookie", format!("id={}", session.id().unwrap()));

    let session_handler = async |State(t): State<Arc<Template>>, session: Session| {
        stored(session).await.map_or_else(IntoResponse::into_response, |r| t.session(&r))
    };
    let verify_handler = async |State(t): State<Arc<Template>>, session: Session| {
        stored(session).await.map_or_else(IntoResponse::into_response, |r| t.verify(&r))
    };
    let router = Router::new()
        .route("/api/session", get(session_handler))
        .route("/auth/verify", get(verify_handler))
        .layer(SessionManagerLayer::new(store).with_secure(false))
        .with_state(Arc::new(template));
    Peer { router, session_header: cookie.clone(), verify_header: cookie }
}
