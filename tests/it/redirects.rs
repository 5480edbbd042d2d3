//! Where one is led after signing in: to a path of this very site, or to the account.

use crate::harness::app::{Kind, PASSWORD, TestApp};

/// What leads nowhere else than to the account.
const TRICKS: &[&str] = &[
    "",
    "//evil.com",
    "///evil.com",
    "////evil.com/..",
    "https://evil.com",
    "http:evil.com",
    "https:evil.com",
    "HTTPS://evil.com",
    "https://localhost.evil.com",
    "https://localhost@evil.com",
    "https://evil.com#.localhost",
    "https://evil.com\\@localhost",
    "https://localhost.",
    "https://localhost:444/account",
    "http://localhost/account",
    "https://xn--lcalhost-1bd.com",
    "/\\evil.com",
    "\\\\evil.com",
    "/\\/evil.com",
    "\\/evil.com",
    "/account\\..\\..\\evil",
    "/\t/evil.com",
    "/\n/evil.com",
    "\t//evil.com",
    " //evil.com",
    "/\u{0}/evil.com",
    "/ok\r\nSet-Cookie: x=1",
    "/ok\nLocation: //evil.com",
    "/\u{85}/evil.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "@evil.com",
    "evil.com",
    "account",
    "?x",
    "#x",
    "#//evil.com",
    "//evil.com#/account",
    "/.//evil.com#/account",
    "/.//evil.com",
    "/..//evil.com",
    "/x/..//evil.com",
    "/%2e%2e//evil.com",
    "/./\\evil.com",
];

/// What would sign out, run in circles, or show what is no page.
const LOOPS: &[&str] = &[
    "/logout",
    "/logout?x",
    "/logout/",
    "/x/../logout",
    "/%2e/logout",
    "/login",
    "/login?next=/login",
    "/signup",
    "/auth/verify",
    "/auth",
    "/setup?token=x",
    "/reauthenticate",
    "/api/session",
    "/preferences",
    "/account/password",
    "/openapi.json",
    "/healthz",
    "/readyz",
    "/login#/account",
    "/logout#x",
    "/x/../logout?x#y",
];

/// What leads where, exactly.
const PATHS: &[(&str, &str)] = &[
    ("/account/sessions", "/account/sessions"),
    ("/account?done=password", "/account?done=password"),
    ("/", "/"),
    ("/x/../account", "/account"),
    ("/@evil.com", "/@evil.com"),
    ("/%2f%2fevil.com", "/%2f%2fevil.com"),
    ("/%5cevil.com", "/%5cevil.com"),
    ("/ok%0d%0aSet-Cookie:x=1", "/ok%0d%0aSet-Cookie:x=1"),
    ("/account#part", "/account#part"),
    ("/app/#/reports/7", "/app/#/reports/7"),
    ("/app/?a=b#//evil.com", "/app/?a=b#//evil.com"),
    ("/app#a b\"é", "/app#a%20b%22%C3%A9"),
    ("/app#%0d%0aSet-Cookie:x=1", "/app#%0d%0aSet-Cookie:x=1"),
    ("/a b?c=é", "/a%20b?c=%C3%A9"),
    ("/app/https://evil.com", "/app/https://evil.com"),
    ("/?next=//evil.com", "/?next=//evil.com"),
];

fn query(next: &str) -> String {
    url::form_urlencoded::byte_serialize(next.as_bytes()).collect()
}

#[tokio::test]
async fn red_1_no_trick_leads_away_from_this_site() {
    let long = format!("/{}", "x".repeat(3000));
    lead_to_the_account(TRICKS.iter().copied().chain([&*long])).await;
}

#[tokio::test]
async fn red_3_nobody_is_led_to_where_they_would_be_signed_out_or_sent_back() {
    let nested = (0..50).fold("/account".to_owned(), |n, _| format!("/login?next={}", query(&n)));
    let nested = &nested[..nested.len().min(2000)];
    lead_to_the_account(LOOPS.iter().copied().chain([nested])).await;
}

