//! An application behind a proxy: it answers every request with what it was sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::loopback::free_address;
use super::server::wait_for;

/// The application. It closes each connection after one answer.
pub struct Upstream {
    pub address: SocketAddr,
    /// The heads of the requests that came through.
    heads: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    goes_on: Arc<AtomicBool>,
}

impl Upstream {
    pub fn start() -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).unwrap();
        let (heads, over) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let goes_on = Arc::<AtomicBool>::default();
        let (heard, ended, resumed) = (heads.clone(), over.clone(), goes_on.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (heard, resumed) = (heard.clone(), resumed.clone());
                std::thread::spawn(move || answer(stream, &heard, &resumed));
            }
        });
        Self { address, heads, over, goes_on }
    }

    /// How many requests came through.
    pub fn asked(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// The heads of those requests.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Lets downloads go on.
    pub fn go_on(&self) {
        self.goes_on.store(true, Ordering::SeqCst);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// Half of a download that goes on when the application is told.
pub const HALF: usize = 100_000;

/// Says the head of the request back. A body is read and left. A WebSocket echoes bytes; a download
/// waits in the middle.
fn answer(stream: TcpStream, heads: &Mutex<Vec<String>>, goes_on: &AtomicBool) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? <= 2 {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head += &line;
    }
    heads.lock().unwrap().push(head.clone());
    if head.to_lowercase().contains("\r\nupgrade: websocket\r\n") {
        return echo(reader);
    }
    if head.starts_with("GET /download ") {
        return download(reader.get_mut(), goes_on);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{head}",
        head.len()
    );
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

fn echo(mut reader: BufReader<TcpStream>) -> Option<()> {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                  Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    reader.get_mut().write_all(answer.as_bytes()).ok()?;
    let mut bytes = [0; 1024];
    loop {
        let count = reader.read(&mut bytes).ok().filter(|count| *count > 0)?;
        reader.get_mut().write_all(&bytes[..count]).ok()?;
    }
}

fn download(stream: &mut TcpStream, goes_on: &AtomicBool) -> Option<()> {
    let length = 2 * HALF;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&vec![b'1'; HALF]).ok()?;
    wait_for(|| goes_on.load(Ordering::SeqCst).then_some(()));
    stream.write_all(&vec![b'2'; HALF]).ok()
}
