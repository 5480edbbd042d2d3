//! Addresses of this machine that nobody else has.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A free port of a loopback address that was drawn for it. No connection goes out from such an
/// address by chance, so the port stays free while whoever listened there is gone for a while.
pub fn free_address() -> SocketAddr {
    loop {
        let drawn = RandomState::new().build_hasher().finish().to_be_bytes();
        let ip = Ipv4Addr::new(127, drawn[0].max(1), drawn[1], drawn[2].clamp(1, 254));
        if let Ok(listener) = TcpListener::bind((ip, 0)) {
            return listener.local_addr().unwrap();
        }
    }
}
