//! tower-sessions over its own Redis store, as its documentation sets it up: sends the bytes that
//! Anteroom sends, until it is killed, and says on its first line how to be known there.

#[path = "../record.rs"]
mod record;

use std::env;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tower_sessions::{Session, SessionManagerLayer};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};

use self::record::{Record, Template};

const RECORD: &str = "record";

async fn stored(session: Session) -> Result<Record, StatusCode> {
    let record = session.get::<Record>(RECORD).await;
    record.ok().flatten().ok_or(StatusCode::UNAUTHORIZED)
}

#[tokio::main]
async fn main() {
    type Parts = (Vec<(String, String)>, String);
    let answers = std::fs::read(env::var_os("ANTEROOM_BENCH_ANSWERS").unwrap()).unwrap();
    let [session, verify]: [Parts; 2] = serde_json::from_slice(&answers).unwrap();
    let headers = |parts: &Parts| {
        parts.0.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    };
    let template = Template::learn((&headers(&session), session.1.as_bytes()), &headers(&verify));

    let config = Config::from_url(&env::var("ANTEROOM_BENCH_REDIS").unwrap()).unwrap();
    let pool = Pool::new(config, None, None, None, 6).unwrap();
    pool.connect();
    pool.wait_for_connect().await.unwrap();
    let store = RedisStore::new(pool);

    let entering = Session::new(None, Arc::new(store.clone()), None);
    entering.insert(RECORD, &template.record).await.unwrap();
    entering.save().await.unwrap();
    let cookie = ("Cookie", format!("id={}", entering.id().unwrap()));

    let session_handler = async |State(t): State<Arc<Template>>, session: Session| {
        stored(session).await.map_or_else(|code| code.into_response(), |r| t.session(&r))
    };
    let verify_handler = async |State(t): State<Arc<Template>>, session: Session| {
        stored(session).await.map_or_else(|code| code.into_response(), |r| t.verify(&r))
    };
    let router = Router::new()
        .route("/api/session", get(session_handler))
        .route("/auth/verify", get(verify_handler))
        .layer(SessionManagerLayer::new(store).with_secure(false))
        .with_state(Arc::new(template));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    println!("{}", serde_json::to_string(&(address, &cookie, &cookie)).unwrap());
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}
