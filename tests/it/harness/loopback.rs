//! Addresses of this machine that nobody else has.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpSocket;

/// A port that is free on every address of this machine. It is outside the range from which the
/// system takes ports of outgoing connections and of listeners on port 0 (32768 and above on
/// Linux), and each is given out once, so that it stays free until it is used.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Runs side by side begin at different ports.
        let number = std::process::id() * 97 + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + number % COUNT).unwrap();
        if is_free(port) {
            return port;
        }
    }
}

/// Without listening: a process that another test starts at this moment has the socket, too, until
/// its program runs, and nobody could listen on the port meanwhile.
fn is_free(port: u16) -> bool {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind((Ipv4Addr::UNSPECIFIED, port).into()).is_ok()
}

/// A free port of a loopback address that was drawn for it.
pub fn free_address() -> SocketAddr {
    let drawn = RandomState::new().build_hasher().finish().to_be_bytes();
    let ip = Ipv4Addr::new(127, drawn[0].max(1), drawn[1], drawn[2].clamp(1, 254));
    (ip, free_port()).into()
}
