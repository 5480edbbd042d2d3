//! What server code keeps through `tower_sessions::Session` behind our layer.

use anteroom::Anteroom;
use anteroom::http::CurrentUser;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tower_sessions::Session;

use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::{Answer, Browser};

on_one_store!(
    a_save_after_a_sign_out_brings_nothing_back,
    server_code_sees_the_handle_and_never_the_token,
    cycling_the_id_leaves_one_live_token_and_the_data,
    ck_7_the_cookie_is_removed_with_every_attribute_it_was_set_with,
    a_change_of_data_sends_no_cookie,
    parallel_changes_of_different_keys_both_survive,
    flushing_clears_the_data_and_signs_nobody_out,
    clearing_leaves_only_what_was_put_since,
    the_data_survives_what_changes_the_token,
    an_answer_of_failure_keeps_nothing,
    looking_keeps_nothing,
    a_visitors_first_value_starts_a_session,
    server_data_and_browser_data_are_apart,
    somebody_else_inherits_nothing,
);

async fn put(session: Session, Path((key, value)): Path<(String, String)>) -> StatusCode {
    session.insert(&key, value).await.unwrap();
    StatusCode::NO_CONTENT
}

async fn show(session: Session, Path(key): Path<String>) -> String {
    session.get::<Value>(&key).await.unwrap().unwrap_or_default().to_string()
}

async fn put_slowly(session: Session, Path(key): Path<String>) -> StatusCode {
    session.get::<Value>("before").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    session.insert(&key, true).await.unwrap();
    StatusCode::NO_CONTENT
}

async fn cycle(session: Session) -> StatusCode {
    session.insert("cycled", true).await.unwrap();
    session.cycle_id().await.unwrap();
    StatusCode::NO_CONTENT
}

async fn flush(session: Session) -> StatusCode {
    session.flush().await.unwrap();
    StatusCode::NO_CONTENT
}

async fn clear(session: Session) -> StatusCode {
    session.clear().await;
    session.insert("fresh", true).await.unwrap();
    StatusCode::NO_CONTENT
}

async fn fail(session: Session) -> StatusCode {
    session.insert("failed", true).await.unwrap();
    StatusCode::BAD_GATEWAY
}

async fn id(session: Session) -> String {
    session.get::<Value>("anything").await.unwrap();
    session
        .id()
        .map_or_else(String::new, |id| uuid::Uuid::from_u128(id.0.cast_unsigned()).to_string())
}

async fn name(user: CurrentUser) -> String {
    user.user.email.as_str().to_owned()
}

/// The service, and around it an application of somebody's own.
fn mounted(anteroom: &Anteroom) -> Router {
    let own = Router::new()
        .route("/own/put/{key}/{value}", post(put))
        .route("/own/put-slowly/{key}", post(put_slowly))
        .route("/own/show/{key}", get(show))
        .route("/own/cycle", post(cycle))
        .route("/own/flush", post(flush))
        .route("/own/clear", post(clear))
        .route("/own/fail", post(fail))
        .route("/own/id", get(id))
        .route("/own/name", get(name))
        .layer(anteroom.session_layer());
    own.merge(anteroom.router())
}

async fn start(kind: Kind) -> TestApp {
    TestApp::start_around(kind, |_| (), mounted).await
}

async fn act(browser: &Browser, path: &str) -> Answer {
    browser.ask(Method::POST, path, |request| request).await
}

async fn shown(browser: &Browser, key: &str) -> String {
    browser.get(&format!("/own/show/{key}")).await.text
}

