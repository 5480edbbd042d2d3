//! What every answer carries, and what is turned away at the door.

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::Answer;
use crate::harness::wire::{parse, raw, raw_get, send};

const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src \
         'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

fn is_guarded(answer: &Answer, what: &str) {
    for (name, value) in HEADERS {
        let values: Vec<_> = answer.headers.get_all(*name).iter().collect();
        assert_eq!(values, [value], "{what}: {name}");
    }
    assert!(answer.headers.contains_key("permissions-policy"), "{what}");
    assert_eq!(answer.headers.get_all("cache-control").iter().count(), 1, "{what}");
    assert_eq!(answer.header("x-request-id").len(), 16, "{what}");
    assert_eq!(answer.header("server"), "", "{what} names its software");
}

/// One answer of every class: what it is, the status it must have, and the answer.
async fn answers(app: &TestApp) -> Vec<(&'static str, u16, Answer)> {
    let (ada, new) = (app.signed_in("ada@example.org").await, app.browser());
    let root = app.administrator("root@example.org").await;
    let json = b"Content-Type: application/json\r\n";
    let long = format!("/login?{}", "x".repeat(9000));
    let fat = format!("X-Fat: {}\r\n", "x".repeat(20_000));
    let style = new.get("/").await.text;
    let style = style.split("href=\"").find(|part| part.contains(".css\"")).unwrap();
    let style = style.split('"').next().unwrap().to_owned();
    let head = new.ask(Method::HEAD, "/login", |request| request).await;
    assert_eq!(head.text, "");
    vec![
        ("page", 200, ada.get("/account").await),
        ("json", 200, ada.get("/api/session").await),
        ("openapi", 200, new.get("/openapi.json").await),
        ("health", 200, new.get("/healthz").await),
        ("ready", 200, new.get("/readyz").await),
        ("file", 200, new.get(&style).await),
        ("head", 200, head),
        ("verify", 200, root.get("/auth/verify").await),
        ("no content", 204, app.browser().delete("/api/session").await),
        ("redirect", 303, new.get("/account").await),
        ("400", 400, raw(app, "POST /api/session HTTP/1.1", json, b"{").await),
        ("401", 401, new.get("/api/session").await),
        ("401 of a form", 401, new.post_form("/login", &[("email", "x")]).await),
        ("403", 403, ada.reauthenticate("wrong").await),
        ("404 of the api", 404, new.get("/api/nothing").await),
        ("404 of a page", 404, new.get("/nothing").await),
        ("404 of a file", 404, new.get("/assets/nothing.css").await),
        ("405 of the api", 405, new.ask(Method::PUT, "/api/session", |r| r).await),
        ("405 of a page", 405, new.ask(Method::PUT, "/login", |r| r).await),
        ("409", 409, app.browser().sign_up("ada@example.org", PASSWORD).await),
        ("413", 413, app.browser().sign_up("a@b.c", &"x".repeat(20_000)).await),
        ("414", 414, raw_get(app, &long, b"").await),
        ("415", 415, raw(app, "POST /login HTTP/1.1", b"", b"a=b").await),
        (
            "421",
            421,
            parse(
                &send(
                    app.address,
                    b"GET /login HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
                )
                .await,
            ),
        ),
        ("422", 422, app.browser().sign_up("nobody", PASSWORD).await),
        ("431", 431, raw_get(app, "/login", fat.as_bytes()).await),
    ]
}

