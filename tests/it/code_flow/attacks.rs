//! Requests that must lead nowhere, and those that must not lead to more than they say.

use anteroom::tokens::NewClient;
use reqwest::Method;
use reqwest::header::{HeaderValue, ORIGIN};

use super::{CALLBACK, add, authorize, code_of, consent_of, error_of, exchange, refusal, trusted};
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_one_store};
use crate::tokens::with_form;

on_one_store!(
    an_unknown_client_or_redirect_uri_leads_nowhere,
    a_wrong_request_of_a_known_client_goes_back_to_it,
    a_form_of_another_site_comes_back_by_get_and_gives_no_consent,
    a_request_that_is_too_long_or_has_a_field_twice_is_refused,
    signing_in_leads_to_no_client_that_is_not_registered,
    there_are_no_pages_before_the_first_client,
    only_a_visit_gets_a_code,
    consent_counts_for_the_person_who_was_shown,
    a_program_of_a_device_is_not_taken_for_another,
    an_old_code_is_refused_before_any_store_is_asked,
    a_page_of_a_failed_registration_says_why,
);

async fn an_unknown_client_or_redirect_uri_leads_nowhere(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let mut requests = vec![authorize("x", &[]), authorize("", &[])];
    for uri in [
        "",
        "https://evil.example/",
        "https://app.example.org/callback/",
        "https://app.example.org/callback?x=1",
        "https://app.example.org/callback/../evil",
        "https://app.example.org/callback/..;/evil",
        "https://app.example.org/callback%2f",
        "https://app.example.org/%63allback",
        "https://app.example.org@evil.example/callback",
        "https://app.example.org:444/callback",
        "https://APP.example.org/callback",
        "http://app.example.org/callback",
        "//app.example.org/callback",
        "app.example.org/callback",
        "javascript:alert(1)",
    ] {
        // Also with other faults, which are only found later.
        requests.push(authorize(&client.id, &[("redirect_uri", uri)]));
        requests.push(authorize(&client.id, &[("redirect_uri", uri), ("response_type", "x")]));
        requests.push(authorize(&client.id, &[("redirect_uri", uri), ("prompt", "none")]));
    }
    for path in requests {
        for browser in [&ada, &app.browser()] {
            let answer = browser.get(&path).await;
            assert_eq!((answer.status, answer.location()), (400, ""), "{path}");
            assert!(answer.text.contains("This sign-in cannot begin"), "{path}: {}", answer.text);
        }
    }
}

async fn a_wrong_request_of_a_known_client_goes_back_to_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    for (name, value, error) in [
        ("response_type", "", "unsupported_response_type"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "openid admin", "invalid_scope"),
        ("scope", "groups", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "x", "invalid_request"),
        ("scope", "openid offline", "invalid_scope"),
        ("max_age", "x", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "99999999999999999999", "invalid_request"),
        ("resource", "https://api.example.org", "invalid_target"),
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://evil.example/", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ] {
        let answer = ada.get(&authorize(&client.id, &[(name, value)])).await;
        assert_eq!(error_of(&answer), error, "{name}={value}");
    }
}

async fn a_form_of_another_site_comes_back_by_get_and_gives_no_consent(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let path = authorize(&client.id, &[]);
    let fields: Vec<(String, String)> =
        url::form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes())
            .into_owned()
            .collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let ada = app.signed_in("ada@example.org").await;
    let from_evil = async |path: &'static str| {
        let evil = HeaderValue::from_static("https://evil.example");
        ada.ask(Method::POST, path, |request| {
            with_form(request, &fields).header(ORIGIN, evil).header("Sec-Fetch-Site", "cross-site")
        })
        .await
    };
    let answer = from_evil("/oauth/authorize").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(answer.location().starts_with("/oauth/authorize?client_id="), "{}", answer.location());
    let code = ada.get(answer.location()).await;
    assert!(code.location().starts_with(CALLBACK), "{}", code.location());
    assert_eq!(from_evil("/oauth/consent").await.status, 403);
}

async fn a_request_that_is_too_long_or_has_a_field_twice_is_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let long = "s".repeat(1025);
    let answer = ada.get(&authorize(&client.id, &[("nonce", &long)])).await;
    assert_eq!(error_of(&answer), "invalid_request");
    let answer = ada.get(&authorize(&client.id, &[("state", &long)])).await;
    assert!(answer.location().contains("error=invalid_request"), "{}", answer.location());
    assert!(!answer.location().contains("sss"), "{}", answer.location());
    for more in ["&client_id=x", "&redirect_uri=https://evil.example/", "&state=b", "&scope=email"]
    {
        let answer = ada.get(&format!("{}{more}", authorize(&client.id, &[]))).await;
        assert_eq!((answer.status, answer.location()), (400, ""), "{more}");
    }
    let answer = ada.get(&authorize(&client.id, &[("state", "\u{0}\r\nX: y")])).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().contains("state=%00%0D%0AX%3A+y"), "{}", answer.location());
}

