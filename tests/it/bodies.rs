//! Bodies that are not what they should be.

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::Answer;
use crate::harness::wire::{parse, raw, send};

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

    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;"] {
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
        "Content-Type: application/merge-patch+json\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
        "Content-Type: application/json\r\nContent-Encoding: br\r\n",
    ] {
        let answer = sign_in(&app, kind.as_bytes(), good.as_bytes()).await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    let form = format!("email=ada@example.org&password={}", PASSWORD.replace(' ', "+"));
    for kind in ["", "Content-Type: text/plain\r\n", "Content-Type: application/json\r\n"] {
        let answer = raw(&app, "POST /login HTTP/1.1", kind.as_bytes(), form.as_bytes()).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn in_2_a_form_that_cannot_be_told_apart_is_refused() {
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
    assert_eq!(post(b"").await.status, 401);
    assert_eq!(post(b"{\"email\":\"ada@example.org\"}").await.status, 401);
}

#[tokio::test]
async fn a_large_body_is_refused_however_it_comes() {
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
async fn headers_without_end_are_refused_and_the_next_connection_is_fine() {
    let app = TestApp::start(Kind::Database).await;
    let v = app.signed_in("ada@example.org").await.token();
    for size in [20_000, 64_000, 256_000] {
        let fat = format!("Cookie: anteroom={v}; fat={}\r\n", "x".repeat(size));
        let answer = raw(&app, "GET /api/session HTTP/1.1", fat.as_bytes(), b"").await;
        // Past the buffer the connection may be cut before the answer is read.
        assert!([431, 0].contains(&answer.status), "{size}: {}", answer.status);
        assert_ne!((size, answer.status), (20_000, 0));
    }
    let many = "Cookie: c=1\r\n".repeat(70);
    let answer = raw(&app, "GET /api/session HTTP/1.1", many.as_bytes(), b"").await;
    assert_eq!(answer.status, 431);
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
