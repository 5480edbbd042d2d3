//! Where one request ends and the next begins: nobody may be able to see it differently.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::app::{Kind, TestApp};

/// What comes back for these bytes on one connection, and whether the server closed it.
async fn exchange(app: &TestApp, bytes: &[u8]) -> (Vec<u16>, bool) {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut answers = Vec::new();
    // Long enough to answer, not long enough to be closed for idling.
    let reading = timeout(Duration::from_secs(2), stream.read_to_end(&mut answers));
    let closed = reading.await.is_ok();
    let text = String::from_utf8_lossy(&answers);
    let statuses = text.split("HTTP/1.1 ").skip(1).map(|rest| rest[..3].parse().unwrap()).collect();
    (statuses, closed)
}

/// A request in front of one that must not be answered if the first was refused.
fn followed(app: &TestApp, head: &str, body: &str) -> Vec<u8> {
    let host = app.host();
    let next = format!("GET /openapi.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    head.replace("HOST", host)
        .into_bytes()
        .into_iter()
        .chain((body.to_owned() + &next).into_bytes())
        .collect()
}

#[tokio::test]
async fn smug_1_ambiguous_framing_is_refused_and_the_connection_closed() {
    let app = TestApp::start(Kind::Memory).await;
    let post = "POST /login HTTP/1.1\r\nHost: HOST\r\n";
    for headers in [
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
        "Content-Length: +5\r\n\r\n",
        "Content-Length: -5\r\n\r\n",
        "Content-Length: 5, 5\r\n\r\n",
        "Content-Length: 0x5\r\n\r\n",
        "Content-Length: 5 5\r\n\r\n",
        "Content-Length: \r\n\r\n",
        "Content-Length: 99999999999999999999999\r\n\r\n",
        "X-Folded: a\r\n b\r\n\r\n",
        "X-Folded: a\r\n\tContent-Length: 5\r\n\r\n",
        " X-Before: a\r\n\r\n",
        "Content-Length : 5\r\n\r\n",
        "Content-Length\r\n\r\n",
        ": 5\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\n",
        "Transfer-Encoding: \x0bchunked\r\n\r\n",
        "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n",
        "Transfer-Encoding:\r\nContent-Length: 5\r\n\r\n",
        "X-Control: a\0b\r\n\r\n",
        "X-Control: a\rb\r\n\r\n",
        "X-Na(me: a\r\n\r\n",
    ] {
        let bytes = followed(&app, &format!("{post}{headers}"), "");
        let (statuses, closed) = exchange(&app, &bytes).await;
        assert_eq!((&statuses[..], closed), (&[400][..], true), "{headers:?}");
    }
    for line in [
        "GET  /login HTTP/1.1",
        "GET /login  HTTP/1.1",
        "GET /login HTTP/1.1 ",
        "GET /login HTTP/3.1",
        "GET /login HTTP/1.2",
        "GET /lo\0gin HTTP/1.1",
        "GET /login",
        "G\x01T /login HTTP/1.1",
        "\x16\x03\x01\x02",
    ] {
        let bytes = followed(&app, &format!("{line}\r\nHost: HOST\r\n\r\n"), "");
        let (statuses, closed) = exchange(&app, &bytes).await;
        assert_eq!((&statuses[..], closed), (&[400][..], true), "{line:?}");
    }
    let old =
        followed(&app, "POST /login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n");
    assert_eq!(exchange(&app, &old).await, (vec![400], true), "chunks are of HTTP/1.1");
}

/// HTTP/1 would read these by the chunks at their end. Some other program may not.
#[tokio::test]
async fn smug_1_any_transfer_encoding_but_one_chunked_is_refused_and_the_connection_closed() {
    let app = TestApp::start(Kind::Memory).await;
    for headers in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked,chunked\r\n",
        "Transfer-Encoding: Chunked, CHUNKED\r\n",
        "Transfer-Encoding: , chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: xchunked, chunked\r\n",
        "Transfer-Encoding: chunked;x=y\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: \x0cchunked\r\n",
        "Transfer-Encoding: gzip\r\n chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
        "transfer-encoding: chunked\r\nTRANSFER-ENCODING: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n",
    ] {
        for line in ["POST /api/session", "GET /auth/verify", "GET /healthz"] {
            let head = format!("{line} HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n");
            let (statuses, closed) = exchange(&app, &followed(&app, &head, "0\r\n\r\n")).await;
            assert_eq!((&statuses[..], closed), (&[400][..], true), "{line} {headers:?}");
        }
    }
    for headers in [
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: CHUNKED\r\n",
        "transfer-encoding:chunked\r\n",
        "Transfer-Encoding:\tchunked \t\r\n",
    ] {
        let head = format!("POST /healthz HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n");
        let (statuses, _) = exchange(&app, &followed(&app, &head, "0\r\n\r\n")).await;
        assert_eq!(statuses, [405, 200], "{headers:?}");
    }
}