async fn lead_to_the_account(all: impl Iterator<Item = &str>) {
    let app = TestApp::start_with(Kind::Memory, |options| options.policy.limit.most = 1000).await;
    let signed_in = app.signed_in("ada@example.org").await;
    for next in all {
        let browser = app.browser();
        let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", next)];
        let answer = browser.post_form("/login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, "/account"), "{next:?}");
        assert_eq!(answer.set_cookies().len(), 1, "{next:?}");

        let path = format!("/login?next={}", query(next));
        assert_eq!(signed_in.get(&path).await.location(), "/account", "{next:?}");
        let page = app.browser().get(&path).await;
        assert_eq!(page.status, 200);
        let form = page.text.split("action=\"/login\"").nth(1).unwrap();
        let form = form.split("</form>").next().unwrap();
        assert!(!form.contains("name=\"next\""), "{next:?} is carried on");
        assert_eq!(signed_in.get(&path.replace("/login", "/signup")).await.location(), "/account");
    }
}

#[tokio::test]
async fn red_1_a_path_of_this_site_is_led_to() {
    let app = TestApp::start(Kind::Memory).await;
    let signed_in = app.signed_in("ada@example.org").await;
    for (next, leads_to) in PATHS {
        let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", next)];
        let answer = app.browser().post_form("/login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, *leads_to));
        let answer = signed_in.get(&format!("/login?next={}", query(next))).await;
        assert_eq!((answer.status, answer.location()), (303, *leads_to));
    }
}

#[tokio::test]
async fn nobody_signed_in_comes_back_to_where_they_wanted_to_go() {
    let app = TestApp::start(Kind::Memory).await;
    app.signed_in("ada@example.org").await;
    let browser = app.browser();

    let answer = browser.get("/account/sessions?done=one&x=%26y").await;
    assert_eq!(answer.status, 303);
    let page = browser.get(answer.location()).await;
    assert_eq!(page.status, 200);
    let form = page.text.split("name=\"next\" value=\"").nth(1).unwrap();
    let next = form.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    assert_eq!(next, "/account/sessions?done=one&x=%26y");

    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", &next)];
    assert_eq!(browser.post_form("/login", &fields).await.location(), next);
}

#[tokio::test]
async fn red_1_two_places_to_go_are_none() {
    let app = TestApp::start(Kind::Memory).await;
    assert_eq!(app.browser().get("/login?next=/a&next=/b").await.status, 400);
    assert_eq!(app.browser().get("/signup?next=/a&next=/b").await.status, 400);
}

#[tokio::test]
async fn red_1_preferences_lead_back_to_this_site_only() {
    let app = TestApp::start(Kind::Memory).await;
    let browser = app.browser();
    for (next, leads_to) in [
        ("/login?next=/account", "/login?next=/account"),
        ("//evil.com", "/"),
        ("/\\evil.com", "/"),
        ("https://evil.com", "/"),
        ("", "/"),
    ] {
        let answer = browser.post_form("/preferences", &[("lang", "ko"), ("next", next)]).await;
        assert_eq!((answer.status, answer.location()), (303, leads_to));
    }
}

#[tokio::test]
async fn changing_the_language_of_a_form_keeps_where_to_go_and_nothing_else() {
    let app = TestApp::start(Kind::Memory).await;
    let browser = app.browser();
    let back = |text: &str| {
        let form = text.split("action=\"/preferences\"").nth(1).unwrap();
        form.split("name=\"next\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    for page in ["/login", "/signup"] {
        let path =
            format!("{page}?email=ada%40example.org&password=planted&next=/account/sessions");
        let shown = browser.get(&path).await;
        assert_eq!(back(&shown.text), format!("{page}?next=/account/sessions"));
        assert!(!shown.text.contains("planted"));
        let fields = [("email", "nobody"), ("password", "x"), ("next", "/account/sessions")];
        let failed = browser.post_form(page, &fields).await;
        assert_eq!(back(&failed.text), format!("{page}?next=/account/sessions"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_instead_of_reauthentication_keeps_the_target() {
    let app = TestApp::start(Kind::Memory).await;

    let answer = app.browser().get("/reauthenticate?next=/account/sessions").await;

    assert_eq!((answer.status, answer.location()), (303, "/login?next=/account/sessions"));
}
