//! A server with short times, so that tests of connections need not wait for the real ones.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anteroom::server::{ConnectionTimeouts, ServeOptions, serve_with};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::app::{Kind, TestApp};
use super::server::PATIENCE;

/// More than sockets and pipes between the two ends hold.
pub const LARGE: usize = 64 * 1024 * 1024;

/// Times that tests can wait for.
pub const SHORT: ConnectionTimeouts = ConnectionTimeouts {
    headers: Duration::from_millis(400),
    body: Duration::from_millis(400),
    idle: Duration::from_millis(800),
    proxy_idle: Duration::from_secs(5),
    stalled: Duration::from_millis(600),
    last_request: Duration::from_millis(500),
    drain: Duration::from_secs(3),
};

/// The service beside some handlers of an embedder, on a listener of its own.
pub struct Served {
    pub app: TestApp,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Served {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub async fn start_with(set: impl FnOnce(&mut ServeOptions)) -> Self {
        let app = TestApp::start(Kind::Memory).await;
        let mut options = ServeOptions { timeouts: SHORT, ..ServeOptions::default() };
        set(&mut options);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let router = app.anteroom.router().merge(of_the_embedder());
        let serving = tokio::spawn(serve_with(listener, router, options, stopped));
        Self { app, address, stop: Some(stop), serving: Some(serving) }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// From an address that is another network.
    pub async fn connect_from(&self, last: u8) -> TcpStream {
        connect_from(self.address, last).await
    }

    /// A request for this path that keeps the connection.
    pub fn get(&self, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.app.host())
    }

    /// Sends a request and reads its answer, on a connection that may be kept.
    pub async fn ask(&self, stream: &mut TcpStream, path: &str) -> Option<String> {
        stream.write_all(self.get(path).as_bytes()).await.ok()?;
        read_answer(stream).await
    }

    /// Whether somebody else is answered meanwhile.
    pub async fn answers_others(&self) -> bool {
        let mut other = self.connect_from(9).await;
        let answer = timeout(Duration::from_secs(5), self.ask(&mut other, "/healthz")).await;
        answer.is_ok_and(|answer| answer.is_some_and(|answer| answer.starts_with("HTTP/1.1 200 ")))
    }

    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) {
        timeout(PATIENCE, self.serving.take().unwrap()).await.unwrap().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Handlers that take their time, and bodies that are large.
fn of_the_embedder() -> Router {
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        "done"
    };
    let stream = async || {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        tokio::spawn(async move {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(900)).await;
                let _ = sender.send(Bytes::from_static(b"tick\n"));
            }
        });
        Body::from_stream(futures_util::stream::unfold(receiver, |mut receiver| async {
            let bytes = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(bytes), receiver))
        }))
        .into_response()
    };
    Router::new()
        .route("/embedder/slow", get(slow))
        .route("/embedder/stream", get(stream))
        .route("/embedder/large", get(async || vec![b'x'; LARGE]))
        .route("/embedder/upload", post(async |bytes: Bytes| bytes.len().to_string()))
        .layer(axum::extract::DefaultBodyLimit::disable())
}

/// Connects to loopback from `127.0.0.last`.
pub async fn connect_from(address: SocketAddr, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    socket.connect(address).await.unwrap()
}

/// Reads one answer with a `Content-Length`; `None` where the connection ends before.
pub async fn read_answer(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// How long it takes until the server closes the connection, and what it said before.
pub async fn closed_after(stream: &mut TcpStream) -> (Duration, String) {
    let begun = std::time::Instant::now();
    let mut said = Vec::new();
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "it is not closed: {}", String::from_utf8_lossy(&said));
    (begun.elapsed(), String::from_utf8_lossy(&said).into_owned())
}