/// A request with both lengths is read by its chunks, as the standard allows, and is the last of
/// its connection, as the standard demands: a proxy that read it by the other length has no answer
/// to confuse with another.
#[tokio::test]
async fn smug_1_with_two_kinds_of_length_nothing_after_it_is_answered() {
    let app = TestApp::start(Kind::Memory).await;
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
        "Transfer-Encoding: Chunked\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
    ] {
        for path in ["/login", "/auth/verify", "/logout", "/nothing", "/healthz"] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: HOST\r\n{headers}");
            let (statuses, closed) = exchange(&app, &followed(&app, &head, "0\r\n\r\n")).await;
            assert!(closed && statuses.len() == 1, "{path} {headers:?}: {statuses:?} {closed}");
        }
    }
}

#[tokio::test]
async fn smug_1_chunks_that_are_not_well_formed_end_the_connection() {
    let app = TestApp::start(Kind::Memory).await;
    let head = "POST /login HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\n";
    for body in [
        "x\r\n\r\n",
        "-1\r\n\r\n",
        "+3\r\na=b\r\n0\r\n\r\n",
        "0x3\r\na=b\r\n0\r\n\r\n",
        "3\na=b\n0\n\n",
        "3\r\na=bcd\r\n0\r\n\r\n",
        "fffffffffffffffff\r\na=b\r\n0\r\n\r\n",
        "3;\n\r\na=b\r\n0\r\n\r\n",
        " 3\r\na=b\r\n0\r\n\r\n",
    ] {
        let (statuses, closed) = exchange(&app, &followed(&app, head, body)).await;
        assert!(closed && statuses.len() <= 1, "{body:?}: {statuses:?} {closed}");
        assert!(statuses.iter().all(|status| *status >= 400), "{body:?}: {statuses:?}");
    }
    let (statuses, _) = exchange(&app, &followed(&app, head, "3\r\na=b\r\n0\r\n\r\n")).await;
    assert_eq!(statuses, [422, 200], "the usual form is read");
}

/// A line end without its CR is taken for one, as the standard allows for whole lines. That is
/// harmless where every line ends once: the next request is the one that follows.
#[tokio::test]
async fn smug_1_a_bare_line_feed_moves_no_boundary() {
    let app = TestApp::start(Kind::Memory).await;
    for head in [
        "GET /healthz HTTP/1.1\nHost: HOST\n\n",
        "GET /healthz HTTP/1.1\r\nHost: HOST\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: HOST\r\nX: a\nY: b\r\n\r\n",
        "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\nContent-Length: 0\r\n\r\n",
    ] {
        let (statuses, closed) = exchange(&app, &followed(&app, head, "")).await;
        let refused = statuses == [400];
        assert!(closed && (refused || statuses.len() == 2), "{head:?}: {statuses:?}");
        assert!(refused || statuses[1] == 200, "{head:?}: {statuses:?}");
    }
    // The same length twice is one length.
    let head =
        "POST /healthz HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n";
    let (statuses, closed) = exchange(&app, &followed(&app, head, "a=b")).await;
    assert!(closed && (statuses == [400] || statuses == [405, 200]), "{statuses:?}");
}

#[tokio::test]
async fn smug_3_a_body_where_none_belongs_is_passed_over_whole() {
    let app = TestApp::start(Kind::Memory).await;
    let hidden = "GET /api/nothing HTTP/1.1\r\nHost: HOST\r\n\r\n".replace("HOST", app.host());
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "FOO"] {
        for path in ["/auth/verify", "/logout", "/login", "/healthz", "/api/session", "/nothing"] {
            for long in [false, true] {
                let body = if long { hidden.repeat(200) } else { hidden.clone() };
                let head = format!(
                    "{method} {path} HTTP/1.1\r\nHost: HOST\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let (statuses, closed) = exchange(&app, &followed(&app, &head, &body)).await;
                let in_step = statuses.len() == 2 && statuses[1] == 200;
                // A body that is not worth reading ends the connection instead.
                let ended = statuses.len() <= 1 && closed;
                assert!(in_step || ended, "{method} {path} {long}: {statuses:?} {closed}");
                assert_ne!(statuses.get(1), Some(&404), "{method} {path}: the body was a request");
            }
        }
    }
}

#[tokio::test]
async fn smug_3_an_upgrade_is_not_taken_up() {
    let app = TestApp::start(Kind::Memory).await;
    for upgrade in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    ] {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: HOST\r\n{upgrade}\r\n");
        let (statuses, _) = exchange(&app, &followed(&app, &head, "")).await;
        assert_eq!(statuses, [200, 200], "{upgrade}");
    }
}
