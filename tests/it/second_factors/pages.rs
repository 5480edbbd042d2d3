//! The pages of second factors work without JavaScript.

use std::process::Command;

use anteroom::accounts::{Role, SecondFactorPolicy};

use super::authenticator::{Authenticator, set_up};
use crate::harness::app::{Kind, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::Browser;
use crate::harness::left_out::program;

const ADA: &str = "ada@example.org";
const SET_UP: &str = "/account/second-factor/set-up";

on_one_store!(
    an_app_is_set_up_replaced_and_removed_by_forms,
    totp_9_the_form_of_the_second_step_takes_either_code,
    the_set_up_that_is_required_is_done_by_forms,
    totp_1_a_code_that_is_sent_twice_signs_in_once_and_both_requests_lead_on,
    a_proof_by_code_that_is_sent_twice_leads_on_and_counts_as_no_wrong_code,
    a_set_up_that_is_confirmed_twice_leads_to_where_new_codes_are_made,
);

/// The key that the page of the set-up shows.
fn shown_key(page: &str) -> Authenticator {
    let key = page.split("<code class=\"secret\">").nth(1).unwrap().split('<').next().unwrap();
    Authenticator::of(&key.replace(' ', ""))
}

fn shown_codes(page: &str) -> Vec<String> {
    let list = page.split("<ol class=\"codes\">").nth(1).unwrap().split("</ol>").next().unwrap();
    list.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

async fn begin(browser: &Browser) -> Authenticator {
    let begun = browser.post_form("/account/second-factor/begin", &[]).await;
    assert_eq!((begun.status, begun.location()), (303, SET_UP));
    let page = browser.get(SET_UP).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("class=\"qr\"") && page.text.contains("otpauth://totp/"));
    shown_key(&page.text)
}

async fn an_app_is_set_up_replaced_and_removed_by_forms(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    assert!(ada.get("/account").await.text.contains("href=\"/account/second-factor\""));
    let empty = ada.get(SET_UP).await;
    assert!(empty.status == 200 && !empty.text.contains("class=\"qr\""), "nothing has begun");
    let authenticator = begin(&ada).await;
    let wrong = ada.post_form(SET_UP, &[("code", "000000")]).await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text.contains("This code is wrong") && wrong.text.contains("class=\"qr\""));
    let code = authenticator.code(&app);
    let added = ada.post_form(SET_UP, &[("code", &code)]).await;
    assert_eq!(added.status, 200, "{}", added.text);
    let codes = shown_codes(&added.text);
    assert_eq!(codes.len(), 10);
    let file = format!("data:text/plain;charset=utf-8,{}%0A", codes.join("%0A"));
    assert!(added.text.contains(&file), "the file to download");
    assert!(ada.get(SET_UP).await.text.contains("/account/second-factor/begin"), "shown once");

    let page = ada.get("/account/second-factor").await.text;
    assert!(page.contains("10 codes are left"), "{page}");
    let renewed = ada.post_form("/account/second-factor/recovery-codes", &[]).await;
    assert_eq!(renewed.status, 200);
    assert!(shown_codes(&renewed.text).iter().all(|code| !codes.contains(code)));
    let other = begin(&ada).await;
    let code = other.code(&app);
    assert_eq!(ada.post_form(SET_UP, &[("code", &code)]).await.status, 200);

    app.pass(std::time::Duration::from_mins(11)).await;
    let refused = ada.post_form("/account/second-factor/remove", &[]).await;
    let proof = "/reauthenticate?next=/account/second-factor";
    assert_eq!((refused.status, refused.location()), (303, proof));
    other.reauthenticate(&app, &ada).await;
    let removed = ada.post_form("/account/second-factor/remove", &[]).await;
    let done = "/account/second-factor?done=removed";
    assert_eq!((removed.status, removed.location()), (303, done));
    assert!(ada.get(done).await.text.contains("The app was removed"));
    for path in ["remove", "recovery-codes", "begin"] {
        let answer = ada.get(&format!("/account/second-factor/{path}")).await;
        assert_eq!((answer.status, answer.location()), (303, "/account/second-factor"), "{path}");
    }
}

