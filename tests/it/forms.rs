//! Forms of the pages: sent twice, by browsers without cookies, after the session has ended, and
//! shown again with what was wrong.

use std::time::Duration;

use futures_util::future::join;
use reqwest::Method;
use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, REFERER};
use serde_json::json;

use crate::harness::app::{HOUR, Kind, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};

const ADA: &str = "ada@example.org";

fn query(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The value of a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("type=\"hidden\" name=\"{name}\" value=\"")).nth(1);
    field.unwrap_or_else(|| panic!("no {name} in {page}")).split('"').next().unwrap().to_owned()
}

/// The name of the form on a page.
async fn form_of(browser: &Browser, path: &str) -> String {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{path}");
    hidden(&page.text, "form")
}

/// Sends a form without keeping anything of the answer.
async fn send(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = browser.request(Method::POST, path);
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    Answer::read(request.send().await.unwrap()).await
}

/// Follows redirects without keeping a cookie.
async fn follow(browser: &Browser, mut answer: Answer) -> Answer {
    for _ in 0..5 {
        if answer.status != 303 {
            return answer;
        }
        let request = browser.request(Method::GET, answer.location());
        answer = Answer::read(request.send().await.unwrap()).await;
    }
    panic!("redirected in circles: {answer:?}");
}

/// How many live sessions Ada has, as another browser of hers sees it, which does not count.
async fn live(other: &Browser) -> usize {
    other.sessions().await.len() - 1
}

/// The value of the session cookie that an answer sets.
fn token(answer: &Answer) -> String {
    let cookies = answer.set_cookies();
    let cookie = cookies.first().unwrap_or_else(|| panic!("{answer:?}"));
    cookie.split_once('=').unwrap().1.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_without_cookies_gets_a_notice_and_leaves_no_session() {
    let app = TestApp::start(Kind::Memory).await;
    let other = app.signed_in(ADA).await;
    let browser = app.browser();
    let form = form_of(&browser, "/login").await;
    let typed = [("email", ADA), ("password", PASSWORD), ("next", "/account/sessions")];
    for named in [true, false] {
        let more = if named { vec![("form", form.as_str())] } else { vec![] };
        let fields: Vec<_> = typed.into_iter().chain(more).collect();
        let answer = send(&browser, "/login", &fields).await;
        assert_eq!((answer.status, live(&other).await), (303, 1), "{named}");
        let page = follow(&browser, answer).await;
        assert_eq!((page.status, live(&other).await), (200, 0), "{named}");
        assert!(page.text.contains("did not keep the cookie"), "{}", page.text);
        assert!(page.text.contains("<title>Error: "), "{}", page.text);
        assert_eq!(hidden(&page.text, "next"), "/account/sessions");
    }
    let in_korean = browser.request(Method::GET, "/login?begun=x").header(ACCEPT_LANGUAGE, "ko");
    let page = in_korean.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("쿠키를 허용"), "{page}");
}

#[tokio::test]
async fn sign_up_and_invitation_without_cookies_show_a_notice() {
    let app = TestApp::start(Kind::Memory).await;
    let browser = app.browser();
    let form = form_of(&browser, "/signup").await;
    let fields = [("email", ADA), ("password", PASSWORD), ("form", &form)];
    let page = follow(&browser, send(&browser, "/signup", &fields).await).await;
    assert!(page.text.contains("did not keep the cookie"), "{}", page.text);
    let other = app.browser();
    assert_eq!(other.try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
    assert_eq!(live(&other).await, 0);

    let root = app.administrator("root@example.org").await;
    let path = invitation(&root, "eve@example.org").await;
    let form = form_of(&browser, &path).await;
    let token = path.split_once('=').unwrap().1;
    let fields = [("token", token), ("password", OTHER_PASSWORD), ("form", &form)];
    let page = follow(&browser, send(&browser, "/invitation", &fields).await).await;
    assert!(page.text.contains("did not keep the cookie"), "{}", page.text);
}

#[tokio::test]
async fn a_browser_that_keeps_cookies_goes_on_to_where_it_wanted() {
    let app = TestApp::start(Kind::Memory).await;
    app.signed_in(ADA).await;
    let browser = app.browser();
    let form = form_of(&browser, "/login").await;
    let next = "/app/#/reports/7";
    let fields = [("email", ADA), ("password", PASSWORD), ("next", next), ("form", &form)];
    let look = browser.post_form("/login", &fields).await;
    assert_eq!(look.status, 303);
    assert!(!look.location().contains(&browser.token()), "the token is in an address");
    let answer = browser.get(look.location()).await;
    assert_eq!((answer.status, answer.location()), (303, next));
    assert!(browser.is_signed_in().await);
    // Whoever sends any cookie keeps some.
    let answer = browser.post_form("/login", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, next));
}

