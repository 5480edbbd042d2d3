//! What the store is asked for a cookie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anteroom::clock::{Clock, ManualClock};
use anteroom::store::{Intercepted, Interceptor, StoreCall, StoreFailure};
use anteroom::{Anteroom, Options, SessionStorage, Stores};
use tempfile::TempDir;
use time::macros::datetime;
use tokio::net::TcpListener;

use crate::harness::wire::{parse, send};

/// Counts how often the session store is asked about a token.
struct LookupCount(Arc<AtomicU32>);

impl Interceptor for LookupCount {
    async fn intercept<T: Send, E: StoreFailure>(
        &self,
        name: StoreCall,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if matches!(name.operation, "load" | "find_rotated") {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        call.await
    }
}

#[tokio::test]
async fn sid_7_attack_15_what_was_never_issued_is_refused_without_asking_the_store() {
    let folder = TempDir::new().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = Options::new(
        folder.path().join("anteroom.db"),
        format!("http://localhost:{}", address.port()),
    );
    options.clock = Clock::from(&ManualClock::at(datetime!(2026-11-21 09:00 UTC)));
    options.sessions = SessionStorage::Memory { limit: 100 };
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let counted = |stores: Stores| {
        let sessions = Arc::new(Intercepted::new(stores.sessions, LookupCount(count)));
        Stores { sessions, ..stores }
    };
    let anteroom = Anteroom::start_around(options, counted).await.unwrap();
    let served = anteroom::server::serve(listener, anteroom.front(), std::future::pending());
    let serving = tokio::spawn(served);
    let ask = async |method: &str, value: &[u8]| {
        let head = format!(
            "{method} /api/session HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n",
            address.port()
        );
        let cookie = [b"Cookie: anteroom=", value, b"\r\n\r\n"].concat();
        let answer = parse(&send(address, &[head.as_bytes(), &cookie].concat()).await);
        (answer.status, asked.swap(0, Ordering::SeqCst))
    };

    let nulls = "%00".repeat(1300);
    for value in [
        "",
        "x",
        "' OR '1'='1",
        "' OR '1'='1'; DROP TABLE sessions; -- xxxxx",
        "*",
        "../../etc/passwd",
        "${jndi:ldap://localhost/x}",
        "%0d%0aFLUSHALL%0d%0a",
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\u{e9}",
        &nulls,
    ] {
        assert_eq!(ask("GET", value.as_bytes()).await, (401, 0), "{value}");
        assert_eq!(ask("DELETE", value.as_bytes()).await, (204, 0), "{value}");
    }
    assert_eq!(ask("GET", &[0xFF; 43]).await, (401, 0));
    // A line break ends the header, and what follows is no part of the cookie.
    assert_eq!(ask("GET", b"x\r\nX-More: FLUSHALL").await, (401, 0));

    assert_eq!(ask("GET", &[b'A'; 43]).await, (401, 1), "well-formed, so the store is asked");
    serving.abort();
}
