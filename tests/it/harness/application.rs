//! A WSGI application behind a proxy, which shows what CGI and WSGI make of headers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::left_out::program;
use super::loopback::free_address;
use super::server::wait_for;

/// The application. However the test ends, its process does not outlive it.
pub struct Application {
    pub address: SocketAddr,
    process: Child,
}

impl Application {
    /// `None` where Python is missing, which has been said then.
    pub fn start() -> Option<Self> {
        let python = program("python3", "a WSGI application behind each proxy")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/harness/application.py");
        let address = free_address();
        let process = Command::new("/usr/bin/setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(python)
            .arg(script)
            .args([address.ip().to_string(), address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self { address, process };
        wait_for(|| TcpStream::connect(address).ok());
        Some(this)
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

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
