//! Something that a proxy takes for Anteroom, and that answers with any bytes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::loopback::free_address;

/// It answers every request alike and closes the connection.
pub struct Feigned {
    pub address: SocketAddr,
    answer: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Feigned {
    pub fn start() -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).unwrap();
        let answer = Arc::new(Mutex::new(Some(Vec::new())));
        let shared = answer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(answer) = shared.lock().unwrap().clone() else { return };
                std::thread::spawn(move || respond(stream, &answer));
            }
        });
        Self { address, answer }
    }

    pub fn answers(&self, answer: &[u8]) {
        *self.answer.lock().unwrap() = Some(answer.to_vec());
    }
}

impl Drop for Feigned {
    fn drop(&mut self) {
        *self.answer.lock().unwrap() = None;
        let _ = TcpStream::connect(self.address);
    }
}

fn respond(stream: TcpStream, answer: &[u8]) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    reader.get_mut().write_all(answer).ok()
}
