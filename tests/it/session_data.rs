//! The browser's own data in its session, and what a visit without any leaves behind.

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{HOUR, Kind, MINUTE, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::{Answer, Browser};

on_each_store!(
    patches_merge_and_answer_the_whole_object,
    the_first_patch_starts_a_visitors_session,
    what_cannot_be_kept_starts_no_session,
    if_match_lets_nobody_overwrite_what_they_did_not_see,
    parallel_patches_of_different_members_all_count,
    without_a_session_there_is_nothing_and_no_cookie,
    life_12_attack_1_a_visit_writes_nothing,
    with_an_ended_session_of_a_user_it_is_refused,
    too_much_is_refused_and_changes_nothing,
    malformed_patches_are_refused,
    a_network_starts_thirty_sessions_a_minute,
    a_patch_starts_over_after_a_visitors_session_is_gone,
    an_account_lives_without_what_its_browser_keeps,
);

const DATA: &str = "/api/session/data";

async fn patch_if(browser: &Browser, if_match: &str, body: Value) -> Answer {
    let shape = |request: reqwest::RequestBuilder| request.header("If-Match", if_match).json(&body);
    browser.ask(Method::PATCH, DATA, shape).await
}

async fn patch_raw(browser: &Browser, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    let body = body.into();
    let shape =
        |request: reqwest::RequestBuilder| request.header("Content-Type", media_type).body(body);
    browser.ask(Method::PATCH, DATA, shape).await
}

async fn patches_merge_and_answer_the_whole_object(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;

    for (patch, whole) in [
        (json!({ "b": 1, "a": { "x": 1, "y": [1, 2] } }), r#"{"a":{"x":1,"y":[1,2]},"b":1}"#),
        (
            json!({ "a": { "x": null, "z": "é\u{0}" } }),
            "{\"a\":{\"y\":[1,2],\"z\":\"é\\u0000\"},\"b\":1}",
        ),
        (json!({ "b": null, "nothing": null, "a": [null] }), r#"{"a":[null]}"#),
        (json!({}), r#"{"a":[null]}"#),
    ] {
        let answer = browser.patch(DATA, patch).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, whole));
        let shown = browser.get(DATA).await;
        assert_eq!((shown.status, shown.text.as_str()), (200, whole));
        assert_eq!(shown.header("etag"), answer.header("etag"));
    }
    let answer =
        patch_raw(&browser, "application/merge-patch+json; charset=utf-8", "{\"c\":3}").await;
    assert_eq!(answer.json(), json!({ "a": [null], "c": 3 }));
}

async fn the_first_patch_starts_a_visitors_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();
    browser.hold(&"x".repeat(43));

    let answer = browser.patch(DATA, json!({ "cart": 1 })).await;

    assert_eq!((answer.status, answer.json()), (200, json!({ "cart": 1 })));
    assert_eq!(
        answer.set_cookies(),
        [format!("anteroom={}; HttpOnly; Path=/; SameSite=Lax", browser.token())]
    );
    assert_ne!(browser.token(), "x".repeat(43), "an unknown token was adopted");
    assert_eq!(browser.why_not().await, "no_session");
    assert_eq!(browser.get("/api/sessions").await.status, 401);
    assert_eq!(browser.patch(DATA, json!({ "more": 2 })).await.set_cookies().len(), 0);
    assert_eq!(app.live_sessions().await.len(), 1);

    assert_eq!(browser.delete("/api/session").await.status, 204);
    assert!(app.live_sessions().await.is_empty(), "a visitor could not leave");
}

async fn what_cannot_be_kept_starts_no_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();

    let too_large = json!({ "a": "x".repeat(9000) });
    for answer in [
        browser.patch(DATA, too_large).await,
        browser.patch(DATA, json!([1])).await,
        patch_raw(&browser, "application/json", "{").await,
        patch_raw(&browser, "text/plain", "{}").await,
        patch_if(&browser, "\"another\"", json!({ "a": 1 })).await,
    ] {
        assert!(answer.status >= 400, "{answer:?}");
        assert_eq!(answer.set_cookies().len(), 0);
    }
    assert!(app.live_sessions().await.is_empty());
}

