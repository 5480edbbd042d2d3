//! A wire to Redis into which a test can put words of its own, on the connection that is told what
//! changes, and which can lead elsewhere.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;

#[derive(Clone)]
enum Operation {
    /// Said in the name of whoever is told what changes; whoever did it reports.
    Say(String, mpsc::UnboundedSender<()>),
    /// Everybody else is cut off.
    CutCalls,
}

pub struct Splice {
    pub address: SocketAddr,
    operations: broadcast::Sender<Operation>,
    target: watch::Sender<SocketAddr>,
    listening: JoinHandle<()>,
}

impl Splice {
    /// To the Redis at this port, for now.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (operations, _) = broadcast::channel(16);
        let (target, leads_to) = watch::channel(SocketAddr::from(([127, 0, 0, 1], port)));
        let heard = operations.clone();
        let listening = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let to = *leads_to.borrow();
                let far = TcpStream::connect(to).await.unwrap();
                tokio::spawn(carry(near, far, heard.subscribe()));
            }
        });
        Self { address, operations, target, listening }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Says this on the connection that is told what changes, between two of its own commands.
    pub async fn say(&self, command: &str) {
        let (said, mut heard) = mpsc::unbounded_channel();
        let _ = self.operations.send(Operation::Say(format!("{command}\r\n"), said));
        heard.recv().await.unwrap();
    }

    /// Whoever connects from now on reaches another one; those who are told what changes stay.
    pub fn lead_calls_to(&self, port: u16) {
        self.target.send_replace(SocketAddr::from(([127, 0, 0, 1], port)));
        let _ = self.operations.send(Operation::CutCalls);
    }
}

impl Drop for Splice {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn carry(
    mut near: TcpStream,
    mut far: TcpStream,
    mut operations: broadcast::Receiver<Operation>,
) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_told = false;
    loop {
        let carried = tokio::select! {
            length = near.read(&mut up) => match length {
                Ok(length @ 1..) => {
                    is_told |= up[..length].windows(8).any(|word| word == b"TRACKING");
                    far.write_all(&up[..length]).await
                }
                _ => return,
            },
            length = far.read(&mut down) => match length {
                Ok(length @ 1..) => near.write_all(&down[..length]).await,
                _ => return,
            },
            operation = operations.recv() => match operation {
                Ok(Operation::Say(words, said)) if is_told => {
                    let written = far.write_all(words.as_bytes()).await;
                    let _ = said.send(());
                    written
                }
                Ok(Operation::CutCalls) if !is_told => return,
                Ok(_) => Ok(()),
                Err(_) => return,
            },
        };
        if carried.is_err() {
            return;
        }
    }
}
