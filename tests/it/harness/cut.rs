//! A wire between two programs that a test can slow down, silence and cut.
//!
//! It runs on a thread of its own, so that a test that waits does not hold it up.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::loopback::free_address;

/// What happens to bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Pass,
    /// Each arrives this much later, in order.
    Late(Duration),
    /// None arrive; those that were sent meanwhile arrive once it is over.
    Held,
}

#[derive(Clone, Copy)]
struct State {
    /// Towards the far end, which is the database's.
    up: Flow,
    down: Flow,
    refusing: bool,
    /// How often everything was cut.
    cuts: u64,
    over: bool,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    /// Open connections, by how often everything had been cut before they were accepted.
    open: Mutex<BTreeMap<u64, u64>>,
    is_refusing: AtomicBool,
    trips: AtomicU64,
}

impl Counts {
    fn opened(&self, cuts: u64) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        *self.open.lock().unwrap().entry(cuts).or_default() += 1;
    }

    fn closed(&self, cuts: u64) {
        *self.open.lock().unwrap().get_mut(&cuts).unwrap() -= 1;
    }

    fn open_before(&self, cuts: u64) -> u64 {
        self.open.lock().unwrap().range(..cuts).map(|(_, open)| open).sum()
    }
}

/// The wire. Whoever connects to [`Cut::address`] speaks to the far end, as the test lets them.
pub struct Cut {
    pub address: SocketAddr,
    state: watch::Sender<State>,
    counts: Arc<Counts>,
    running: Option<JoinHandle<()>>,
}

impl Cut {
    /// A wire to `far`, over which everything passes.
    pub fn before(far: SocketAddr) -> Self {
        let address = free_address();
        let (up, down) = (Flow::Pass, Flow::Pass);
        let state = State { up, down, refusing: false, cuts: 0, over: false };
        let (state, seen) = watch::channel(state);
        let counts = Arc::<Counts>::default();
        let wire = Wire { far, state: seen, counts: counts.clone() };
        let (listening, heard) = std::sync::mpsc::channel();
        let running = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(wire.serve(address, listening));
        });
        heard.recv().unwrap();
        Self { address, state, counts, running: Some(running) }
    }

    /// What happens to bytes on their way to the far end, and on their way back.
    pub fn flow(&self, up: Flow, down: Flow) {
        self.state.send_modify(|state| (state.up, state.down) = (up, down));
    }

    /// Connections are accepted, and nothing is ever heard on them.
    pub fn silence(&self) {
        self.flow(Flow::Held, Flow::Held);
    }

    /// As if there had never been anything.
    pub fn heal(&self) {
        self.state.send_modify(|state| {
            (state.up, state.down, state.refusing) = (Flow::Pass, Flow::Pass, false);
        });
    }

    /// Whether new connections are refused, from now on. Those that are open stay.
    pub fn refuse(&self, refusing: bool) {
        self.state.send_modify(|state| state.refusing = refusing);
        wait_until(|| self.counts.is_refusing.load(Ordering::SeqCst) == refusing);
    }

    /// Resets every connection that is open, before it returns.
    pub fn cut_all(&self) {
        self.state.send_modify(|state| state.cuts += 1);
        let cuts = self.state.borrow().cuts;
        wait_until(|| self.counts.open_before(cuts) == 0);
    }

    /// How many connections there have been.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many are open.
    pub fn open(&self) -> u64 {
        self.counts.open_before(u64::MAX)
    }

    /// How often something went up after something had come down, or first: of a protocol that
    /// waits for its answers, the round trips.
    pub fn trips(&self) -> u64 {
        self.counts.trips.load(Ordering::SeqCst)
    }
}

/// The wire's own thread does what was asked of it, so that the wait is short.
fn wait_until(is_done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_done() {
        assert!(Instant::now() < deadline, "the wire does not do what is asked of it");
        std::thread::sleep(Duration::from_micros(200));
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.state.send_modify(|state| state.over = true);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

#[derive(Clone)]
struct Wire {
    far: SocketAddr,
    state: watch::Receiver<State>,
    counts: Arc<Counts>,
}

impl Wire {
    async fn serve(mut self, address: SocketAddr, listening: std::sync::mpsc::Sender<()>) {
        let mut connections = JoinSet::new();
        loop {
            let State { over, refusing, .. } = *self.state.borrow_and_update();
            if over {
                return;
            }
            if refusing {
                self.counts.is_refusing.store(true, Ordering::SeqCst);
                let _ = self.state.changed().await;
                continue;
            }
            let listener = listen(address).unwrap();
            self.counts.is_refusing.store(false, Ordering::SeqCst);
            let _ = listening.send(());
            while !{
                let state = self.state.borrow_and_update();
                state.refusing || state.over
            } {
                tokio::select! {
                    Ok((near, _)) = listener.accept() => {
                        let cuts = self.state.borrow().cuts;
                        self.counts.opened(cuts);
                        connections.spawn(self.clone().carry(near, cuts));
                    }
                    changed = self.state.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    /// One connection, until either end has enough of it or it is cut.
    async fn carry(self, mut near: TcpStream, cuts: u64) {
        let mut cut = self.state.clone();
        let is_cut = async move { cut.wait_for(|state| state.cuts != cuts).await.is_ok() };
        let carried = async {
            let mut far = TcpStream::connect(self.far).await?;
            // Small messages go on at once, as they came.
            near.set_nodelay(true)?;
            far.set_nodelay(true)?;
            let (from_near, to_near) = near.split();
            let (from_far, to_far) = far.split();
            let is_up = AtomicBool::new(false);
            let sent = |upwards: bool| {
                if !is_up.swap(upwards, Ordering::SeqCst) && upwards {
                    self.counts.trips.fetch_add(1, Ordering::SeqCst);
                }
            };
            let up = self.pump(from_near, to_far, |state| state.up, || sent(true));
            let down = self.pump(from_far, to_near, |state| state.down, || sent(false));
            let reset = tokio::select! {
                _ = is_cut => true,
                _ = async { tokio::join!(up, down) } => false,
            };
            if reset {
                let _ = far.set_zero_linger();
            }
            Ok::<_, io::Error>(reset)
        };
        if carried.await.unwrap_or(true) {
            let _ = near.set_zero_linger();
        }
        drop(near);
        self.counts.closed(cuts);
    }

    /// Carries bytes in one direction, and then its end.
    async fn pump(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        flow: impl Fn(&State) -> Flow,
        sent: impl Fn(),
    ) -> io::Result<()> {
        let (queue, mut queued) = mpsc::channel::<(Instant, Vec<u8>)>(64);
        let read = async {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let count = from.read(&mut buffer).await.unwrap_or(0);
                let late = match flow(&self.state.borrow()) {
                    Flow::Late(late) => late,
                    Flow::Pass | Flow::Held => Duration::ZERO,
                };
                let bytes = buffer[..count].to_vec();
                if count > 0 {
                    sent();
                }
                if queue.send((Instant::now() + late, bytes)).await.is_err() || count == 0 {
                    return;
                }
            }
        };
        let mut state = self.state.clone();
        let write = async {
            while let Some((due, bytes)) = queued.recv().await {
                tokio::time::sleep_until(due.into()).await;
                let passes = |state: &State| flow(state) != Flow::Held;
                state.wait_for(passes).await.map_err(io::Error::other)?;
                if bytes.is_empty() {
                    return to.shutdown().await;
                }
                to.write_all(&bytes).await?;
            }
            Ok(())
        };
        tokio::select! {
            result = write => result,
            () = async { read.await; std::future::pending().await } => Ok(()),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}