async fn a_save_after_a_sign_out_brings_nothing_back(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let other = browser.copy();

    let slow = tokio::spawn({
        let browser = browser.copy();
        async move { act(&browser, "/own/put-slowly/late").await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(other.delete("/api/session").await.status, 204);
    let late = slow.await.unwrap();

    assert_eq!(late.refusal(), (401, "signed_out".to_owned()));
    assert_eq!(late.set_cookies().len(), 0);
    assert_eq!(browser.why_not().await, "signed_out");
    assert!(app.live_sessions().await.is_empty());
}

async fn server_code_sees_the_handle_and_never_the_token(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    assert_eq!(browser.get("/own/name").await.text, "ada@example.org");
    let id = browser.get("/own/id").await.text;
    assert_eq!(id, browser.session_id().await);
    assert_eq!(app.browser().get("/own/name").await.status, 401);

    // The id that they would have put into the cookie opens nothing here.
    let thief = app.browser();
    let uuid = uuid::Uuid::parse_str(&id).unwrap();
    thief.hold(&tower_sessions::session::Id(uuid.as_u128().cast_signed()).to_string());
    assert_eq!(thief.why_not().await, "no_session");
}

async fn cycling_the_id_leaves_one_live_token_and_the_data(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    act(&browser, "/own/put/cart/3").await;
    browser.patch("/api/session/data", json!({ "own": 1 })).await;
    let (old, handle) = (browser.copy(), browser.session_id().await);

    let answer = act(&browser, "/own/cycle").await;

    assert_eq!((answer.status, answer.set_cookies().len()), (204, 1));
    assert_ne!(browser.token(), old.token());
    assert_eq!(old.why_not().await, "replaced");
    assert_eq!(browser.session_id().await, handle);
    assert_eq!(shown(&browser, "cart").await, "\"3\"");
    assert_eq!(shown(&browser, "cycled").await, "true");
    assert_eq!(browser.get("/api/session/data").await.json(), json!({ "own": 1 }));
    assert_eq!(app.live_sessions().await.len(), 1);

    let both = [browser.copy(), browser.copy()];
    join_all(both.iter().map(|tab| act(tab, "/own/cycle"))).await;
    assert_eq!(app.live_sessions().await.len(), 1);
    let mut live = 0;
    for tab in &both {
        live += usize::from(tab.is_signed_in().await);
    }
    assert_eq!(live, 1);
}

async fn ck_7_the_cookie_is_removed_with_every_attribute_it_was_set_with(kind: Kind) {
    let https = |options: &mut anteroom::Options| options.public_url = "https://a.example".into();
    let app = TestApp::start_around(kind, https, mounted).await;
    let browser = app.browser();

    let started = act(&browser, "/own/put/a/b").await;
    let ended = browser.delete("/api/session").await;

    let attributes = "; HttpOnly; Path=/; SameSite=Lax; Secure";
    assert!(started.set_cookies().concat().ends_with(attributes), "{started:?}");
    assert_eq!(ended.set_cookies(), [format!("__Host-anteroom={attributes}; Max-Age=0")]);
}

async fn a_change_of_data_sends_no_cookie(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    for n in 0..3 {
        app.pass(2 * MINUTE).await;
        let answer = act(&browser, &format!("/own/put/a/{n}")).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (204, 0));
    }
    assert_eq!(shown(&browser, "a").await, "\"2\"");
}

async fn parallel_changes_of_different_keys_both_survive(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let paths: Vec<_> = (0..5).map(|n| format!("/own/put-slowly/key{n}")).collect();

    let answers = join_all(paths.iter().map(|path| act(&browser, path))).await;

    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    for n in 0..5 {
        assert_eq!(shown(&browser, &format!("key{n}")).await, "true", "key{n}");
    }
}

async fn flushing_clears_the_data_and_signs_nobody_out(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    act(&browser, "/own/put/a/b").await;
    browser.patch("/api/session/data", json!({ "own": 1 })).await;

    let answer = act(&browser, "/own/flush").await;

    assert_eq!((answer.status, answer.set_cookies().len()), (204, 0));
    assert!(browser.is_signed_in().await);
    assert_eq!(shown(&browser, "a").await, "null");
    assert_eq!(browser.get("/api/session/data").await.json(), json!({ "own": 1 }));
}

async fn clearing_leaves_only_what_was_put_since(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    act(&browser, "/own/put/a/b").await;
    act(&browser, "/own/put/fresh/no").await;

    assert_eq!(act(&browser, "/own/clear").await.status, 204);

    assert_eq!(shown(&browser, "a").await, "null");
    assert_eq!(shown(&browser, "fresh").await, "true");
}

async fn the_data_survives_what_changes_the_token(kind: Kind) {
    let app = start(kind).await;
    app.signed_in("ada@example.org").await;
    let browser = app.browser();
    act(&browser, "/own/put/cart/3").await;

    browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(shown(&browser, "cart").await, "\"3\"", "after signing in");
    browser.reauthenticate(PASSWORD).await;
    assert_eq!(shown(&browser, "cart").await, "\"3\"", "after reauthenticating");
    assert_eq!(browser.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    assert_eq!(shown(&browser, "cart").await, "\"3\"", "after a new password");
    assert_eq!(browser.delete("/api/sessions").await.status, 200);
    assert_eq!(shown(&browser, "cart").await, "\"3\"", "after ending the others");
}

async fn an_answer_of_failure_keeps_nothing(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    assert_eq!(act(&browser, "/own/fail").await.status, 502);
    assert_eq!(shown(&browser, "failed").await, "null");

    let visitor = app.browser();
    assert_eq!(act(&visitor, "/own/fail").await.set_cookies().len(), 0);
    assert_eq!(app.live_sessions().await.len(), 1);
}

async fn looking_keeps_nothing(kind: Kind) {
    let app = start(kind).await;
    let visitor = app.browser();
    for path in ["/own/show/a", "/own/id"] {
        let answer = visitor.get(path).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (200, 0));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("vary"), "Cookie");
    }
    assert_eq!(act(&visitor, "/own/flush").await.set_cookies().len(), 0);
    assert!(app.live_sessions().await.is_empty());
}

async fn a_visitors_first_value_starts_a_session(kind: Kind) {
    let app = start(kind).await;
    let visitor = app.browser();
    visitor.hold(&"z".repeat(43));
    let answer = act(&visitor, "/own/put/a/b").await;
    assert_eq!((answer.status, answer.set_cookies().len()), (204, 1));
    assert_ne!(visitor.token(), "z".repeat(43));
    assert_eq!(shown(&visitor, "a").await, "\"b\"");
    assert_eq!(visitor.why_not().await, "no_session");
}

async fn server_data_and_browser_data_are_apart(kind: Kind) {
    let app = start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    act(&browser, "/own/put/role/user").await;

    browser.patch("/api/session/data", json!({ "role": "admin", "more": 1 })).await;

    assert_eq!(shown(&browser, "role").await, "\"user\"");
    assert_eq!(shown(&browser, "more").await, "null");
    let own = browser.get("/api/session/data").await.json();
    assert_eq!(own, json!({ "role": "admin", "more": 1 }));
    browser.patch("/api/session/data", json!({ "role": null, "more": null })).await;
    assert_eq!(shown(&browser, "role").await, "\"user\"");
}

async fn somebody_else_inherits_nothing(kind: Kind) {
    let app = start(kind).await;
    app.signed_in("bob@example.org").await;
    let browser = app.signed_in("ada@example.org").await;
    act(&browser, "/own/put/secret/ada").await;
    browser.try_to_sign_in("bob@example.org", PASSWORD, false).await;
    assert_eq!(shown(&browser, "secret").await, "null");
}
