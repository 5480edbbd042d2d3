//! A WSGI application behind a proxy, which shows what CGI and WSGI make of headers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use super::loopback::free_address;
use super::program::Program;

/// The application.
pub struct Application {
    pub address: SocketAddr,
    _program: Program,
}

impl Application {
    /// `None` where Python is missing, which has been said then.
    pub fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/harness/application.py");
        let address = free_address();
        let what = "a WSGI application behind each proxy";
        let program = Program::start("python3", what, address, |command| {
            command.arg(script).args([address.ip().to_string(), address.port().to_string()]);
        })?;
        Some(Self { address, _program: program })
    }

    /// How many requests came through.
    pub fn asked(&self) -> usize {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET /.asked HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.rsplit("\r\n").next().unwrap().parse().unwrap()
    }
}
