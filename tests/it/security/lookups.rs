//! What the store is asked for a cookie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anteroom::clock::{Clock, ManualClock};
use anteroom::failure::StoreError;
use anteroom::sessions::{
    Compartment, Cursor, Cutoffs, Ended, Ending, EpochMove, Keep, Keeping, Kept, Loaded,
    NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore, Start, Started, Swept,
    TokenDigest, Touch,
};
use anteroom::{Anteroom, Options, SessionStorage, Stores};
use async_trait::async_trait;
use tempfile::TempDir;
use time::macros::datetime;
use tokio::net::TcpListener;

use crate::harness::wire::{parse, send};

/// A store that counts how often it is asked about a token.
struct Counted {
    store: Arc<dyn SessionStore>,
    asked: Arc<AtomicU32>,
}

#[async_trait]
impl SessionStore for Counted {
    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.store.load(digest).await
    }
    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.store.find_rotated(digest).await
    }
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        self.store.start(start).await
    }
    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.store.find(id).await
    }
    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        self.store.find_ended(id).await
    }
    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        self.store.touch(touches).await
    }
    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        self.store.rotate(rotation).await
    }
    async fn data(&self, id: SessionId, of: Compartment) -> Result<Option<Kept>, StoreError> {
        self.store.data(id, of).await
    }
    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        self.store.keep(keep).await
    }
    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        self.store.end(ending).await
    }
    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        self.store.raise_epoch(epoch_move).await
    }
    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        self.store.end_all(ended).await
    }
    async fn list(&self, user: anteroom::accounts::UserId) -> Result<Vec<Session>, StoreError> {
        self.store.list(user).await
    }
    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        self.store.list_all(after, limit).await
    }
    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        self.store.list_newest(before, limit).await
    }
    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        self.store.sweep(cutoffs, most).await
    }
    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        self.store.revocations_after(after, most).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
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
        let sessions = Arc::new(Counted { store: stores.sessions, asked: count });
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
