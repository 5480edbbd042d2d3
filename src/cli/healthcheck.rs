//! `anteroom healthcheck`: asks the server on this machine whether it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Failure;
use super::tables::print;

const TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

pub(super) async fn healthcheck(listen: SocketAddr) -> Result<(), Failure> {
    let address = reachable(listen);
    let status = tokio::time::timeout(TIMEOUT, ask(address))
        .await
        .map_err(|_| format!("the server at {address} does not answer"))?
        .map_err(|error| format!("no server at {address}: {error}"))?;
    if status.starts_with(b"HTTP/1.1 200 ") {
        return Ok(print("ready")?);
    }
    Err(format!("the server at {address} is not ready; see its log").into())
}

/// The loopback address for a server that listens on every address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer).await?;
    Ok(answer)
}
