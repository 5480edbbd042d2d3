//! A small proxy between a server of ours and a store, which a test can stop, cut and listen to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the relay does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Hands it on.
    Pass,
    /// Keeps it, and lets nobody know.
    Hold,
    /// Hangs up, and takes no more connections.
    Cut,
    /// Hangs up once, as soon as a client says this, and hands it on before.
    CutAfter(&'static str),
    /// Hangs up once, as soon as a client says this, and keeps it.
    CutBefore(&'static str),
}

/// Counts, in what one connection sends, the questions for whose answer it waits, and takes out
/// what it has read.
pub type Questions = fn(&mut Vec<u8>) -> u64;

/// Listens as long as it is held.
pub struct Relay {
    pub address: SocketAddr,
    manner: watch::Sender<Manner>,
    counters: Counters,
    listening: JoinHandle<()>,
}

/// Counters of all connections.
#[derive(Clone, Default)]
struct Counters {
    asked: Arc<AtomicU64>,
    open: Arc<AtomicU64>,
}

impl Relay {
    /// Between whoever connects and `target`.
    pub async fn to(target: SocketAddr, questions: Questions) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (manner, _) = watch::channel(Manner::Pass);
        let counters = Counters::default();
        let (heard, counted) = (manner.clone(), counters.clone());
        let listening = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if *heard.borrow() == Manner::Cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(target).await else { continue };
                let (heard, counted) = (heard.clone(), counted.clone());
                tokio::spawn(async move {
                    counted.open.fetch_add(1, Ordering::SeqCst);
                    relay((client, server), heard, questions, &counted.asked).await;
                    counted.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, manner, counters, listening }
    }

    pub fn set(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    pub fn manner(&self) -> Manner {
        *self.manner.borrow()
    }

    /// Hangs up on everybody, and goes on with whoever comes next.
    pub async fn hang_up(&self) {
        self.set(Manner::Cut);
        while self.counters.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.set(Manner::Pass);
    }

    /// How many questions were asked so far.
    pub fn asked(&self) -> u64 {
        self.counters.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.set(Manner::Cut);
        self.listening.abort();
    }
}

async fn relay(
    (client, server): (TcpStream, TcpStream),
    manner: watch::Sender<Manner>,
    questions: Questions,
    asked: &AtomicU64,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut unread = Vec::new();
    let once = manner.clone();
    let (there, back) = (manner.subscribe(), manner.subscribe());
    let mut cut = manner.subscribe();
    let there = async move {
        let (mut manner, mut bytes) = (there, vec![0; 65_536]);
        while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
            let _ = manner.wait_for(|manner| *manner != Manner::Hold).await;
            unread.extend_from_slice(&bytes[..length]);
            asked.fetch_add(questions(&mut unread), Ordering::SeqCst);
            let now = *manner.borrow();
            let (kept, over) = match now {
                Manner::CutBefore(text) if says(&bytes[..length], text) => (true, true),
                Manner::CutAfter(text) if says(&bytes[..length], text) => (false, true),
                _ => (false, false),
            };
            if over {
                once.send_replace(Manner::Pass);
            }
            let handed_on = kept || to_server.write_all(&bytes[..length]).await.is_ok();
            if over || !handed_on {
                break;
            }
        }
    };
    let back = async move {
        let (mut manner, mut bytes) = (back, vec![0; 65_536]);
        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
            let _ = manner.wait_for(|manner| *manner != Manner::Hold).await;
            if to_client.write_all(&bytes[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = cut.wait_for(|manner| *manner == Manner::Cut) => {}
    }
}

fn says(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
