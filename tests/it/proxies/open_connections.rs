//! Connections that a proxy has let pass, across a revoke: they go on, and no new one begins.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::applications::word_of;
use super::{PASSWORD, shared_place};
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::ground::Keeping;
use crate::harness::nodes::Nodes;
use crate::harness::upstream::{HALF, Upstream};

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a request, and reads the head of the answer.
fn open(balancer: &Balancer, path: &str, token: &str, headers: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(balancer.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: app.example.org\r\nCookie: __Host-anteroom={token}\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    (stream, String::from_utf8(head).unwrap())
}

fn is_echoed(socket: &mut TcpStream, word: [u8; 3]) -> bool {
    let mut echo = [0; 3];
    socket.write_all(&word).and_then(|()| socket.read_exact(&mut echo)).is_ok() && echo == word
}

async fn open_connections_go_on_and_no_new_one_begins(proxy: Proxy) {
    let place = || {
        let place = shared_place(Keeping::Postgres);
        let place = place.with("ANTEROOM_PUBLIC_URL", "https://app.example.org");
        place.with("ANTEROOM_FORWARD_AUTH", word_of(proxy))
    };
    let (mut nodes, application) = (Nodes::apart(1, place), Upstream::start());
    let balancer = Balancer::forward_auth(proxy, nodes.node(0).address, application.address);
    let Some(balancer) = balancer else { return };
    let (ada, phone) = (balancer.browser(10), balancer.browser(11));
    assert_eq!(ada.sign_up("ada@example.org", PASSWORD).await.status, 201);
    phone.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    let token = phone.token();

    let (mut socket, head) = open(&balancer, "/socket", &token, UPGRADE);
    assert!(head.starts_with("HTTP/1.1 101 "), "{proxy:?}: {head}");
    assert!(is_echoed(&mut socket, *b"one"), "{proxy:?}");
    let (mut download, head) = open(&balancer, "/download", &token, "");
    assert!(head.starts_with("HTTP/1.1 200 "), "{proxy:?}: {head}");

    assert_eq!(ada.revoke(&phone).await.status, 204);
    let asked = application.asked();
    for (path, headers) in [("/socket", UPGRADE), ("/download", ""), ("/reports", "")] {
        let (_, head) = open(&balancer, path, &token, headers);
        assert!(head.starts_with("HTTP/1.1 401 "), "{proxy:?}, {path}: {head}");
    }
    assert_eq!(application.asked(), asked, "{proxy:?}");

    application.go_on();
    let mut bytes = vec![0; 2 * HALF];
    download.read_exact(&mut bytes).unwrap();
    assert!(bytes.ends_with(b"2"), "{proxy:?}");
    assert!(
        is_echoed(&mut socket, *b"two"),
        "{proxy:?}: docs/protect/README.md says that it goes on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoke_refuses_new_connections_behind_nginx() {
    open_connections_go_on_and_no_new_one_begins(Proxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoke_refuses_new_connections_behind_haproxy() {
    open_connections_go_on_and_no_new_one_begins(Proxy::Haproxy).await;
}

mod nightly {
    use super::{Proxy, open_connections_go_on_and_no_new_one_begins};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_revoke_refuses_new_connections_behind_the_other_proxies() {
        for proxy in [Proxy::Caddy, Proxy::NewCaddy, Proxy::Traefik] {
            open_connections_go_on_and_no_new_one_begins(proxy).await;
        }
    }
}