#[tokio::test]
async fn no_link_ends_a_session() {
    let app = TestApp::start(Kind::Memory).await;
    let ada = app.signed_in(ADA).await;
    let stranger = app.browser();
    let id = ada.session_id().await;
    let guessed = "A".repeat(43);
    for begun in ["", "x", &id, &guessed, &ada.token()] {
        let page = stranger.get(&format!("/login?begun={}&next=/account", query(begun))).await;
        assert_eq!(page.status, 200);
        assert!(ada.is_signed_in().await, "{begun}");
    }
    // The address of a sign-in that went well is of no use later, and never with a cookie.
    let browser = app.browser();
    let form = form_of(&browser, "/login").await;
    let fields = [("email", ADA), ("password", PASSWORD), ("form", &form)];
    let look = browser.post_form("/login", &fields).await;
    assert_eq!(browser.get(look.location()).await.location(), "/account");
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(stranger.get(look.location()).await.status, 200);
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn a_sign_in_that_is_sent_twice_leaves_one_session() {
    let app = TestApp::start(Kind::Database).await;
    let other = app.signed_in(ADA).await;
    let browser = app.browser();
    let form = form_of(&browser, "/login").await;
    let fields = [("email", ADA), ("password", PASSWORD), ("form", &form)];
    let both = join(send(&browser, "/login", &fields), send(&browser, "/login", &fields)).await;
    let once_more = send(&browser, "/login", &fields).await;

    assert_eq!(live(&other).await, 1);
    for answer in [&both.0, &both.1] {
        assert_eq!(answer.status, 303);
        browser.hold(&token(answer));
        assert_eq!(browser.why_not().await, "replaced");
    }
    browser.hold(&token(&once_more));
    assert!(browser.is_signed_in().await);

    // The name of a form proves nothing: the password is asked for each time.
    let wrong = [("email", ADA), ("password", OTHER_PASSWORD), ("form", &*form)];
    assert_eq!(send(&app.browser(), "/login", &wrong).await.status, 401);
    // Nor does it end the session of somebody else.
    app.signed_in("eve@example.org").await;
    let eve = [("email", "eve@example.org"), ("password", PASSWORD), ("form", &*form)];
    assert_eq!(send(&app.browser(), "/login", &eve).await.status, 303);
    assert!(browser.is_signed_in().await);
    // Another form is another sign-in.
    let form = form_of(&app.browser(), "/login").await;
    let fields = [("email", ADA), ("password", PASSWORD), ("form", &form)];
    assert_eq!(send(&app.browser(), "/login", &fields).await.status, 303);
    assert_eq!(live(&other).await, 2);
}

#[tokio::test]
async fn a_sign_up_a_setup_and_an_invitation_that_are_sent_twice_go_well_twice() {
    let app = TestApp::start(Kind::Memory).await;
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    let setup = link.strip_prefix(&app.public_url).unwrap().to_owned();
    let root = app.browser();
    sent_twice(&root, &setup, &[("email", "root@example.org")]).await;
    assert_eq!(root.sessions().await.len(), 1);

    let ada = app.browser();
    sent_twice(&ada, "/signup", &[("email", ADA)]).await;
    assert_eq!(ada.sessions().await.len(), 1);
    let taken = [("email", ADA), ("password", OTHER_PASSWORD)];
    assert_eq!(send(&app.browser(), "/signup", &taken).await.status, 409);

    let invited = app.browser();
    let path = invitation(&root, "eve@example.org").await;
    sent_twice(&invited, &path, &[]).await;
    assert_eq!(invited.sessions().await.len(), 1);
}

/// Sends the form of a page twice, with a password, and reads the second answer as browsers do.
async fn sent_twice(browser: &Browser, path: &str, typed: &[(&str, &str)]) {
    let form = form_of(browser, path).await;
    let (action, secret) = path.split_once("?token=").unwrap_or((path, ""));
    let fixed = [("password", PASSWORD), ("form", &*form), ("token", secret)];
    let fields: Vec<_> = fixed.into_iter().chain(typed.iter().copied()).collect();
    assert_eq!(send(browser, action, &fields).await.status, 303, "{path}");
    let second = browser.post_form(action, &fields).await;
    assert_eq!(second.status, 303, "{path}: {}", second.text);
    assert!(browser.is_signed_in().await, "{path}");
}

#[tokio::test]
async fn a_password_change_and_a_confirmation_that_are_sent_twice_stay_signed_in() {
    let app = TestApp::start(Kind::Memory).await;
    let ada = app.signed_in(ADA).await;
    let form = form_of(&ada, "/account").await;
    let fields =
        [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD), ("form", &form)];
    let first = send(&ada, "/account/password", &fields).await;
    let second = ada.post_form("/account/password", &fields).await;
    assert_eq!(first.location(), "/account?done=password");
    assert_eq!((second.status, second.location()), (303, "/account?done=password"));
    assert_eq!(ada.sessions().await.len(), 1);

    let form = form_of(&ada, "/reauthenticate?next=/account/delete").await;
    let fields = [("password", OTHER_PASSWORD), ("next", "/account/delete"), ("form", &form)];
    let first = send(&ada, "/reauthenticate", &fields).await;
    let second = ada.post_form("/reauthenticate", &fields).await;
    assert_eq!(first.location(), "/account/delete");
    assert_eq!((second.status, second.location()), (303, "/account/delete"));
    assert_eq!(ada.sessions().await.len(), 1);
}

