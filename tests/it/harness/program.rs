//! Programs of others that run beside a server.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use super::left_out;
use super::server::wait_for;

/// A program that listens. However the test ends, it does not outlive it.
pub struct Program {
    pub address: SocketAddr,
    process: Child,
}

impl Program {
    /// Waits until it listens. `None` where it is missing, which has been said then.
    pub fn start(
        name: &str,
        what_needs_it: &str,
        address: SocketAddr,
        prepare: impl FnOnce(&mut Command),
    ) -> Option<Self> {
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        command.arg(left_out::program(name, what_needs_it)?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        prepare(&mut command);
        let this = Self { address, process: command.spawn().unwrap() };
        wait_for(|| TcpStream::connect(address).ok());
        Some(this)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
