//! Somebody between a server of ours and `PostgreSQL` who knows the protocol: keeps notifications to
//! himself, as a pooler does, and says things in the name of whoever listens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Goes on as long as it is held. Knows no TLS.
pub struct Interloper {
    pub address: SocketAddr,
    told: Told,
    says: watch::Sender<&'static str>,
    listening: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Told {
    keeps_notifications: Arc<AtomicBool>,
    /// How often something was said and answered.
    answered: Arc<AtomicU64>,
}

impl Interloper {
    pub async fn before(far: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (says, heard) = watch::channel("");
        let told = Told::default();
        let shared = told.clone();
        let listening = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let Ok(far) = TcpStream::connect(far).await else { continue };
                tokio::spawn(carry(near, far, heard.clone(), shared.clone()));
            }
        });
        Self { address, told, says, listening }
    }

    /// Whether notifications go no further.
    pub fn keep_notifications(&self, keep: bool) {
        self.told.keeps_notifications.store(keep, Ordering::SeqCst);
    }

    /// Says something over the connection that listens, which must not be in the middle of
    /// anything, and hears the answer in its place.
    pub async fn say(&self, statement: &'static str) {
        let before = self.told.answered.load(Ordering::SeqCst);
        self.says.send_replace(statement);
        while self.told.answered.load(Ordering::SeqCst) == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Interloper {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// One connection.
async fn carry(
    near: TcpStream,
    far: TcpStream,
    mut says: watch::Receiver<&'static str>,
    told: Told,
) {
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let (mut listens, mut awaited) = (false, 0);
    let (mut up, mut down, mut unread) = (vec![0; 65_536], vec![0; 65_536], Vec::new());
    says.mark_unchanged();
    loop {
        tokio::select! {
            read = from_near.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                listens |= up[..length].windows(7).any(|text| text == b"LISTEN ");
                if to_far.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = from_far.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                unread.extend_from_slice(&down[..length]);
                if hand_on(&mut unread, &mut to_near, &mut awaited, &told).await.is_err() {
                    return;
                }
            }
            said = says.changed() => {
                if said.is_err() {
                    return;
                }
                let statement = *says.borrow_and_update();
                if listens {
                    awaited += 1;
                    to_far.write_all(&query(statement)).await.unwrap();
                }
            }
        }
    }
}

fn query(statement: &str) -> Vec<u8> {
    let length = u32::try_from(statement.len() + 5).unwrap();
    [b"Q", &length.to_be_bytes()[..], statement.as_bytes(), b"\0"].concat()
}

/// Hands on whole messages, but for answers to what was said here, and takes them out.
async fn hand_on(
    unread: &mut Vec<u8>,
    to: &mut OwnedWriteHalf,
    awaited: &mut u32,
    told: &Told,
) -> std::io::Result<()> {
    const NOTIFICATION: u8 = b'A';
    const READY: u8 = b'Z';
    let mut passed = Vec::new();
    while let Some(length) = unread.get(1..5) {
        let whole = 1 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if unread.len() < whole {
            break;
        }
        let message: Vec<u8> = unread.drain(..whole).collect();
        match message[0] {
            NOTIFICATION if told.keeps_notifications.load(Ordering::SeqCst) => {}
            NOTIFICATION => passed.extend(message),
            READY if *awaited > 0 => {
                *awaited -= 1;
                told.answered.fetch_add(1, Ordering::SeqCst);
            }
            _ if *awaited > 0 => {}
            _ => passed.extend(message),
        }
    }
    to.write_all(&passed).await
}
