//! Bodies that are not what they should be.

use percent_encoding::NON_ALPHANUMERIC;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::Answer;
use crate::harness::wire::{parse, raw, raw_get, send};

async fn sign_in(app: &TestApp, headers: &[u8], body: &[u8]) -> Answer {
    raw(app, "POST /api/session HTTP/1.1", headers, body).await
}

const JSON: &[u8] = b"Content-Type: application/json\r\n";
const FORM: &[u8] = b"Content-Type: application/x-www-form-urlencoded\r\n";

#[tokio::test]
async fn in_4_json_that_is_not_the_object_asked_for_is_malformed() {
    let app = TestApp::start(Kind::Database).await;
    let good = format!(r#"{{"email":"ada@example.org","password":"{PASSWORD}"}}"#);
    app.signed_in("ada@example.org").await;
    assert_eq!(sign_in(&app, JSON, good.as_bytes()).await.status, 200);

    let deep = format!("{{\"email\":{}", "[".repeat(10_000));
    let bodies: &[&[u8]] = &[
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"email\"",
        br#"["ada@example.org","x"]"#,
        br#"[{"email":"a","password":"b"}]"#,
        br#"{"email":"a"}"#,
        br#"{"email":"a","password":"b","extra":1}"#,
        br#"{"Email":"a","password":"b"}"#,
        br#"{"email":"a","email":"b","password":"c"}"#,
        br#"{"email":"a","password":"b","password":"c"}"#,
        br#"{"email":"a","\u0065mail":"b","password":"c"}"#,
        br#"{"email":{"$ne":null},"password":{"$ne":null}}"#,
        br#"{"email":["v@x.com","a@evil.com"],"password":"b"}"#,
        br#"{"email":1,"password":"b"}"#,
        br#"{"email":true,"password":"b"}"#,
        br#"{"email":null,"password":"b"}"#,
        br#"{"email":"a","password":"b","remember_me":"true"}"#,
        br#"{"email":"a","password":"b","remember_me":1}"#,
        br#"{"email":"a","password":"b","remember_me":null}"#,
        br#"{"email":"a","password":1e999}"#,
        br#"{"email":"a","password":"b"} trailing"#,
        br#"{"email":"a","password":"b",}"#,
        b"{\"email\":\"a\",\"password\":\"\xff\"}",
        br#"{"email":"a","password":"\ud800"}"#,
        b"\xef\xbb\xbf{\"email\":\"a\",\"password\":\"b\"}",
        b"\xff\xfe{\x00}\x00",
        deep.as_bytes(),
        b"email=a&password=b",
    ];
    for body in bodies {
        let answer = sign_in(&app, JSON, body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, 400, "{shown}");
        assert_eq!(answer.code(), "malformed_body", "{shown}");
        assert_eq!(answer.set_cookies().len(), 0);
    }
}

#[tokio::test]
async fn csrf_6_a_body_of_another_kind_is_not_read() {
    let app = TestApp::start(Kind::Database).await;
    let good = format!(r#"{{"email":"ada@example.org","password":"{PASSWORD}"}}"#);
    app.signed_in("ada@example.org").await;

    for kind in [
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "Application/JSON",
        "application/json;",
    ] {
        let header = format!("Content-Type: {kind}\r\n");
        assert_eq!(sign_in(&app, header.as_bytes(), good.as_bytes()).await.status, 200, "{kind}");
    }
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: \r\n",
        "Content-Type: application/jsonx\r\n",
        "Content-Type: text/json\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data; boundary=application/json\r\n",
        "Content-Type: text/plain; application/json\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
        "Content-Type: application/json\r\nContent-Type: application/json\r\n",
        "Content-Type: application/json, text/plain\r\n",
        "Content-Type: application/merge-patch+json\r\n",
        "Content-Type: application/json; charset=utf-16\r\n",
        "Content-Type: application/json; charset=\"iso-8859-1\"\r\n",
        "Content-Type: application/json; charset=utf-8; charset=utf-16\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
        "Content-Type: application/json\r\nContent-Encoding: br\r\n",
    ] {
        let answer = sign_in(&app, kind.as_bytes(), good.as_bytes()).await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    let form = format!("email=ada@example.org&password={}", PASSWORD.replace(' ', "+"));
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/json\r\n",
        "Content-Type: application/x-www-form-urlencoded; charset=EUC-KR\r\n",
    ] {
        let answer = raw(&app, "POST /login HTTP/1.1", kind.as_bytes(), form.as_bytes()).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn in_2_an_ambiguous_form_is_refused() {
    let app = TestApp::start(Kind::Database).await;
    app.signed_in("ada@example.org").await;
    let good = format!("email=ada%40example.org&password={}", PASSWORD.replace(' ', "+"));
    let post = async |body: &[u8]| raw(&app, "POST /login HTTP/1.1", FORM, body).await;
    assert_eq!(post(good.as_bytes()).await.status, 303);
    assert_eq!(post(format!("{good}&remember_me=true&=&x&%zz=1").as_bytes()).await.status, 303);

    for twice in ["&email=b%40example.org", "&password=x", "&next=/a&next=/b", "&em%61il=x"] {
        let answer = post(format!("{good}{twice}").as_bytes()).await;
        assert_eq!(answer.status, 400, "{twice}");
        assert_eq!(answer.set_cookies().len(), 0);
    }
    for bytes in [&b"email=%ff&password=x"[..], b"email=\xff&password=x", b"%c3%28=x"] {
        assert_eq!(post(bytes).await.status, 400);
    }
    assert_eq!(post(b"").await.status, 422);
    assert_eq!(post(b"{\"email\":\"ada@example.org\"}").await.status, 422);
}

#[tokio::test]
async fn in_1_a_large_body_is_refused_however_it_comes() {
    let app = TestApp::start(Kind::Database).await;
    let host = app.host();
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let chunked = format!(
        "POST /api/session HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    let answer = parse(&send(app.address, chunked.as_bytes()).await);
    assert_eq!((answer.status, answer.code()), (413, "body_too_large".to_owned()));

    let announced = format!(
        "POST /api/session HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: 100000000\r\nConnection: close\r\n\r\n{{"
    );
    let answer = parse(&send(app.address, announced.as_bytes()).await);
    assert_eq!((answer.status, answer.code()), (413, "body_too_large".to_owned()));
    assert_eq!(app.browser().get("/healthz").await.status, 200);
}

#[tokio::test]
async fn in_1_attack_149_what_is_too_large_is_refused_before_it_has_come() {
    let app = TestApp::start(Kind::Database).await;
    let host = app.host();
    let begun = std::time::Instant::now();
    for (line, headers, status) in [
        ("POST /api/signup", "Content-Length: 1000000", 413),
        ("POST /healthz", "Transfer-Encoding: chunked", 405),
        ("POST /login", "Content-Length: 1000000", 413),
        ("PATCH /api/session/data", "Content-Length: 16385", 413),
        ("POST /nothing", "Content-Length: 18446744073709551615", 0),
    ] {
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n\r\n");
        let answer = parse(&send(app.address, head.as_bytes()).await);
        let refused = answer.status == status || (status == 0 && answer.status >= 400);
        assert!(refused, "{line} {headers}: {}", answer.status);
    }
    let target = format!("GET /{}", "x".repeat(9000));
    assert_eq!(raw(&app, &format!("{target} HTTP/1.1"), b"", b"").await.status, 414);
    let target = format!("GET /{}", "x".repeat(100_000));
    let answer = raw(&app, &format!("{target} HTTP/1.1"), b"", b"").await;
    assert!([414, 431, 0].contains(&answer.status), "{}", answer.status);
    assert!(begun.elapsed() < std::time::Duration::from_secs(9), "the body was waited for");
}

#[tokio::test]
async fn attack_13_headers_without_end_are_refused_and_the_next_connection_is_fine() {
    let app = TestApp::start(Kind::Database).await;
    let v = app.signed_in("ada@example.org").await.token();
    for size in [8_000, 16_000, 20_000, 64_000, 256_000] {
        let fat = format!("Cookie: anteroom={v}; fat={}\r\n", "x".repeat(size));
        let answer = raw(&app, "GET /api/session HTTP/1.1", fat.as_bytes(), b"").await;
        let next = raw_get(&app, "/healthz", b"").await;
        assert_eq!(next.status, 200, "after {size} bytes");
        if size <= 16_000 {
            assert_eq!(answer.status, 200, "{size}");
            continue;
        }
        // Past the buffer the connection may be cut before the answer is read.
        assert!([431, 0].contains(&answer.status), "{size}: {}", answer.status);
        assert_ne!((size, answer.status), (20_000, 0));
    }
    for lines in [70, 100, 1000] {
        let many = "Cookie: c=1\r\n".repeat(lines);
        let answer = raw(&app, "GET /api/session HTTP/1.1", many.as_bytes(), b"").await;
        assert_eq!(answer.status, 431, "{lines}");
    }
    let lines = "c=1; ".repeat(1000);
    let line = format!("Cookie: {lines}anteroom={v}\r\n");
    let answer = raw(&app, "GET /api/session HTTP/1.1", line.as_bytes(), b"").await;
    assert_eq!(answer.status, 200, "a thousand small cookies");
}

#[tokio::test]
async fn inj_2_payloads_stay_text_wherever_they_are_put() {
    let app = TestApp::start(Kind::Database).await;
    for payload in [
        "<script>alert(1)</script>",
        "{{7*7}}",
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "\"><img src=x>",
    ] {
        let email = format!("{payload}@example.org");
        let browser = app.browser();
        let fields = [("email", &*email), ("password", "x"), ("next", payload), ("name", payload)];
        for path in ["/login", "/signup"] {
            let page = browser.post_form(path, &fields).await;
            assert!([401, 422].contains(&page.status), "{path} {payload}: {}", page.status);
            assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"));
            assert!(!page.text.contains(">49"));
        }
        let query: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        let path = format!("/login?next={query}&email={query}&password=planted");
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("planted") && !page.text.contains("alert(1)"));
    }
}

#[tokio::test]
async fn in_5_what_is_no_utf8_is_refused_and_never_mended() {
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in("ada@example.org").await;
    let cookie = format!("Cookie: anteroom={}\r\n", ada.token());
    let with = |header: &[u8]| [cookie.as_bytes(), header].concat();
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"] {
        let named = [b"{\"name\":\"a", bytes, b"\"}"].concat();
        let answer = raw(&app, "PATCH /api/account HTTP/1.1", &with(JSON), &named).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{bytes:?}");
        let data = raw(&app, "PATCH /api/session/data HTTP/1.1", &with(JSON), &named).await;
        assert_eq!(data.status, 400, "{bytes:?}");
        let plain = [b"theme=", bytes].concat();
        let answer = raw(&app, "POST /preferences HTTP/1.1", &with(FORM), &plain).await;
        assert_eq!(answer.status, 400, "{bytes:?}");
        let encoded = percent_encoding::percent_encode(bytes, NON_ALPHANUMERIC).to_string();
        let form = format!("theme={encoded}");
        let answer = raw(&app, "POST /preferences HTTP/1.1", &with(FORM), form.as_bytes()).await;
        assert_eq!(answer.status, 400, "{bytes:?}");
        for path in ["/login?next=", "/account?done="] {
            let answer = raw_get(&app, &format!("{path}{encoded}"), cookie.as_bytes()).await;
            assert_eq!(answer.status, 400, "{path}{encoded}");
        }
        let answer = raw_get(&app, &format!("/api/sessions/{encoded}"), cookie.as_bytes()).await;
        assert_eq!(answer.status, 405, "of a path that takes DELETE");
        let line = format!("DELETE /api/sessions/{encoded} HTTP/1.1");
        assert_eq!(raw(&app, &line, cookie.as_bytes(), b"").await.status, 404, "names nothing");
    }
    assert_eq!(ada.whoami().await.json()["user"]["name"], "Ada");
}

#[tokio::test]
async fn in_6_an_encoded_body_is_not_unpacked() {
    let app = TestApp::start(Kind::Database).await;
    app.signed_in("ada@example.org").await;
    let good = format!(r#"{{"email":"ada@example.org","password":"{PASSWORD}"}}"#);
    for coding in ["gzip", "br", "deflate", "zstd", "compress", "x-gzip", "identity, gzip", "", "*"]
    {
        let headers = [JSON, format!("Content-Encoding: {coding}\r\n").as_bytes()].concat();
        let answer = sign_in(&app, &headers, good.as_bytes()).await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type".to_owned()), "{coding:?}");
    }
    let twice = [JSON, b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"].concat();
    assert_eq!(sign_in(&app, &twice, good.as_bytes()).await.status, 415);
    for coding in ["identity", "Identity"] {
        let headers = [JSON, format!("Content-Encoding: {coding}\r\n").as_bytes()].concat();
        assert_eq!(sign_in(&app, &headers, good.as_bytes()).await.status, 200, "{coding}");
    }
}

#[tokio::test]
async fn in_7_json_without_bottom_is_refused_and_breaks_nothing() {
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in("ada@example.org").await;
    let headers = [JSON, format!("Cookie: anteroom={}\r\n", ada.token()).as_bytes()].concat();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [129, 1000, 10_000] {
            let depth = depth.min(15_000 / (open.len() + close.len()));
            let whole = [&open.repeat(depth), "1", &close.repeat(depth)].concat();
            for body in [&*whole, &open.repeat(depth)] {
                let body = format!("{{\"email\":{body}}}");
                for line in ["POST /api/session", "PATCH /api/session/data", "PATCH /api/account"] {
                    let line = format!("{line} HTTP/1.1");
                    let answer = raw(&app, &line, &headers, body.as_bytes()).await;
                    assert_eq!(answer.status, 400, "{line} {depth} times {open}");
                }
            }
        }
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn hash_6_an_endless_password_is_refused_before_any_work() {
    let app = TestApp::start(Kind::Database).await;
    app.add("ada@example.org", anteroom::accounts::Role::User).await;
    let mut seen = Vec::new();
    for email in ["ada@example.org", "nobody@example.org"] {
        let password = "x".repeat(1_000_000);
        let json = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
        let form = format!("email={email}&password={password}");
        for (line, kind, body) in [("POST /api/session", JSON, json), ("POST /login", FORM, form)] {
            // The server answers by the announced length and closes; the body is not even sent.
            let head = format!(
                "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
                app.host(),
                body.len(),
            );
            let request = [head.as_bytes(), kind, b"\r\n"].concat();
            let answer = parse(&send(app.address, &request).await);
            seen.push((line, answer.status, answer.text.len()));
        }
    }
    assert!(seen.iter().all(|(_, status, _)| *status == 413), "{seen:?}");
    assert_eq!(seen[..2], seen[2..], "it tells whether there is an account");
}

#[tokio::test]
async fn inj_1_no_text_becomes_a_part_of_a_statement() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    for payload in [
        "' OR '1'='1",
        "'; DROP TABLE users; --",
        "\" OR \"\"=\"",
        "x' UNION SELECT password_hash FROM users --",
        "%' OR 1=1 --",
        "$1",
        "?1",
        "\\'",
    ] {
        let name = serde_json::json!({ "name": payload });
        assert_eq!(ada.patch("/api/account", name).await.json()["user"]["name"], payload);
        let query: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        let found = root.get(&format!("/api/admin/users?query={query}")).await;
        assert_eq!(found.status, 200, "{payload}");
        let users = found.json()["users"].clone();
        assert_eq!(users.as_array().unwrap().len(), 1, "{payload} found {users}");
        let answer = root.get(&format!("/api/admin/users?cursor={query}")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(root.get(&format!("/api/admin/users/{query}")).await.status, 404);
        assert_eq!(ada.delete(&format!("/api/sessions/{query}")).await.status, 404);
        let email = format!("{payload}@example.org");
        let refused = app.browser().try_to_sign_in(&email, payload, false).await;
        assert!([401, 422].contains(&refused.status), "{payload}: {}", refused.status);
        let answer = raw_get(
            &app,
            "/api/session",
            format!("Cookie: anteroom={payload}\r\nUser-Agent: {payload}\r\n").as_bytes(),
        )
        .await;
        assert_eq!(answer.status, 401, "{payload}");
    }
    assert_eq!(app.live_sessions().await.len(), 2);
}

#[tokio::test]
async fn inj_3_no_value_breaks_out_of_a_header() {
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in("ada@example.org").await;
    for payload in ["a\r\nSet-Cookie: x=1", "a\nLocation: //evil.example", "a\rX: 1", "a\0b"] {
        let name = serde_json::json!({ "name": payload });
        assert_eq!(ada.patch("/api/account", name).await.status, 422);
        for path in ["/login", "/signup", "/preferences", "/reauthenticate"] {
            let fields = [
                ("email", payload),
                ("password", payload),
                ("next", &*format!("/{payload}")),
                ("theme", payload),
                ("lang", payload),
            ];
            let answer = ada.post_form(path, &fields).await;
            assert!(answer.status < 500, "{path}: {}", answer.status);
            assert!(answer.set_cookies().iter().all(|cookie| !cookie.starts_with("x=")));
            assert!(!answer.location().contains("evil"), "{path} leads to {}", answer.location());
            assert!(!answer.headers.contains_key("x"));
        }
        let encoded: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        let answer = app.browser().get(&format!("/account?next={encoded}")).await;
        assert_eq!(answer.status, 303);
        assert!(!answer.location().contains(['\r', '\n', '\0']));
    }
    assert_eq!(ada.get("/auth/verify").await.header("remote-name"), "Ada");
}
