//! Upgrades of a connection: a WebSocket reaches an application, and no other upgrade does. Behind
//! one that does, requests come that no proxy sees.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::two_readings::Stage;
use crate::harness::balancer::Proxy;

const WEBSOCKET: &str = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

macro_rules! behind_each_proxy {
    ($($proxy:ident as $module:ident,)*) => {$(
        mod $module {
            use crate::harness::balancer::Proxy;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn no_upgrade_but_a_websocket_reaches_an_application() {
                super::nothing_but_a_websocket(Proxy::$proxy).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cookies_keep_their_order_and_connection_names_no_header() {
                super::cookies_and_connection(Proxy::$proxy).await;
            }
        }
    )*};
}

behind_each_proxy! {
    Nginx as nginx,
    Haproxy as haproxy,
    Caddy as caddy,
    NewCaddy as new_caddy,
    Traefik as traefik,
}

/// The status of the answer to a request, without waiting for the end of the connection.
async fn status(address: SocketAddr, request: &str) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut head)).await;
    match read {
        Ok(Ok(_)) => std::str::from_utf8(&head[9..]).unwrap().parse().unwrap(),
        _ => 0,
    }
}

async fn nothing_but_a_websocket(proxy: Proxy) {
    let Some(stages) = Stage::both(proxy).await else { return };
    for stage in stages {
        let ask = async |lines: &str| {
            let line = format!("GET /public/x HTTP/1.1\r\nHost: {}\r\n{lines}\r\n\r\n", stage.host);
            status(stage.address(), &line).await
        };
        let what = &stage.what;
        let plain = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{WEBSOCKET}");
        assert_eq!(ask(&plain).await, 101, "{what}: a WebSocket");
        for upgrade in [
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ",
            "Connection: upgrade\r\nUpgrade: H2C",
            "Connection: Upgrade\r\nUpgrade: websocket, h2c",
            "Connection: Upgrade\r\nUpgrade: h2c, websocket",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c",
            "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket",
            "Connection: Upgrade\r\nConnection: HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ",
            "Connection: Upgrade\r\nUpgrade: TLS/1.0",
            "Upgrade: h2c",
        ] {
            for lines in [upgrade.to_owned(), format!("{upgrade}\r\n{WEBSOCKET}")] {
                let before = stage.asked()[0];
                let status = ask(&lines).await;
                // None, or as what it then is: a plain request, or a WebSocket.
                let heads = &stage.applications[0].heads()[before..];
                let upgrades = heads.iter().flat_map(|head| head.lines()).filter(|line| {
                    let line = line.to_lowercase();
                    line.starts_with("upgrade:") || line.starts_with("http2-settings:")
                });
                let upgrades: Vec<_> = upgrades.map(str::to_lowercase).collect();
                let is_websocket = upgrades == ["upgrade: websocket"];
                assert!(upgrades.is_empty() || is_websocket, "{what}, {lines:?}: {heads:?}");
                assert!(status != 101 || is_websocket, "{what}, {lines:?}: {status}");
            }
        }
    }
}

/// The application would drop the headers that `Connection` names.
async fn cookies_and_connection(proxy: Proxy) {
    let Some(stages) = Stage::both(proxy).await else { return };
    for stage in stages {
        let (what, host) = (&stage.what, format!("Host: {}", stage.host));
        let cookies = ["f=1", "e=2", "d=3; c=4", "b=5", "a=6"];
        let sent = cookies.map(|cookie| format!("Cookie: {cookie}"));
        let mut lines = vec!["GET /public/x HTTP/1.1", &*host];
        // Traefik asks without the headers that are named there, and so without cookies.
        let named = if proxy == Proxy::Traefik { "" } else { ", Cookie" };
        let connection = format!("Connection: Remote-User, X-Forwarded-For{named}");
        lines.push(&connection);
        lines.extend(sent.iter().map(String::as_str));
        assert_eq!(stage.send(&lines).await, 200, "{what}");
        let head = stage.applications[0].heads().pop().unwrap().to_lowercase();
        let values = |name: &str| -> Vec<&str> {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(sent, _)| *sent == name).map(|(_, value)| value).collect()
        };
        assert_eq!(values("cookie").join("; "), cookies.join("; "), "{what}: {head}");
        let named = values("connection").join(",");
        let is_named = |name: &&str| named.split(',').any(|one| one.trim() == *name);
        assert!(
            !["remote-user", "cookie", "x-forwarded-for"].iter().any(is_named),
            "{what}: {head}"
        );
        assert_eq!(
            values("remote-user").len(),
            usize::from(proxy != Proxy::Nginx),
            "{what}: {head}"
        );
        assert_eq!(values("x-forwarded-for").len(), 1, "{what}: {head}");
    }
}
