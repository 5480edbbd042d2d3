//! Invalidations received from Redis, queued until a probe takes them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;
use uuid::Uuid;

use super::script::TRACKED;
use crate::accounts::UserId;
use crate::sessions::TokenDigest;
use crate::sessions::cache::Change;

/// The maximum number of queued changes. More are replaced by [`Change::Everything`].
const MAX_CHANGES: usize = 4096;

/// The key of a canary is [`TRACKED`], this word, and 16 bytes.
const CANARY: &[u8] = b"canary";
const CANARY_LENGTH: usize = CANARY.len() + 16;

/// A key that is written to test that its invalidation arrives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Canary([u8; CANARY_LENGTH]);

impl Canary {
    /// A canary with a unique name.
    pub(super) fn named(name: [u8; 16]) -> Self {
        let mut bytes = [0; CANARY_LENGTH];
        let (kind, own) = bytes.split_at_mut(CANARY.len());
        kind.copy_from_slice(CANARY);
        own.copy_from_slice(&name);
        Self(bytes)
    }

    /// The key after [`TRACKED`].
    pub(super) fn name(&self) -> &[u8] {
        &self.0
    }
}

/// The meaning of an invalidated key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Invalidation {
    Change(Change),
    Canary(Canary),
}

impl Invalidation {
    fn of_key(key: &[u8]) -> Self {
        let Some(rest) = key.strip_prefix(TRACKED.as_bytes()) else {
            return Self::Change(Change::Everything);
        };
        if let Ok(digest) = <[u8; 32]>::try_from(rest) {
            Self::Change(Change::Token(TokenDigest::from_bytes(digest)))
        } else if let Ok(user) = <[u8; 16]>::try_from(rest) {
            Self::Change(Change::User(UserId::from_uuid(Uuid::from_bytes(user))))
        } else if let (true, Ok(name)) = (rest.starts_with(CANARY), rest.try_into()) {
            Self::Canary(Canary(name))
        } else {
            // The generation of all sessions, or a key of another release.
            Self::Change(Change::Everything)
        }
    }
}

#[derive(Default)]
struct QueueState {
    changes: VecDeque<Change>,
    canary_arrived: bool,
    /// No more will be received.
    is_over: bool,
}

/// The queue, for the subscription.
pub(super) struct Received {
    canary: Canary,
    state: Mutex<QueueState>,
    arrived: Notify,
}

/// Fills [`Received`]; dropping it ends the queue.
pub(super) struct Receiver(Arc<Received>);

impl Received {
    pub(super) fn expecting(canary: Canary) -> (Receiver, Arc<Self>) {
        let received = Arc::new(Self { canary, state: Mutex::default(), arrived: Notify::new() });
        (Receiver(Arc::clone(&received)), received)
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all queued changes.
    pub(super) fn take(&self) -> Vec<Change> {
        self.state().changes.drain(..).collect()
    }

    /// Waits for the next change; `None` at the end. Cancel safe.
    pub(super) async fn next(&self) -> Option<Change> {
        self.until(|state| state.changes.pop_front()).await
    }

    /// Waits for the canary. `false`: the end came first.
    pub(super) async fn canary(&self) -> bool {
        self.until(|state| state.canary_arrived.then_some(())).await.is_some()
    }

    async fn until<T>(&self, look: impl Fn(&mut QueueState) -> Option<T>) -> Option<T> {
        loop {
            {
                let mut state = self.state();
                if let Some(found) = look(&mut state) {
                    return Some(found);
                }
                if state.is_over {
                    return None;
                }
            }
            // There is one waiter, and a change since the check has left it a permit.
            self.arrived.notified().await;
        }
    }

    fn end(&self) {
        self.state().is_over = true;
        self.arrived.notify_one();
    }
}

impl QueueState {
    fn push(&mut self, change: Change) {
        if self.changes.len() >= MAX_CHANGES {
            self.changes.clear();
            self.changes.push_back(Change::Everything);
        }
        self.changes.push_back(change);
    }
}

impl Receiver {
    /// Records a push before it returns.
    pub(super) fn receive(&self, push: &PushInfo) {
        if push.kind != PushKind::Invalidate {
            // Disconnected, or another kind of push: the connection is no longer what it was.
            return self.0.end();
        }
        let mut state = self.0.state();
        match push.data.as_slice() {
            [Value::Array(keys)] => {
                for key in keys {
                    match meaning_of(key) {
                        Invalidation::Change(change) => state.push(change),
                        Invalidation::Canary(canary) => {
                            state.canary_arrived |= canary == self.0.canary;
                        }
                    }
                }
            }
            // A flush invalidates all keys at once.
            _ => state.push(Change::Everything),
        }
        drop(state);
        self.0.arrived.notify_one();
    }
}

fn meaning_of(key: &Value) -> Invalidation {
    match key {
        Value::BulkString(key) => Invalidation::of_key(key),
        _ => Invalidation::Change(Change::Everything),
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests;
