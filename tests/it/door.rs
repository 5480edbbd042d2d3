//! What is turned away at the door, and in which form.

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::app::{Kind, TestApp};
use crate::harness::wire::{parse, raw, raw_get, send};

#[tokio::test]
async fn err_1_an_error_of_the_api_is_a_problem_document_with_its_request_id() {
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
async fn csrf_9_attack_64_a_wrong_method_gets_the_allowed_ones() {
    let app = TestApp::start(Kind::Database).await;
    app.add("ada@example.org", Role::User).await;
    for (line, allowed) in [
        ("PUT /login", "GET,HEAD,POST"),
        ("DELETE /login", "GET,HEAD,POST"),
        ("OPTIONS /login", "GET,HEAD,POST"),
        ("TRACE /login", "GET,HEAD,POST"),
        ("FOO /login", "GET,HEAD,POST"),
        ("post /login", "GET,HEAD,POST"),
        ("PUT /preferences", "GET,HEAD,POST"),
        ("PUT /account/password", "GET,HEAD,POST"),
        ("POST /.well-known/change-password", "GET,HEAD"),
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
async fn csrf_8_headers_and_fields_override_no_method() {
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
async fn in_11_paths_are_exact() {
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
