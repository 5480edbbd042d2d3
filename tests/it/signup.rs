//! Signing up, by form and by JSON.

use serde_json::json;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_one_store};

on_one_store!(
    signing_up_makes_an_account_and_signs_in,
    signing_up_by_form_leads_on,
    an_address_belongs_to_one_account_whatever_its_case,
    pw_6_errors_are_reported_field_by_field,
    pw_3_a_password_rule_holds_for_new_passwords_only,
    sign_up_can_be_closed,
    parallel_sign_ups_of_one_address_make_one_account,
    in_3_a_new_account_gets_no_rights_from_its_body,
);

async fn signing_up_makes_an_account_and_signs_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();

    let body = json!({ "email": " Ada@Example.org", "password": PASSWORD, "name": "이아름 " });
    let answer = browser.post("/api/signup", body).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    let mut user = answer.json()["user"].clone();
    user["id"].take();
    assert_eq!(
        user,
        json!({
            "id": null,
            "email": "ada@example.org",
            "email_display": "ada@example.org",
            "email_verified": false,
            "name": "이아름",
            "role": "user",
            "groups": [],
            "status": "active",
            "created_at": "2026-11-21T09:00:00Z",
        })
    );
    assert_eq!(
        answer.set_cookies(),
        [format!("anteroom={}; HttpOnly; Path=/; SameSite=Lax", browser.token())]
    );
    assert_eq!(answer.json()["session"]["id"], browser.session_id().await);
    let again = app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(again.status, 200);
}

async fn signing_up_by_form_leads_on(kind: Kind) {
    let app = TestApp::start(kind).await;
    let fields = [
        ("email", "ada@example.org"),
        ("name", "Ada"),
        ("password", PASSWORD),
        ("next", "/account/sessions"),
        ("anything", "else"),
    ];

    let browser = app.browser();
    let answer = browser.post_form("/signup", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, "/account/sessions"));
    assert!(browser.is_signed_in().await);

    let stranger = app.browser();
    let answer = stranger.post_form("/signup", &fields).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text.contains("There is an account with this email address already"));
    assert!(answer.text.contains("value=\"ada@example.org\""), "what was typed is gone");
    assert!(!answer.text.contains(PASSWORD), "the password is shown");
    assert!(!stranger.is_signed_in().await);
}

async fn an_address_belongs_to_one_account_whatever_its_case(kind: Kind) {
    let app = TestApp::start(kind).await;
    assert_eq!(app.browser().sign_up("ada@example.org", PASSWORD).await.status, 201);

    for same in ["ADA@example.org", "ada@EXAMPLE.ORG", "  ada@example.org "] {
        let answer = app.browser().sign_up(same, OTHER_PASSWORD).await;
        assert_eq!(answer.refusal(), (409, "email_taken".to_owned()), "{same}");
        assert_eq!(answer.set_cookies().len(), 0);
    }
}

async fn pw_6_errors_are_reported_field_by_field(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();

    let body = json!({ "email": "nobody", "password": PASSWORD, "name": "a\u{202e}b" });
    let answer = browser.post("/api/signup", body).await;
    assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()));
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors["name"]["code"], "invisible");
    assert!(!errors["email"]["message"].as_str().unwrap().is_empty());
    assert_eq!(errors.as_object().unwrap().len(), 2);

    for (password, code) in [
        ("fourteen chars", "too_short"),
        ("aaaaaaaaaaaaaaaaaaaa", "guessable"),
        ("ada@example.org ada@example.org", "personal"),
        ("velvet\totter hums at nine", "control_characters"),
        (&"x".repeat(1025), "too_long"),
    ] {
        let answer = browser.sign_up("ada@example.org", password).await;
        assert_eq!(answer.status, 422, "{password}");
        assert_eq!(answer.json()["errors"]["password"]["code"], code, "{password}");
    }

    for address in ["v@x.com,a@evil.com", "v@x.com\nBcc: e@x.com", "", "a@b@c", &"a".repeat(500)] {
        let answer = browser.sign_up(address, PASSWORD).await;
        assert_eq!(answer.status, 422, "{address}");
        assert!(answer.json()["errors"]["email"].is_object(), "{address}");
    }
    assert!(!browser.is_signed_in().await);
    let page = browser.post_form("/signup", &[("email", "nobody"), ("password", "x")]).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("An email address has one @"));
}

async fn pw_3_a_password_rule_holds_for_new_passwords_only(kind: Kind) {
    let short = "otter kite";
    let app = TestApp::start_with(kind, |options| options.password_min_length = 8).await;
    assert_eq!(app.browser().sign_up("ada@example.org", short).await.status, 201);
    // Fifteen code points, of which each takes four bytes.
    let hearts: String = (0..15).filter_map(|n| char::from_u32(0x1F600 + n * 7)).collect();
    assert_eq!(app.browser().sign_up("b@example.org", &hearts).await.status, 201);
    let spaced = format!("  {short}  ");
    assert_eq!(app.browser().sign_up("c@example.org", &spaced).await.status, 201);

    assert_eq!(app.browser().try_to_sign_in("ada@example.org", short, false).await.status, 200);
    assert_eq!(app.browser().try_to_sign_in("c@example.org", short, false).await.status, 401);
    assert_eq!(app.browser().try_to_sign_in("c@example.org", &spaced, false).await.status, 200);
}

async fn sign_up_can_be_closed(kind: Kind) {
    let app = TestApp::start_with(kind, |options| options.signup_is_open = false).await;
    let browser = app.browser();

    let answer = browser.sign_up("ada@example.org", PASSWORD).await;
    assert_eq!(answer.refusal(), (403, "signup_closed".to_owned()));
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.post_form("/signup", &fields).await.status, 403);
    assert_eq!(browser.get("/signup").await.status, 403);

    let there = browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(there.status, 401, "an account was made");
    for page in ["/", "/login"] {
        assert!(!browser.get(page).await.text.contains("/signup"), "{page} offers sign-up");
    }
}

async fn parallel_sign_ups_of_one_address_make_one_account(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browsers: Vec<_> = (0..8).map(|_| app.browser()).collect();

    let all = browsers.iter().map(|browser| browser.sign_up("ada@example.org", PASSWORD));
    let mut statuses: Vec<_> =
        futures_util::future::join_all(all).await.iter().map(|answer| answer.status).collect();

    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(app.live_sessions().await.len(), 1);
}

async fn in_3_a_new_account_gets_no_rights_from_its_body(kind: Kind) {
    let app = TestApp::start(kind).await;
    for extra in ["role", "is_admin", "id", "email_verified", "epoch", "status"] {
        let mut body = json!({ "email": "ada@example.org", "password": PASSWORD });
        body[extra] = json!("admin");
        let answer = app.browser().post("/api/signup", body).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{extra}");
    }
    let browser = app.browser();
    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("role", "admin")];
    assert_eq!(browser.post_form("/signup", &fields).await.status, 303);
    assert_eq!(browser.whoami().await.json()["user"]["role"], "user");
}