async fn totp_9_the_form_of_the_second_step_takes_either_code(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (authenticator, codes) = set_up(&app, &app.signed_in(ADA).await).await;
    let step = "/login/second-factor?next=/account/sessions";
    for code in [authenticator.next_code(&app).await, codes[0].clone()] {
        let browser = app.browser();
        assert_eq!(browser.get(step).await.location(), "/login?next=/account/sessions");
        let fields = [("email", ADA), ("password", PASSWORD), ("next", "/account/sessions")];
        let first = browser.post_form("/login", &fields).await;
        assert_eq!((first.status, first.location()), (303, step));
        let sign_in = browser.get("/login").await.text;
        assert!(!sign_in.contains("no longer known here"), "a pending session has not ended");
        let page = browser.get(step).await;
        assert!(page.status == 200 && page.text.contains("autocomplete=\"one-time-code\""));
        let wrong = browser.post_form("/login/second-factor", &[("code", "000000")]).await;
        assert_eq!(wrong.status, 401);
        assert!(wrong.text.contains("This code is wrong"), "{}", wrong.text);
        let fields = [("code", code.as_str()), ("next", "/account/sessions")];
        let second = browser.post_form("/login/second-factor", &fields).await;
        assert_eq!((second.status, second.location()), (303, "/account/sessions"));
        assert!(browser.is_signed_in().await);
        assert_eq!(browser.get(step).await.location(), "/account/sessions");
    }
    let browser = app.browser();
    browser.post_form("/login", &[("email", ADA), ("password", PASSWORD)]).await;
    for _ in 0..4 {
        assert_eq!(browser.post_form("/login/second-factor", &[("code", "1")]).await.status, 401);
    }
    let last = browser.post_form("/login/second-factor", &[("code", "1")]).await;
    assert_eq!((last.status, last.location()), (303, "/login"), "the fifth ends it");
}

async fn the_set_up_that_is_required_is_done_by_forms(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        options.second_factor = SecondFactorPolicy::Required;
    })
    .await;
    app.add(ADA, Role::User).await;
    let browser = app.browser();
    let first = browser.post_form("/login", &[("email", ADA), ("password", PASSWORD)]).await;
    assert_eq!((first.status, first.location()), (303, SET_UP));
    let page = browser.get(SET_UP).await.text;
    assert!(page.contains("needs a second factor before it can be used"), "{page}");
    let authenticator = begin(&browser).await;
    let code = authenticator.code(&app);
    let added = browser.post_form(SET_UP, &[("code", &code)]).await;
    assert_eq!((added.status, shown_codes(&added.text).len()), (200, 10));
    assert!(browser.is_signed_in().await);
}

/// The name of the form that a page has.
async fn form_of(browser: &Browser, path: &str) -> String {
    let page = browser.get(path).await.text;
    let field = page.split("type=\"hidden\" name=\"form\" value=\"").nth(1).unwrap();
    field.split('"').next().unwrap().to_owned()
}

async fn totp_1_a_code_that_is_sent_twice_signs_in_once_and_both_requests_lead_on(kind: Kind) {
    const PATH: &str = "/login/second-factor";
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let (authenticator, codes) = set_up(&app, &ada).await;
    for code in [authenticator.next_code(&app).await, codes[0].clone()] {
        let browser = app.browser();
        browser.post_form("/login", &[("email", ADA), ("password", PASSWORD)]).await;
        let form = form_of(&browser, PATH).await;
        let fields = [("code", code.as_str()), ("next", "/account/sessions"), ("form", &*form)];
        let before = ada.sessions().await.len();
        let (one, other) = (browser.copy(), browser.copy());

        let (first, second) =
            tokio::join!(one.post_form(PATH, &fields), other.post_form(PATH, &fields));

        for answer in [&first, &second] {
            assert_eq!((answer.status, answer.location()), (303, "/account/sessions"));
        }
        let cookies = [first.set_cookies().len(), second.set_cookies().len()];
        assert!(matches!(cookies, [0, 1] | [1, 0]), "the code signs in once: {cookies:?}");
        assert_eq!(ada.sessions().await.len(), before + 1);
        // A browser that has its session by now is led on, too.
        let winner = if cookies[0] == 1 { &one } else { &other };
        let unnamed = winner.post_form(PATH, &fields[..2]).await;
        assert_eq!((unnamed.status, unnamed.location()), (303, "/account/sessions"));
        // Without the name of the form, nothing says that it went well.
        let stranger = app.browser();
        assert_eq!(
            stranger.post_form(PATH, &fields).await.location(),
            "/login?next=/account/sessions"
        );
        let late = browser.post_form(PATH, &fields[..2]).await;
        assert_eq!((late.status, late.location()), (303, "/login?next=/account/sessions"));
    }
}