async fn signing_in_leads_to_no_client_that_is_not_registered(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    app.signed_in("ada@example.org").await;
    for path in [
        "/oauth/token".to_owned(),
        "/oauth/consent".to_owned(),
        "/oauth/userinfo".to_owned(),
        "/oauth/jwks".to_owned(),
    ] {
        let visitor = app.browser();
        let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", &*path)];
        let answer = visitor.post_form("/login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, "/account"), "{path}");
    }
    let evil = authorize(&client.id, &[("redirect_uri", "https://evil.example/")]);
    let visitor = app.browser();
    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", &*evil)];
    let answer = visitor.post_form("/login", &fields).await;
    assert!(answer.location().starts_with("/oauth/authorize?"), "{}", answer.location());
    assert_eq!(visitor.get(answer.location()).await.status, 400);
}

async fn only_a_visit_gets_a_code(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let path = authorize(&client.id, &[]);
    for (name, value) in [
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Purpose", "prefetch"),
        ("Purpose", "prefetch"),
    ] {
        let answer = ada.ask(Method::GET, &path, |request| request.header(name, value)).await;
        assert_eq!((answer.status, answer.location()), (403, ""), "{name}: {value}");
    }
    let head = ada.ask(Method::HEAD, &path, |request| request).await;
    assert_eq!(head.status, 403);
    let visit = ada.ask(Method::GET, &path, |request| request.header("Sec-Fetch-Mode", "navigate"));
    assert!(visit.await.location().starts_with(CALLBACK));
    // The codes of a session are limited, and the client is told.
    for _ in 0..15 {
        assert!(ada.get(&path).await.location().contains("code="));
    }
    assert_eq!(error_of(&ada.get(&path).await), "temporarily_unavailable");
}

async fn consent_counts_for_the_person_who_was_shown(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, NewClient { is_trusted: false, ..trusted() }).await;
    let (ada, bob) =
        (app.signed_in("ada@example.org").await, app.signed_in("bob@example.org").await);
    // The page showed Ada; in another tab Bob has signed in.
    let answer = consent_of(&bob, &client.id, &ada.user_id().await).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().starts_with("/oauth/authorize?"), "{}", answer.location());
    assert_eq!(bob.get(answer.location()).await.status, 200, "he is asked himself");
}

async fn a_program_of_a_device_is_not_taken_for_another(kind: Kind) {
    let app = TestApp::start(kind).await;
    let device = || NewClient {
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
        is_public: true,
        ..trusted()
    };
    let refused = app.anteroom.clients().add(device(), &crate::tokens::operator()).await;
    assert!(refused.unwrap_err().to_string().contains("https"));
    let client = add(&app, NewClient { is_trusted: false, ..device() }).await;
    let ada = app.signed_in("ada@example.org").await;
    let uri = [("redirect_uri", "http://127.0.0.1:51004/callback")];
    for _ in 0..2 {
        let page = ada.get(&authorize(&client.id, &uri)).await;
        assert_eq!(page.status, 200, "asked every time");
        let scopes = url::form_urlencoded::parse(
            authorize(&client.id, &uri).split_once('?').unwrap().1.as_bytes(),
        )
        .into_owned()
        .collect::<Vec<_>>();
        let user = ada.user_id().await;
        let fields = scopes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = fields.chain([("decision", "allow"), ("user", &*user)]).collect();
        let answer = ada.post_form("/oauth/consent", &fields).await;
        assert!(answer.location().starts_with(uri[0].1), "{}", answer.location());
    }
}

async fn an_old_code_is_refused_before_any_store_is_asked(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let code = code_of(&ada, &client.id, &[]).await;
    app.pass(10 * MINUTE).await;
    let calls = |text: &str| text.matches("operation=\"take_code\"").count();
    let before = app.browser().get("/metrics").await.text;
    let answer = exchange(&app, &client, &code, &[]).await;
    assert_eq!(refusal(&answer), (400, "invalid_grant".to_owned()));
    assert_eq!(calls(&app.browser().get("/metrics").await.text), calls(&before));
}

async fn a_page_of_a_failed_registration_says_why(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for (field, value, words) in [
        ("redirect_uris", "http://app.example.org", "absolute https address"),
        ("redirect_uris", "https://a.example/#x", "absolute https address"),
        ("allowed_groups", "Staff", "group"),
    ] {
        let fields = [("name", "Notes"), (field, value)];
        let page = root.post_form("/admin/clients", &fields).await;
        assert_eq!(page.status, 422, "{field}");
        assert!(page.text.contains(words), "{field}: {}", page.text);
        assert!(!page.text.contains("weak-password"), "{}", page.text);
    }
    let fields = [("name", "Notes"), ("public", "true")];
    let page = root.post_form("/admin/clients", &fields).await;
    assert!(page.text.contains("A public client needs a redirect URI"), "{}", page.text);
}

async fn there_are_no_pages_before_the_first_client(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    assert_eq!(ada.get(&authorize("x", &[])).await.status, 404);
    assert_eq!(ada.post_form("/oauth/consent", &[("decision", "allow")]).await.status, 404);
    assert_eq!(ada.post_form("/oauth/token", &[("grant_type", "x")]).await.status, 404);
    let metadata = "/.well-known/openid-configuration";
    assert_eq!(app.browser().get(metadata).await.status, 404);
    add(&app, trusted()).await;
    let told = app.browser().get(metadata).await.json();
    assert_eq!(told["issuer"], app.public_url);
    assert_eq!(told["authorization_endpoint"], format!("{}/oauth/authorize", app.public_url));
    let same = app.browser().get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(told, same);
}