#[tokio::test]
async fn every_class_of_answer_carries_the_security_headers() {
    for public_url in ["", "https://auth.example"] {
        let app = TestApp::start_with(Kind::Database, |options| {
            if !public_url.is_empty() {
                options.public_url = public_url.to_owned();
            }
        })
        .await;
        for (what, status, answer) in answers(&app).await {
            assert_eq!(answer.status, status, "{what}: {}", answer.text);
            is_guarded(&answer, what);
            let sts = answer.header("strict-transport-security");
            assert_eq!(!sts.is_empty(), !public_url.is_empty(), "{what}");
            let kept = answer.header("cache-control");
            if what == "file" {
                assert!(kept.contains("immutable"), "{kept}");
            } else {
                assert_eq!(kept, "no-store", "{what}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_of_the_api_is_a_problem_document_with_its_request_id() {
    let app = TestApp::start(Kind::Database).await;
    let new = app.browser();
    for answer in [
        new.get("/api/session").await,
        new.get("/auth/verify").await,
        new.get("/api").await,
        new.get("/auth/nothing").await,
        new.delete("/api/signup").await,
        new.delete("/openapi.json").await,
        new.sign_up("nobody", "x").await,
        new.sign_up("a@b.c", &"x".repeat(20_000)).await,
    ] {
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let body = answer.json();
        assert_eq!(body["status"], answer.status);
        assert_eq!(body["request_id"], answer.header("x-request-id"));
        assert!(!answer.header("x-request-id").is_empty());
        for member in ["type", "title", "code", "detail"] {
            assert!(!body[member].as_str().unwrap().is_empty(), "{member}: {body}");
        }
        assert_eq!(body.get("errors").is_some(), answer.status == 422);
    }
    let page = new.get("/nothing").await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains(page.header("x-request-id")), "{}", page.text);
}

#[tokio::test]
async fn the_path_decides_the_form_and_accept_does_not() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    for accept in ["text/html", "application/json", "*/*", "image/png"] {
        let ask = |path: &'static str| {
            browser.ask(Method::GET, path, move |request| request.header("Accept", accept))
        };
        assert!(ask("/account").await.header("content-type").starts_with("text/html"));
        assert_eq!(ask("/api/session").await.header("content-type"), "application/json");
        let problem = "application/problem+json";
        assert_eq!(ask("/api/nothing").await.header("content-type"), problem);
        assert!(ask("/nothing").await.header("content-type").starts_with("text/html"));
    }
}

#[tokio::test]
async fn attack_64_a_wrong_method_is_told_which_are_right() {
    let app = TestApp::start(Kind::Database).await;
    app.add("ada@example.org", Role::User).await;
    for (line, allowed) in [
        ("PUT /login", "GET,HEAD,POST"),
        ("DELETE /login", "GET,HEAD,POST"),
        ("OPTIONS /login", "GET,HEAD,POST"),
        ("TRACE /login", "GET,HEAD,POST"),
        ("FOO /login", "GET,HEAD,POST"),
        ("post /login", "GET,HEAD,POST"),
        ("GET /preferences", "POST"),
        ("POST /auth/verify", "GET,HEAD"),
        ("PUT /api/session", "GET,HEAD,POST,DELETE"),
        ("GET /api/signup", "POST"),
        ("POST /api/account", "GET,HEAD,PATCH,DELETE"),
        ("GET /api/account/password", "PUT"),
        ("GET /api/sessions/x", "DELETE"),
        ("POST /healthz", "GET,HEAD"),
        ("POST /openapi.json", "GET,HEAD"),
    ] {
        let answer = raw(&app, &format!("{line} HTTP/1.1"), b"", b"").await;
        assert_eq!(answer.status, 405, "{line}");
        let mut told: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        let mut right: Vec<_> = allowed.split(',').collect();
        told.sort_unstable();
        right.sort_unstable();
        assert_eq!(told, right, "{line}");
    }
    let long = raw(&app, &format!("{} /login HTTP/1.1", "X".repeat(1000)), b"", b"").await;
    assert!([400, 405].contains(&long.status), "{}", long.status);
    let connect = raw(&app, "CONNECT localhost:1 HTTP/1.1", b"", b"").await;
    assert!((400..500).contains(&connect.status), "{}", connect.status);
}

#[tokio::test]
async fn headers_and_fields_override_no_method() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    for header in ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"] {
        for path in ["/api/session", "/api/account", "/api/sessions?_method=DELETE"] {
            let shape = |request: reqwest::RequestBuilder| request.header(header, "DELETE");
            assert_eq!(browser.ask(Method::GET, path, shape).await.status, 200);
            let shape = |request: reqwest::RequestBuilder| {
                request.header(header, "DELETE").json(&json!({ "_method": "DELETE" }))
            };
            browser.ask(Method::POST, path, shape).await;
        }
    }
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn paths_are_exact() {
    let app = TestApp::start(Kind::Database).await;
    for path in [
        "//login",
        "/login/",
        "/LOGIN",
        "/Login",
        "/%6cogin",
        "/login%00",
        "/login%20",
        "/./login",
        "/x/../login",
        "/login;x=1",
        "/login//",
        "/login%2f",
        "/login.html",
        "/api/",
        "/api/session/",
        "/api/Session",
        "/api//session",
        "/auth/verify/",
        "/healthz/",
        "/assets/",
        "/assets/../login",
        "/assets/%2e%2e/login",
        "/assets/..%2f..%2fetc%2fpasswd",
    ] {
        let answer = raw_get(&app, path, b"").await;
        assert_eq!(answer.status, 404, "{path}");
    }
    for path in ["/login?", "/login?x", "/healthz?x=1"] {
        assert_eq!(raw_get(&app, path, b"").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn host_2_attack_74_a_request_for_another_host_is_misdirected() {
    let app = TestApp::start(Kind::Database).await;
    let port = app.address.port();
    let ask = async |line: &str, hosts: &[&str]| {
        let hosts = hosts.iter().fold(String::new(), |all, host| all + "Host: " + host + "\r\n");
        parse(
            &send(app.address, format!("{line}\r\n{hosts}Connection: close\r\n\r\n").as_bytes())
                .await,
        )
    };
    let get = "GET /login HTTP/1.1";
    for good in
        [format!("localhost:{port}"), format!("LOCALHOST:{port}"), format!("127.0.0.1:{port}")]
    {
        assert_eq!(ask(get, &[&good]).await.status, 200, "{good}");
    }
    for bad in [
        "evil.example".to_owned(),
        "localhost".to_owned(),
        format!("localhost:{}", port ^ 1),
        format!("localhost:{port}, evil.example"),
        format!("evil.example, localhost:{port}"),
        format!("localhost:{port}@evil.example"),
        format!("evil.example@localhost:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("localhost:{port}/evil"),
        format!("localhost:{port}#evil"),
        String::new(),
    ] {
        let answer = ask(get, &[&bad]).await;
        assert!([400, 421].contains(&answer.status), "{bad}: {}", answer.status);
        let api = ask("GET /api/session HTTP/1.1", &[&bad]).await;
        assert!([400, 421].contains(&api.status), "{bad}: {}", api.status);
        if api.status == 421 {
            assert_eq!(api.code(), "misdirected");
            assert!(api.text.contains("ANTEROOM_PUBLIC_URL"));
        }
        if !bad.contains(['/', '#']) {
            assert_eq!(ask("GET /healthz HTTP/1.1", &[&bad]).await.status, 200, "{bad}");
            assert_eq!(ask("GET /readyz HTTP/1.1", &[&bad]).await.status, 200, "{bad}");
        }
    }
    let host = format!("localhost:{port}");
    assert_eq!(ask(get, &[&host, &host]).await.status, 400, "two hosts");
    assert_eq!(ask(get, &[]).await.status, 400, "no host");
    let absolute = ask("GET http://evil.example/login HTTP/1.1", &[&host]).await;
    assert_eq!(absolute.status, 421, "absolute form of another host");
    let absolute = ask(&format!("GET http://{host}/login HTTP/1.1"), &[&host]).await;
    assert_eq!(absolute.status, 200);
    let forwarded = raw_get(&app, "/login", b"X-Forwarded-Host: evil.example\r\n").await;
    assert_eq!(forwarded.status, 200, "anybody may forward");
    assert!(!forwarded.text.contains("evil.example"));
}
