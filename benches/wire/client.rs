//! Just enough HTTP to sign up, to learn an answer, and to time one.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpSocket;

use crate::databases::runtime;

pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// An answer, and how many bytes the request and the answer took.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub bytes: (usize, usize),
}

impl Answer {
    /// The cookie that it sets, as a client sends it back.
    pub fn cookie(&self) -> String {
        let set = self.headers["set-cookie"].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

/// A request as it goes over the wire. The header lines are as the load sends them.
pub fn request(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let (host, agent) = (format!("localhost:{}", address.port()), FIREFOX.to_owned());
    let mut lines = vec![("Host", host), ("User-Agent", agent)];
    lines.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    if !body.is_empty() {
        lines.push(("Content-Type", "application/json".to_owned()));
        lines.push(("Content-Length", body.len().to_string()));
    }
    let lines: Vec<String> =
        lines.into_iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{line} HTTP/1.1\r\n{}\r\n{body}", lines.concat())
}

/// Sends a request on a connection of its own.
pub fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    Connection::open(address).send(&request(address, line, headers, body))
}

/// A connection that is kept.
pub struct Connection(TcpStream);

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// As somebody at another address of loopback, who is of another network.
    pub fn open_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let stream = runtime().block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((source, 0).into()).unwrap();
            socket.connect(address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(stream)
    }

    /// Sends a request and waits for all of the answer.
    pub fn send(&mut self, request: &str) -> Answer {
        self.0.write_all(request.as_bytes()).unwrap();
        read(&mut self.0, request.len())
    }
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
