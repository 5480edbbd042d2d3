//! Requests that no well-behaved client would send, byte by byte.

use std::net::SocketAddr;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::app::TestApp;
use super::browser::Answer;

/// Sends bytes on a connection of their own and reads until the server closes it.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses in the middle may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Sends a request line, further header lines (each with its CRLF) and a body.
pub async fn raw(app: &TestApp, line: &str, headers: &[u8], body: &[u8]) -> Answer {
    let mut bytes = format!("{line}\r\nHost: {}\r\nConnection: close\r\n", app.host()).into_bytes();
    bytes.extend_from_slice(headers);
    if !body.is_empty() {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    parse(&send(app.address, &bytes).await)
}

pub async fn raw_get(app: &TestApp, path: &str, headers: &[u8]) -> Answer {
    raw(app, &format!("GET {path} HTTP/1.1"), headers, b"").await
}

/// Reads one answer; a chunked body stays as it came.
pub fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    Answer { status, headers, text: body.to_owned() }
}

/// Sends bytes and hangs up after a moment, whatever comes back.
pub async fn send_and_leave(address: SocketAddr, bytes: &[u8], after: std::time::Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    tokio::time::sleep(after).await;
}