async fn a_proof_by_code_that_is_sent_twice_leads_on_and_counts_as_no_wrong_code(kind: Kind) {
    const PATH: &str = "/reauthenticate";
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let (authenticator, _) = set_up(&app, &ada).await;
    let form = form_of(&ada, "/reauthenticate?next=/account/sessions").await;
    let code = authenticator.next_code(&app).await;
    let fields = [("code", code.as_str()), ("next", "/account/sessions"), ("form", &*form)];
    let without_new_cookie = ada.copy();

    for browser in [&ada, &ada, &without_new_cookie] {
        let answer = browser.post_form(PATH, &fields).await;
        assert_eq!((answer.status, answer.location()), (303, "/account/sessions"));
    }

    assert!(ada.is_signed_in().await && !without_new_cookie.is_signed_in().await);
    let admin = app.administrator("root@example.org").await;
    let events = admin.get("/api/admin/audit?kind=reauthenticated").await.text;
    assert!(!events.contains("wrong_code"), "{events}");
    let again = ada.post_form(PATH, &fields[..2]).await;
    assert_eq!(again.status, 403, "the code is used up");
}

async fn a_set_up_that_is_confirmed_twice_leads_to_where_new_codes_are_made(kind: Kind) {
    const OVERVIEW: &str = "/account/second-factor";
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let authenticator = begin(&ada).await;
    let code = authenticator.code(&app);
    let old_cookie = ada.copy();
    assert_eq!(ada.post_form(SET_UP, &[("code", &code)]).await.status, 200);

    let again = ada.post_form(SET_UP, &[("code", &code)]).await;
    assert_eq!((again.status, again.location()), (303, OVERVIEW));
    let signed_out = old_cookie.post_form(SET_UP, &[("code", &code)]).await;
    let expected = format!("/login?next={OVERVIEW}");
    assert_eq!((signed_out.status, signed_out.location()), (303, &*expected));
    // A browser that has the cookie by then goes on from there.
    assert_eq!(ada.get(&expected).await.location(), OVERVIEW);
    let page = ada.get(OVERVIEW).await.text;
    assert!(page.contains("10 codes are left") && page.contains("/recovery-codes"), "{page}");
}

/// The pixels of a picture of black rectangles on white, as a PGM file.
fn drawn(svg: &str) -> Vec<u8> {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let side = number(svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap());
    let mut pixels = vec![255; side * side];
    // The last path has the dark modules, each as M{x} {y}h{width}v{height}H{x}V{y}.
    let path = svg.rsplit("d=\"").next().unwrap().split('"').next().unwrap();
    for module in path.split('M').skip(1) {
        let (at, rest) = module.split_once('h').unwrap();
        let (left, top) = at.split_once(' ').unwrap();
        let (width, rest) = rest.split_once('v').unwrap();
        let height = rest.split('H').next().unwrap();
        for y in number(top)..number(top) + number(height) {
            let from = y * side + number(left);
            pixels[from..from + number(width)].fill(0);
        }
    }
    [format!("P5 {side} {side} 255\n").into_bytes(), pixels].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totp_5_the_qr_code_is_read_back_as_the_address() {
    let Some(zbarimg) = program("zbarimg", "reading the QR code of an authenticator app") else {
        return;
    };
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in(ADA).await;
    let begun = ada.post("/api/account/totp", serde_json::json!({})).await.json();
    let picture = app.folder.path().join("qr.pgm");
    std::fs::write(&picture, drawn(begun["qr"].as_str().unwrap())).unwrap();
    let read = Command::new(zbarimg).args(["--quiet", "--raw"]).arg(&picture).output().unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    assert_eq!(text.trim(), begun["uri"].as_str().unwrap());
}