async fn if_match_lets_nobody_overwrite_what_they_did_not_see(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let empty = browser.get(DATA).await.header("etag").to_owned();
    assert!(empty.starts_with('"') && empty.ends_with('"'), "a weak tag: {empty}");

    let answer = patch_if(&browser, &empty, json!({ "a": 1 })).await;
    assert_eq!(answer.status, 200);
    let tag = answer.header("etag").to_owned();
    assert_ne!(tag, empty);

    for stale in [empty.as_str(), &format!("W/{tag}"), "\"\"", tag.trim_matches('"'), "nonsense"] {
        let refused = patch_if(&browser, stale, json!({ "a": 2 })).await;
        assert_eq!(refused.refusal(), (412, "precondition_failed".to_owned()), "{stale}");
    }
    assert_eq!(browser.get(DATA).await.json(), json!({ "a": 1 }));
    for good in ["*", &tag, &format!("\"x\", {tag}")] {
        assert_eq!(patch_if(&browser, good, json!({})).await.status, 200, "{good}");
    }
    let new = app.browser();
    assert_eq!(patch_if(&new, &empty, json!({ "a": 1 })).await.status, 200);
}

async fn parallel_patches_of_different_members_all_count(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;

    let all = (0..10).map(|n| {
        let patch = json!({ format!("key{n}"): n });
        browser.patch(DATA, patch)
    });
    let answers = futures_util::future::join_all(all).await;

    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(browser.get(DATA).await.json().as_object().unwrap().len(), 10);
}

async fn without_a_session_there_is_nothing_and_no_cookie(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();
    for token in ["", "nonsense", &"x".repeat(43)] {
        if !token.is_empty() {
            browser.hold(token);
        }
        let answer = browser.get(DATA).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
        assert_eq!(answer.set_cookies().len(), 0);
        assert!(!answer.header("etag").is_empty());
    }
}

async fn life_12_attack_1_a_visit_writes_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("ada@example.org", Role::User).await;
    let browser = app.browser();
    let random = app.browser();
    random.hold(&"y".repeat(43));

    for browser in [&browser, &random] {
        for path in [
            "/", "/login", "/signup", "/account", "/logout", "/setup", "/nowhere", DATA, "/healthz",
        ] {
            assert_eq!(browser.get(path).await.set_cookies().len(), 0, "{path}");
        }
        browser.try_to_sign_in("ada@example.org", "wrong", false).await;
        browser.post_form("/preferences", &[("theme", "dark")]).await;
        browser.delete("/api/session").await;
    }
    assert!(app.live_sessions().await.is_empty());
}

async fn with_an_ended_session_of_a_user_it_is_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    browser.patch(DATA, json!({ "a": 1 })).await;
    app.pass(HOUR).await;

    let ended = (401, "idle_timeout".to_owned());
    assert_eq!(browser.get(DATA).await.refusal(), ended);
    let answer = browser.patch(DATA, json!({ "a": 2 })).await;
    assert_eq!(answer.refusal(), ended);
    assert_eq!(answer.set_cookies().len(), 0);
    assert!(app.live_sessions().await.is_empty());
}

async fn too_much_is_refused_and_changes_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    // {"a":"…"} takes eight bytes besides the text.
    let most = "x".repeat(8192 - 8);
    assert_eq!(browser.patch(DATA, json!({ "a": most })).await.status, 200);

    let answer = browser.patch(DATA, json!({ "b": 1 })).await;
    assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()));
    assert_eq!(answer.json()["errors"]["data"]["code"], "too_large");
    assert_eq!(browser.get(DATA).await.text.len(), 8192);

    let swap = browser.patch(DATA, json!({ "a": null, "b": "x".repeat(8192 - 8) })).await;
    assert_eq!(swap.status, 200, "only the result counts");
    let huge = browser.patch(DATA, json!({ "a": "x".repeat(20_000) })).await;
    assert_eq!(huge.refusal(), (413, "body_too_large".to_owned()));
}

