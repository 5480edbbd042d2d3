//! Just enough HTTP to sign up and to learn an answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// An answer, and how many bytes the request and the answer took.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub bytes: (usize, usize),
}

/// Sends a request on a connection of its own. The header lines are as the load sends them.
pub fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (host, agent) = (format!("localhost:{}", address.port()), FIREFOX.to_owned());
    let mut lines = vec![("Host", host), ("User-Agent", agent)];
    lines.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    if !body.is_empty() {
        lines.push(("Content-Type", "application/json".to_owned()));
        lines.push(("Content-Length", body.len().to_string()));
    }
    let lines: Vec<String> =
        lines.into_iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{line} HTTP/1.1\r\n{}\r\n", lines.concat());
    let sent = request.len() + body.len();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all((request + body).as_bytes()).unwrap();
    read(&mut stream, sent)
}

fn read(stream: &mut TcpStream, sent: usize) -> Answer {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let head = loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ended early");
        bytes.extend_from_slice(&buffer[..count]);
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let status = text[9..12].parse().unwrap();
    let headers: HeaderMap = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.to_str().unwrap().parse::<usize>().unwrap());
    while bytes.len() < head + length {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ended early");
        bytes.extend_from_slice(&buffer[..count]);
    }
    Answer { status, headers, body: bytes[head..].to_vec(), bytes: (sent, bytes.len()) }
}
