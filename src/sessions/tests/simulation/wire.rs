//! A subscription: changes and answers in one order, late, or never.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::world::{Lost, Process, lock};
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Freshness, NotFresh, Rule, Subscription, is_kept};

#[derive(Clone, Copy)]
enum Message {
    Change(Change),
    /// Whether the subscription stands.
    Answer(bool),
}

/// A connection from the store to a server.
pub(super) struct Wire {
    pub(super) server: usize,
    /// The messages on their way, with the time of arrival.
    messages: Mutex<VecDeque<(Instant, Message)>>,
    sent: Notify,
    /// Whether the store still tells.
    stands: AtomicBool,
    is_cut: AtomicBool,
    /// Whether the server has noticed that it is cut.
    is_noticed: AtomicBool,
}

impl Wire {
    fn to(server: usize) -> Self {
        Self {
            server,
            messages: Mutex::default(),
            sent: Notify::new(),
            stands: AtomicBool::new(true),
            is_cut: AtomicBool::new(false),
            is_noticed: AtomicBool::new(false),
        }
    }

    pub(super) fn tell(&self, change: Change, way: Duration) {
        if self.stands.load(Ordering::SeqCst) {
            self.send(Message::Change(change), way);
        }
    }

    /// Nothing overtakes what was sent before.
    fn send(&self, message: Message, way: Duration) {
        if self.is_cut.load(Ordering::SeqCst) {
            return;
        }
        let mut messages = lock(&self.messages);
        let before = messages.back().map(|(at, _)| *at);
        let at = Instant::now() + way;
        messages.push_back((before.map_or(at, |before| before.max(at)), message));
        self.sent.notify_one();
    }

    /// Nothing arrives any more, and the server may notice or not.
    pub(super) fn cut(&self, is_noticed: bool) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.is_noticed.store(is_noticed, Ordering::SeqCst);
        lock(&self.messages).clear();
        self.sent.notify_one();
    }

    /// The connection stays open and reports no more changes.
    pub(super) fn unsubscribe(&self) {
        self.stands.store(false, Ordering::SeqCst);
    }

    async fn next(&self, process: &Process) -> Result<Message, StoreError> {
        loop {
            if self.is_noticed.load(Ordering::SeqCst) {
                return Err(StoreError::backend(Lost));
            }
            let first = lock(&self.messages).front().map(|(at, _)| *at);
            match first {
                Some(at) if at <= Instant::now() => {
                    process.breathe().await;
                    // One task alone waits for this, so nothing is lost in between.
                    if let Some((_, message)) = lock(&self.messages).pop_front() {
                        return Ok(message);
                    }
                }
                Some(at) => {
                    tokio::select! {
                        biased;
                        () = sleep_until(at) => {}
                        () = self.sent.notified() => {}
                    }
                }
                None => self.sent.notified().await,
            }
        }
    }
}

/// How a server hears of changes.
pub(super) struct Telling(pub(super) Arc<Process>);

struct Listening {
    wire: Arc<Wire>,
    process: Arc<Process>,
}

#[async_trait]
impl Freshness for Telling {
    fn name(&self) -> &'static str {
        "simulation"
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh> {
        let wire = Arc::new(Wire::to(self.0.number));
        let standing = Arc::clone(&wire);
        self.0
            .ask(move |world| {
                world.subscribe(&standing);
                ((), Vec::new())
            })
            .await?;
        Ok(Box::new(Listening { wire, process: Arc::clone(&self.0) }))
    }

    async fn tell_what_is_seen(&self) -> Result<(), StoreError> {
        self.0.ask(|world| (world.tell(), Vec::new())).await
    }
}

#[async_trait]
impl Subscription for Listening {
    async fn changed(&mut self) -> Result<Change, StoreError> {
        loop {
            if let Message::Change(change) = self.wire.next(&self.process).await? {
                return Ok(change);
            }
        }
    }

    async fn probe(&mut self) -> Result<Vec<Change>, StoreError> {
        self.process.breathe().await;
        let (wire, world) = (Arc::clone(&self.wire), Arc::clone(&self.process.world));
        tokio::spawn(async move {
            sleep(world.way()).await;
            world.awake().await;
            wire.send(Message::Answer(wire.stands.load(Ordering::SeqCst)), world.way());
        });
        let mut changes = Vec::new();
        loop {
            match self.wire.next(&self.process).await? {
                Message::Change(change) => changes.push(change),
                Message::Answer(stands) if stands || !is_kept(Rule::SubscriptionIsChecked) => {
                    return Ok(changes);
                }
                Message::Answer(_) => return Err(StoreError::backend(Lost)),
            }
        }
    }
}
