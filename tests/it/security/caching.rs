//! No cache, of a browser or of a proxy, keeps what is somebody's own.

use reqwest::header::VARY;

use crate::harness::app::{HOUR, Kind, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::{Answer, Browser};
use crate::harness::wire::raw_get;

on_one_store!(
    cache_1_nothing_of_a_session_may_be_kept,
    cache_2_what_depends_on_cookies_says_so,
    cache_3_no_path_that_looks_like_a_file_shows_an_account,
    cache_5_files_are_the_same_for_everybody_under_distinct_names,
);

const PAGES: [&str; 19] = [
    "/",
    "/login",
    "/signup",
    "/logout",
    "/setup",
    "/account",
    "/account/sessions",
    "/reauthenticate",
    "/account/password",
    "/nowhere",
    "/api/session",
    "/api/session/data",
    "/api/sessions",
    "/api/account",
    "/api/admin/users",
    "/api/nowhere",
    "/api/signup",
    "/auth/verify",
    "/openapi.json",
];

/// One browser for everything that a cookie may be: none, unknown, live, ended.
async fn browsers(app: &TestApp) -> Vec<(&'static str, Browser)> {
    let (unknown, ended) = (app.browser(), app.signed_in("ada@example.org").await);
    unknown.hold(&"x".repeat(43));
    app.pass(2 * HOUR).await;
    let live = app.administrator("root@example.org").await;
    vec![("none", app.browser()), ("unknown", unknown), ("ended", ended), ("live", live)]
}

async fn cache_1_nothing_of_a_session_may_be_kept(kind: Kind) {
    let app = TestApp::start(kind).await;
    let kept = |answer: &Answer| answer.header("cache-control").to_owned();
    for (whose, browser) in browsers(&app).await {
        for path in PAGES {
            assert_eq!(kept(&browser.get(path).await), "no-store", "{path} with {whose}");
        }
        for (email, password) in [("root@example.org", PASSWORD), ("root@example.org", "wrong")] {
            let fields = [("email", email), ("password", password)];
            assert_eq!(kept(&browser.post_form("/login", &fields).await), "no-store");
            assert_eq!(kept(&browser.try_to_sign_in(email, password, false).await), "no-store");
        }
        assert_eq!(kept(&browser.post_form("/logout", &[]).await), "no-store");
    }
}

async fn cache_2_what_depends_on_cookies_says_so(kind: Kind) {
    let app = TestApp::start(kind).await;
    for (whose, browser) in browsers(&app).await {
        // Not for those that look at no cookie.
        let same_for_all = ["/openapi.json", "/api/nowhere", "/api/signup"];
        for path in PAGES.iter().filter(|path| !same_for_all.contains(path)) {
            let answer = browser.get(path).await;
            let varies = answer.headers.get_all(VARY).iter().filter(|vary| *vary == "Cookie");
            assert_eq!(varies.count(), 1, "{path} with {whose}: {:?}", answer.headers);
        }
    }
}

async fn cache_3_no_path_that_looks_like_a_file_shows_an_account(kind: Kind) {
    let app = TestApp::start(kind).await;
    let token = app.signed_in("ada@example.org").await.token();
    let cookie = format!("Cookie: anteroom={token}\r\n");
    assert_eq!(raw_get(&app, "/account", cookie.as_bytes()).await.status, 200);

    for page in ["/account", "/account/sessions", "/api/session", "/api/account", "/api/sessions"] {
        for tail in
            ["/x.css", ";x.js", "%2fx.js", ".css", "%00.css", "%3fx.css", "%23x.css", "/", "%0a.js"]
        {
            let path = format!("{page}{tail}");
            let answer = raw_get(&app, &path, cookie.as_bytes()).await;
            assert!([404, 405].contains(&answer.status), "{path}: {}", answer.status);
            assert!(!answer.text.contains("ada@example.org"), "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
}

async fn cache_5_files_are_the_same_for_everybody_under_distinct_names(kind: Kind) {
    let app = TestApp::start(kind).await;
    let page = app.browser().get("/login").await.text;
    let files: Vec<_> = page.split('"').filter(|quoted| quoted.starts_with("/assets/")).collect();
    assert!(files.len() >= 2, "{page}");

    for file in files {
        let (name, ending) = file.rsplit_once('.').unwrap();
        let digest = name.rsplit_once('.').unwrap().1;
        assert!(digest.len() >= 12 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let mut bodies = Vec::new();
        for (_, browser) in browsers(&app).await {
            let answer = browser.get(file).await;
            assert_eq!((answer.status, answer.set_cookies().len()), (200, 0), "{file}");
            bodies.push(answer.text);
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{file} depends on who asks");
        let other = file.replace(digest, "000000000000");
        let plain = format!("{}.{ending}", name.strip_suffix(&format!(".{digest}")).unwrap());
        for missing in [other, plain] {
            let answer = app.browser().get(&missing).await;
            assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"));
        }
    }
}
