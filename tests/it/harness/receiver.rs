//! A program that a webhook tells of events, on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::loopback::free_address;
use super::server::wait_for;

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    Status(u16),
    Redirect(String),
    /// It takes everything, after a while.
    Late(Duration),
    /// It takes the request and says nothing.
    Silence,
    /// A body without end.
    Endless,
    /// Something that is no answer.
    Nonsense,
}

/// A request that it got.
#[derive(Clone, Debug)]
pub struct Received {
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The kind of event.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Inner {
    received: Mutex<Vec<Received>>,
    reply: Mutex<Option<Reply>>,
    /// Kinds of events that are always refused.
    refuses: Mutex<Option<String>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    over: AtomicBool,
}

pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::start_at(free_address())
    }

    pub fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let inner = Arc::<Inner>::default();
        let shared = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = shared.clone();
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn reply(&self, reply: Reply) {
        *held(&self.inner.reply) = Some(reply);
    }

    /// Refuses events of this kind, whatever else is said.
    pub fn refuse(&self, kind: &str) {
        *held(&self.inner.refuses) = Some(kind.to_owned());
    }

    pub fn received(&self) -> Vec<Received> {
        held(&self.inner.received).clone()
    }

    pub fn most_at_once(&self) -> usize {
        self.inner.most_at_once.load(Ordering::SeqCst)
    }

    /// Waits until it was called so often.
    pub fn received_times(&self, times: usize) -> Vec<Received> {
        wait_for(|| {
            let received = self.received();
            (received.len() >= times).then_some(received)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.inner.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let received = request(&mut reader)?;
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        let refused = held(&self.refuses).clone().is_some_and(|kind| received.kind() == kind);
        let reply = held(&self.reply).clone().unwrap_or(Reply::Status(204));
        held(&self.received).push(received);
        let reply = if refused { Reply::Status(400) } else { reply };
        self.answer(reader.get_mut(), &reply);
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        Some(())
    }

    fn answer(&self, stream: &mut TcpStream, reply: &Reply) {
        let written = match reply {
            Reply::Status(status) => stream.write_all(
                format!("HTTP/1.1 {status} So\r\nContent-Length: 2\r\n\r\nhi").as_bytes(),
            ),
            Reply::Redirect(to) => stream.write_all(
                format!("HTTP/1.1 307 There\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
                    .as_bytes(),
            ),
            Reply::Late(time) => {
                std::thread::sleep(*time);
                stream.write_all(b"HTTP/1.1 204 So\r\n\r\n")
            }
            Reply::Nonsense => stream.write_all(b"220 mail.example.org ESMTP\r\n"),
            Reply::Silence => {
                while !self.over.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return;
            }
            Reply::Endless => {
                let _ = stream.write_all(b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\n");
                let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
                let is_over = || self.over.load(Ordering::SeqCst);
                while !is_over() && stream.write_all(chunk.as_bytes()).is_ok() {}
                return;
            }
        };
        // Whoever asked may be gone.
        drop(written);
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? <= 2 {
            break;
        }
        let (name, value) = header.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    let mut body = vec![0; length.1.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Received { line: line.trim().to_owned(), headers, body: String::from_utf8(body).ok()? })
}