#[tokio::test]
async fn a_form_that_is_sent_after_the_session_ended_leads_back_to_its_page() {
    let app = TestApp::start(Kind::Memory).await;
    let root = app.administrator("root@example.org").await;
    let id = root.user_id().await;
    let user = format!("/admin/users/{id}");
    app.clock.advance(HOUR);
    let forms: [(&str, &str); 12] = [
        ("/account/password", "/account"),
        ("/account/profile", "/account/profile"),
        ("/account/delete", "/account/delete"),
        ("/account/sessions/revoke-others", "/account/sessions"),
        ("/account/sessions/revoke-all", "/account/sessions"),
        (&format!("/account/sessions/{id}/revoke"), "/account/sessions"),
        ("/admin/users", "/admin/users"),
        (&user, &user),
        (&format!("{user}/delete"), &user),
        (&format!("{user}/invitation"), &user),
        (&format!("{user}/revoke-sessions"), &user),
        (&format!("/admin/sessions/{id}/revoke"), &format!("/admin/sessions/{id}")),
    ];
    for (path, page) in forms {
        let answer = send(&root, path, &[]).await;
        let expected = format!("/login?next={page}");
        assert_eq!((answer.status, answer.location()), (303, &*expected), "{path}");
    }
    let fields = [("password", PASSWORD), ("next", "/account/delete")];
    let answer = send(&root, "/reauthenticate", &fields).await;
    assert_eq!(answer.location(), "/login?next=/account/delete");

    let from = |page: &str| format!("{}{page}", app.public_url);
    let list = "/admin/sessions?kind=user&device=Firefox";
    for (page, next) in [
        (list, query(list).replace("%2F", "/")),
        ("//evil.example/admin", format!("/admin/sessions/{id}")),
        ("/logout", format!("/admin/sessions/{id}")),
    ] {
        let request = root.request(Method::POST, &format!("/admin/sessions/{id}/revoke"));
        let answer = request.header(REFERER, from(page)).send().await.unwrap();
        assert_eq!(answer.headers()["location"], format!("/login?next={next}"), "{page}");
    }
}

#[tokio::test]
async fn a_form_that_failed_says_so_in_its_title_and_has_the_focus_where_it_is_wrong() {
    let app = TestApp::start(Kind::Memory).await;
    let root = app.administrator("root@example.org").await;
    let visitor = app.browser();
    let form = |browser, path, fields: Vec<(&'static str, &'static str)>, focus| {
        (browser, path, fields, focus)
    };
    let forms = [
        form(&visitor, "/login", vec![("email", ADA), ("password", "x")], "id=\"problems\""),
        form(&visitor, "/signup", vec![("email", "x"), ("password", "x")], "id=\"email\""),
        form(&visitor, "/signup", vec![("email", ADA), ("password", "x")], "id=\"password\""),
        form(&root, "/account/password", vec![], "id=\"current_password\""),
        form(&root, "/account/profile", vec![("email", "x")], "id=\"email\""),
        form(&root, "/account/delete", vec![], "id=\"confirm\""),
        form(&root, "/reauthenticate", vec![("password", "x")], "id=\"password\""),
        form(&root, "/admin/users", vec![("email", "x")], "id=\"email\""),
    ];
    for (browser, path, fields, focus) in forms {
        for (language, mark) in [("en", "<title>Error: "), ("ko", "<title>오류: ")] {
            let body =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let request = browser.request(Method::POST, path).header(ACCEPT_LANGUAGE, language);
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let page = request.body(body).send().await.unwrap().text().await.unwrap();
            assert!(page.contains(mark), "{path}: {page}");
            let focused: Vec<_> =
                page.split('<').filter(|tag| tag.contains(" autofocus")).collect();
            assert_eq!(focused.len(), 1, "{path}: {focused:?}");
            assert!(focused[0].contains(focus), "{path}: {focused:?}");
            let tied = focused[0].contains("aria-describedby=\"") || focus.contains("problems");
            assert!(tied, "{path}: {focused:?}");
        }
    }
    let page = visitor.get("/login").await.text;
    assert!(!page.contains("Error") && !page.contains("autofocus"), "{page}");
}

#[tokio::test]
async fn a_browser_judges_nothing_that_the_server_judges_otherwise() {
    let app = TestApp::start(Kind::Memory).await;
    let browser = app.browser();
    for path in ["/login", "/signup"] {
        let page = browser.get(path).await.text;
        for rule in ["type=\"email\"", " maxlength=", " minlength=", " pattern="] {
            assert!(!page.contains(rule), "{path} has {rule}");
        }
        assert!(page.contains("inputmode=\"email\""), "{path}");
    }
    let fields = [("email", "홍길동@example.kr"), ("password", PASSWORD)];
    assert_eq!(browser.post_form("/signup", &fields).await.status, 303);
    assert!(browser.get("/account").await.text.contains("홍길동@example.kr"));
}

async fn invitation(root: &Browser, email: &str) -> String {
    let answer = root.post("/api/admin/users", json!({ "email": email })).await;
    let url = answer.json()["invitation"]["url"].as_str().unwrap().to_owned();
    format!("/invitation{}", url.split_once("/invitation").unwrap().1)
}
