//! The world: a store that everybody shares, machines that stand still, and chance.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::wire::Wire;
use crate::accounts::{Account, UserId};
use crate::failure::StoreError;
use crate::sessions::cache::Change;
use crate::store::{MemoryOptions, MemoryStore};

/// Repeats itself for the same seed (`SplitMix64`).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state that all share.
pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) accounts: Mutex<HashMap<UserId, Account>>,
    wires: Mutex<Vec<Arc<Wire>>>,
    /// Changes that can be read already, but whose notification is still on its way.
    untold: Mutex<Vec<Change>>,
    chance: Mutex<Chance>,
    /// Until when the store stands still.
    still_until: Mutex<Option<Instant>>,
    /// How many of a hundred calls are lost on the way.
    loss: u64,
}

impl World {
    pub(super) fn of(mut chance: Chance) -> Self {
        let loss = if chance.bits().is_multiple_of(3) { 4 } else { 0 };
        Self {
            store: MemoryStore::new(MemoryOptions { most_sessions: 10_000 }),
            accounts: Mutex::default(),
            wires: Mutex::default(),
            untold: Mutex::default(),
            chance: Mutex::new(chance),
            still_until: Mutex::default(),
            loss,
        }
    }

    /// Less than `bound`.
    pub(super) fn draw(&self, bound: u64) -> u64 {
        lock(&self.chance).bits() % bound
    }

    pub(super) fn is_one_of(&self, count: u64) -> bool {
        self.draw(count) == 0
    }

    pub(super) fn upto(&self, milliseconds: u64) -> Duration {
        Duration::from_micros(self.draw(milliseconds * 1000 + 1))
    }

    /// How long a message is on its way: seldom very long.
    pub(super) fn way(&self) -> Duration {
        match self.draw(40) {
            0 => self.upto(200),
            1..4 => self.upto(20),
            _ => self.upto(1),
        }
    }

    pub(super) fn stand_still(&self, time: Duration) {
        *lock(&self.still_until) = Some(Instant::now() + time);
    }

    pub(super) async fn awake(&self) {
        let until = *lock(&self.still_until);
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    pub(super) fn subscribe(&self, wire: &Arc<Wire>) {
        lock(&self.wires).push(Arc::clone(wire));
    }

    /// Something happens to one of the subscriptions of a server.
    pub(super) fn disturb(&self, server: usize, what: impl Fn(&Wire)) {
        let wires = lock(&self.wires).clone();
        wires.iter().filter(|wire| wire.server == server).for_each(|wire| what(wire));
    }

    /// Wakes the subscribers: they receive every change made so far.
    pub(super) fn tell(&self) {
        let changes = std::mem::take(&mut *lock(&self.untold));
        let wires = lock(&self.wires).clone();
        for wire in wires {
            for change in &changes {
                wire.tell(*change, self.way());
            }
        }
    }
}

/// A server's process.
pub(super) struct Process {
    pub(super) number: usize,
    pub(super) world: Arc<World>,
    frozen_until: Mutex<Option<Instant>>,
}

/// Lost on the way, there or back.
#[derive(Debug, thiserror::Error)]
#[error("lost")]
pub(super) struct Lost;

impl Process {
    pub(super) fn new(number: usize, world: Arc<World>) -> Self {
        Self { number, world, frozen_until: Mutex::default() }
    }

    /// As `SIGSTOP` does.
    pub(super) fn freeze(&self, time: Duration) {
        *lock(&self.frozen_until) = Some(Instant::now() + time);
    }

    /// Goes on only when the process does.
    pub(super) async fn breathe(&self) {
        loop {
            let until = *lock(&self.frozen_until);
            match until.filter(|until| Instant::now() < *until) {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }

    /// Has the store do something in one step. It does so whether or not anybody waits.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&World) -> (T, Vec<Change>) + Send + 'static,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::backend(Lost);
        self.breathe().await;
        let world = Arc::clone(&self.world);
        if world.draw(100) < world.loss {
            sleep(world.way()).await;
            return Err(lost());
        }
        let (told, answer) = oneshot::channel();
        tokio::spawn(async move {
            sleep(world.way()).await;
            world.awake().await;
            let (answer, changes) = operation(&world);
            if !changes.is_empty() {
                lock(&world.untold).extend(changes);
                // Others see what was done a moment before those who listen are told.
                if world.is_one_of(4) {
                    sleep(world.way()).await;
                }
                world.tell();
            }
            sleep(world.way()).await;
            let _ = told.send(answer);
        });
        let answer = answer.await.map_err(|_| lost())?;
        self.breathe().await;
        if self.world.draw(100) < self.world.loss {
            return Err(lost());
        }
        Ok(answer)
    }
}
