use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;

use crate::accounts::HasherOptions;
use crate::app::stores::Opener;
use crate::app::{Options, Stores};
use crate::sessions::SessionStore as _;
use crate::store::{MemoryOptions, MemoryStore};
use crate::{Anteroom, AnteroomBuilder, HandleError, Role, SessionStorage, Signup, StartupError};

const PASSWORD: &str = "seven violet kites at noon";

fn builder(folder: &tempfile::TempDir) -> AnteroomBuilder {
    let mut builder = Anteroom::builder("http://localhost:3000")
        .database(folder.path().join("anteroom.db"))
        .sessions(SessionStorage::Memory { limit: 100 });
    builder.options.hashing = HasherOptions::cheap_for_tests();
    builder
}

async fn refusal(builder: AnteroomBuilder) -> String {
    match builder.start().await {
        Err(StartupError::Setting(text)) => text,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it started"),
    }
}

#[tokio::test]
async fn start_reports_a_setting_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let text = refusal(builder(&folder).trusted_proxies(["10.0.0.0/99"])).await;
    assert!(text.starts_with("trusted_proxies: "), "{text}");
    let text = refusal(builder(&folder).trusted_origins(["app.example.org/path"])).await;
    assert!(text.starts_with("trusted_origins: "), "{text}");
    let text = refusal(builder(&folder).password_min_length(7)).await;
    assert!(text.starts_with("password_min_length: "), "{text}");
    let text = refusal(builder(&folder).database_connections(0)).await;
    assert!(text.starts_with("database_connections: "), "{text}");
    let text = refusal(builder(&folder).session_limit(0)).await;
    assert!(text.starts_with("session_limit: "), "{text}");
    let text = refusal(builder(&folder).sessions(SessionStorage::Memory { limit: 0 })).await;
    assert!(text.starts_with("sessions: "), "{text}");
    let text = refusal(builder(&folder).idle_timeout(Duration::ZERO)).await;
    assert!(text.contains("idle timeout"), "{text}");
    let text = refusal(builder(&folder).webhook("off", "short")).await;
    assert!(text.starts_with("webhook: "), "{text}");
    let text = refusal(builder(&folder).idle_timeout(Duration::from_hours(48))).await;
    assert!(text.contains("longer than the absolute timeout"), "{text}");
}

#[tokio::test]
async fn the_first_unusable_setting_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let builder = builder(&folder).password_min_length(1).trusted_proxies(["nonsense"]);
    assert!(refusal(builder).await.starts_with("password_min_length: "));
}

#[tokio::test]
async fn mount_merges_every_route_of_anteroom() {
    let folder = tempfile::tempdir().unwrap();
    let anteroom = builder(&folder).signup(Signup::Closed).start().await.unwrap();
    let app = anteroom.mount(Router::new().route("/own", get(|| async { "own" })));
    for (path, status) in [("/own", 200), ("/login", 200), ("/nowhere", 404)] {
        let request = axum::http::Request::get(path)
            .header("host", "localhost:3000")
            .body(axum::body::Body::empty())
            .unwrap();
        let response = tower::ServiceExt::oneshot(app.clone(), request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
    anteroom.stop().await;
}

#[tokio::test]
async fn sessions_are_kept_in_the_store_of_the_application() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let anteroom = builder(&folder).session_store(store.clone()).start().await.unwrap();
    let handle = anteroom.handle();
    let user = handle.create_user("ada@example.org", "", PASSWORD, Role::User).await.unwrap();
    let app = anteroom.mount(Router::new());
    let body = serde_json::json!({ "email": "ada@example.org", "password": PASSWORD });
    let sign_in = Request::post("/api/session")
        .header("host", "localhost:3000")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();

    let response = app.clone().oneshot(sign_in).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(store.list(user.id).await.unwrap().len(), 1);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let check = async || {
        let check = Request::get("/api/session").header("host", "localhost:3000");
        let check = check.header("cookie", cookie).body(Body::empty()).unwrap();
        app.clone().oneshot(check).await.unwrap().status().as_u16()
    };
    assert_eq!(check().await, 200);
    handle.set_disabled(user.id, true).await.unwrap();
    assert_eq!(check().await, 401);
    assert!(store.list(user.id).await.unwrap().is_empty());
    anteroom.stop().await;
}

#[tokio::test]
async fn no_server_caches_the_sessions_of_an_own_store_and_no_command_reaches_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let options = builder(&folder).cache(true).session_store(store).options;

    let opened = Stores::open(&options, Opener::Server).await.unwrap();
    assert!(opened.stores.leases.confirming.is_empty());
    assert!(!opened.stores.leases.sessions_elsewhere, "revocations would wait for no one");
    opened.database.close().await;

    let command = Options { session_store: None, ..options };
    let refused = Stores::open(&command, Opener::Command { may_create: false }).await.err();
    assert!(matches!(refused, Some(StartupError::SessionsElsewhere)), "{refused:?}");
}

#[tokio::test]
async fn a_handle_manages_accounts_and_records_each_change() {
    let folder = tempfile::tempdir().unwrap();
    let anteroom = builder(&folder).start().await.unwrap();
    let handle = anteroom.handle();
    let user = handle.create_user("ada@example.org", "Ada", PASSWORD, Role::User).await.unwrap();

    let again = handle.create_user("ada@example.org", "", PASSWORD, Role::User).await;
    assert!(matches!(again, Err(HandleError::EmailTaken)), "{again:?}");
    let weak = handle.create_user("bob@example.org", "", "short", Role::User).await;
    assert!(matches!(weak, Err(HandleError::WeakPassword(_))), "{weak:?}");
    let invalid = handle.create_user("nonsense", "", PASSWORD, Role::User).await;
    assert!(matches!(invalid, Err(HandleError::Invalid(_))), "{invalid:?}");

    handle.set_groups(user.id, &["ops", "dev"]).await.unwrap();
    handle.add_group(user.id, "crew").await.unwrap();
    handle.remove_group(user.id, "ops").await.unwrap();
    let reserved = handle.add_group(user.id, "admin").await;
    assert!(matches!(reserved, Err(HandleError::Invalid(_))), "{reserved:?}");
    let many: Vec<String> = (0..65).map(|n| format!("g{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    handle.set_groups(user.id, &many).await.unwrap_err();
    let found = handle.find_user(user.id).await.unwrap().unwrap();
    assert_eq!(found.groups.iter().collect::<Vec<_>>(), ["crew", "dev"]);

    handle.set_role(user.id, Role::Admin).await.unwrap();
    let last = handle.set_disabled(user.id, true).await;
    assert!(matches!(last, Err(HandleError::LastAdministrator)), "{last:?}");
    handle.set_role(user.id, Role::User).await.unwrap_err();
    assert_eq!(handle.revoke_user_sessions(user.id).await.unwrap(), 0);
    let found = handle.find_user_by_email("ADA@example.org").await.unwrap().unwrap();
    assert_eq!((found.id, found.role), (user.id, Role::Admin));
    assert!(handle.user_sessions(user.id).await.unwrap().is_empty());

    let listing = crate::audit::AuditListing { limit: 50, ..Default::default() };
    let events = anteroom.audit().list(&listing).await.unwrap().events;
    let kinds: Vec<_> = events.iter().map(|one| one.event.kind.as_str()).collect();
    assert!(kinds.contains(&"signup") && kinds.contains(&"role_changed"), "{kinds:?}");
    let by: std::collections::BTreeSet<_> =
        events.iter().map(|one| one.event.by.actor.to_string()).collect();
    assert_eq!(by.into_iter().collect::<Vec<_>>(), ["server"]);
    anteroom.stop().await;
}
