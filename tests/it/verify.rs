//! `/auth/verify`: what a proxy is told.

use anteroom::accounts::Role;
use serde_json::json;

use crate::harness::app::{HOUR, Kind, PASSWORD, TestApp, on_one_store};
use crate::harness::wire::{raw, raw_get};

on_one_store!(
    all_four_headers_are_there_always,
    a_name_beyond_ascii_travels_percent_encoded,
    an_address_is_empty_until_verified,
    without_a_session_there_is_no_header,
    what_the_client_sends_under_these_names_counts_for_nothing,
    it_counts_as_activity,
    no_answer_about_anybody_is_kept_by_a_cache,
    no_spelling_of_a_header_names_anybody,
);

async fn all_four_headers_are_there_always(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.add("ada@example.org", Role::User).await;
    let browser = app.signed_in("ada@example.org").await;

    let answer = browser.get("/auth/verify").await;

    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("remote-user"), ada.user.id.to_string());
    assert_eq!(answer.header("remote-email"), "ada@example.org");
    assert_eq!(answer.header("remote-name"), "Ada");
    assert_eq!(answer.header("remote-groups"), "user");
    assert_eq!(answer.set_cookies().len(), 0);
    browser.patch("/api/account", json!({ "name": "" })).await;
    let answer = browser.get("/auth/verify").await;
    assert!(answer.headers.contains_key("remote-name"), "an empty name leaves a gap");
}

async fn a_name_beyond_ascii_travels_percent_encoded(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    for (name, sent) in [
        ("이아름", "%EC%9D%B4%EC%95%84%EB%A6%84"),
        ("José O'Neil", "Jos%C3%A9 O'Neil"),
        ("a,admin", "a,admin"),
    ] {
        browser.patch("/api/account", json!({ "name": name })).await;
        assert_eq!(browser.get("/auth/verify").await.header("remote-name"), sent);
    }
    for name in ["x\r\nRemote-Groups: admin", "x\nRemote-Groups: admin", "x\u{0}"] {
        assert_eq!(browser.patch("/api/account", json!({ "name": name })).await.status, 422);
    }
    assert_eq!(browser.get("/auth/verify").await.header("remote-groups"), "user");
}

async fn an_address_is_empty_until_verified(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();
    browser.sign_up("victim@example.org", PASSWORD).await;

    let answer = browser.get("/auth/verify").await;

    assert!(answer.headers.contains_key("remote-email"));
    assert_eq!(answer.header("remote-email"), "");
}

async fn without_a_session_there_is_no_header(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ended = app.signed_in("ada@example.org").await;
    app.pass(HOUR).await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    for (browser, why) in
        [(&app.browser(), "no_session"), (&visitor, "no_session"), (&ended, "idle_timeout")]
    {
        let answer = browser.get("/auth/verify").await;
        assert_eq!(answer.refusal(), (401, why.to_owned()));
        let named = answer.headers.keys().any(|name| name.as_str().starts_with("remote-"));
        assert!(!named && answer.set_cookies().is_empty());
    }
}

async fn what_the_client_sends_under_these_names_counts_for_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let forged = format!(
        "Cookie: anteroom={}\r\nRemote-User: root\r\nRemote-Groups: admin\r\nRemote_Groups: admin\r\n\
         Connection: Remote-User\r\n",
        browser.token()
    );
    let answer = raw_get(&app, "/auth/verify", forged.as_bytes()).await;
    assert_eq!(answer.status, 200);
    let groups: Vec<_> = answer.headers.get_all("remote-groups").iter().collect();
    assert_eq!(groups, ["user"]);
    assert_eq!(answer.header("remote-user"), browser.user_id().await);
    let nobody = raw_get(&app, "/auth/verify", b"Remote-User: root\r\n").await;
    assert_eq!(nobody.status, 401);
}

async fn it_counts_as_activity(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    for _ in 0..3 {
        app.pass(HOUR / 2).await;
        assert_eq!(browser.get("/auth/verify").await.status, 200);
    }
    assert!(browser.is_signed_in().await);
}

async fn no_answer_about_anybody_is_kept_by_a_cache(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    for browser in [&ada, &app.browser()] {
        let answer = browser.get("/auth/verify").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Cookie"));
    }
}

async fn no_spelling_of_a_header_names_anybody(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let cookie = format!("Cookie: anteroom={}\r\n", ada.token());
    let expected = ada.get("/auth/verify").await;
    for spelled in ["Remote-User", "Remote_User", "remote.user", "REMOTE-USER", "Remote-Groups"] {
        for lines in [
            format!("{spelled}: admin\r\n"),
            format!("{spelled}: admin\r\n{spelled}: root\r\n"),
            format!("{spelled}: admin\r\nConnection: {spelled}\r\n"),
        ] {
            let nobody = raw_get(&app, "/auth/verify", lines.as_bytes()).await;
            assert_eq!(nobody.status, 401, "{lines}");
            let answer = raw_get(&app, "/auth/verify", (cookie.clone() + &lines).as_bytes()).await;
            assert_eq!(answer.status, 200, "{lines}");
            for name in ["remote-user", "remote-email", "remote-name", "remote-groups"] {
                let values: Vec<_> = answer.headers.get_all(name).iter().collect();
                assert_eq!(values, [expected.header(name)], "{lines}");
            }
        }
    }
}

#[tokio::test]
async fn it_takes_no_body_and_no_other_method() {
    let app = TestApp::start(Kind::Database).await;
    let post = raw(&app, "POST /auth/verify HTTP/1.1", b"", b"x").await;
    assert_eq!((post.status, post.header("allow")), (405, "GET,HEAD"));
    let large = raw(&app, "POST /auth/verify HTTP/1.1", b"", &vec![b'x'; 1_000_000]).await;
    assert!([413, 0].contains(&large.status), "{}", large.status);
}