async fn malformed_patches_are_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));

    for (body, status) in [
        ("{\"a\":1,\"a\":2}".to_owned(), 400),
        ("{\"a\":{\"b\":1,\"b\":1}}".to_owned(), 400),
        ("{\"a\":[{\"b\":1,\"\\u0062\":1}]}".to_owned(), 400),
        (deep(5000), 400),
        (deep(100), 422),
        (deep(31), 200),
        ("{\"a\":1e999}".to_owned(), 400),
        ("{\"a\":\"\\ud800\"}".to_owned(), 400),
        ("{\"a\":NaN}".to_owned(), 400),
        ("{\"a\":1}x".to_owned(), 400),
        ("[]".to_owned(), 400),
        ("null".to_owned(), 400),
        (String::new(), 400),
        ("\u{feff}{}".to_owned(), 400),
    ] {
        let answer = patch_raw(&browser, "application/json", body.clone()).await;
        assert_eq!(answer.status, status, "{}", &body[..body.len().min(40)]);
    }
    assert_eq!(
        patch_raw(&browser, "application/json", b"{\"a\":\"\xff\"}".to_vec()).await.status,
        400
    );
    let proto = browser.patch(DATA, json!({ "__proto__": { "x": 1 } })).await;
    assert_eq!(proto.json()["__proto__"], json!({ "x": 1 }));
}

async fn a_network_starts_thirty_sessions_a_minute(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let start = |address: &'static str| {
        let browser = app.browser();
        async move {
            let body = json!({ "a": 1 });
            let shape = |request: reqwest::RequestBuilder| {
                request.header("X-Forwarded-For", address).json(&body)
            };
            browser.ask(Method::PATCH, DATA, shape).await
        }
    };

    for _ in 0..30 {
        assert_eq!(start("2001:db8:1:1::1").await.status, 200);
    }
    let refused = start("2001:db8:1:1:ffff::2").await;
    assert_eq!(refused.refusal(), (429, "too_many_attempts".to_owned()));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    assert_eq!(refused.set_cookies().len(), 0);
    assert_eq!(start("2001:db8:1:2::1").await.status, 200, "another network");
    assert_eq!(start("192.0.2.1").await.status, 200, "another network");

    app.clock.advance(MINUTE);
    assert_eq!(start("2001:db8:1:1::1").await.status, 200, "a minute later");
}

async fn a_patch_starts_over_after_a_visitors_session_is_gone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();
    browser.patch(DATA, json!({ "a": 1 })).await;
    let old = browser.copy();
    browser.delete("/api/session").await;

    assert_eq!(old.get(DATA).await.json(), json!({}));
    let answer = old.patch(DATA, json!({ "b": 1 })).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "b": 1 })));
    assert_eq!(answer.set_cookies().len(), 1);
}

async fn an_account_lives_without_what_its_browser_keeps(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let hostile = json!({
        "user": { "role": "admin" }, "role": "admin", "user_id": "x", "authenticated_at": "now",
        "session": { "kind": "user", "expires_at": "2099-01-01T00:00:00Z" },
    });
    let before = browser.whoami().await.json();

    assert_eq!(browser.patch(DATA, hostile.clone()).await.status, 200);

    assert_eq!(browser.whoami().await.json(), before);
    assert_eq!(browser.get("/api/admin/users").await.status, 404);
    browser.reauthenticate(PASSWORD).await;
    assert_eq!(browser.get(DATA).await.json(), hostile, "lost at a rotation");
    let phone = app.signed_in("ada@example.org").await;
    assert_eq!(phone.get(DATA).await.json(), json!({}), "it is of one session");
}
