//! What the server says unasked, until somebody asks for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;
use uuid::Uuid;

use super::script::TRACKED;
use crate::accounts::UserId;
use crate::sessions::TokenDigest;
use crate::sessions::cache::Change;

/// So many changes are kept apart; of more than that all that is known is that there were many.
const MOST: usize = 4096;

/// What a canary is called after [`TRACKED`] begins with this, and with nothing else that is there.
const CANARY: &[u8] = b"canary";
const CANARY_LENGTH: usize = CANARY.len() + 16;

/// A key that is written for no other reason than that somebody hears of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Canary([u8; CANARY_LENGTH]);

impl Canary {
    /// One that nobody else has.
    pub(super) fn named(name: [u8; 16]) -> Self {
        let mut bytes = [0; CANARY_LENGTH];
        let (kind, own) = bytes.split_at_mut(CANARY.len());
        kind.copy_from_slice(CANARY);
        own.copy_from_slice(&name);
        Self(bytes)
    }

    /// What it is called after [`TRACKED`].
    pub(super) fn name(&self) -> &[u8] {
        &self.0
    }
}

/// What somebody who tracks hears of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    Of(Change),
    OfACanary(Canary),
}

impl News {
    fn of_key(key: &[u8]) -> Self {
        let Some(rest) = key.strip_prefix(TRACKED.as_bytes()) else {
            return Self::Of(Change::Everything);
        };
        if let Ok(digest) = <[u8; 32]>::try_from(rest) {
            Self::Of(Change::Token(TokenDigest::from_bytes(digest)))
        } else if let Ok(user) = <[u8; 16]>::try_from(rest) {
            Self::Of(Change::User(UserId::from_uuid(Uuid::from_bytes(user))))
        } else if let (true, Ok(name)) = (rest.starts_with(CANARY), rest.try_into()) {
            Self::OfACanary(Canary(name))
        } else {
            // The generations of all sessions, or something that this release does not know.
            Self::Of(Change::Everything)
        }
    }
}

#[derive(Default)]
struct State {
    changes: VecDeque<Change>,
    canary_came: bool,
    /// Nothing more will be heard.
    is_over: bool,
}

/// What was heard, for the one who follows.
pub(super) struct Heard {
    canary: Canary,
    state: Mutex<State>,
    news: Notify,
}

/// Hears for [`Heard`]; once it is gone there is nothing more to hear.
pub(super) struct Ear(Arc<Heard>);

impl Heard {
    pub(super) fn waiting_for(canary: Canary) -> (Ear, Arc<Self>) {
        let heard = Arc::new(Self { canary, state: Mutex::default(), news: Notify::new() });
        (Ear(Arc::clone(&heard)), heard)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came so far and was not taken yet.
    pub(super) fn take(&self) -> Vec<Change> {
        self.state().changes.drain(..).collect()
    }

    /// Takes what comes next; `None` once nothing more does. Dropping the future loses nothing.
    pub(super) async fn next(&self) -> Option<Change> {
        self.until(|state| state.changes.pop_front()).await
    }

    /// Whether the canary came, in the end.
    pub(super) async fn canary(&self) -> bool {
        self.until(|state| state.canary_came.then_some(())).await.is_some()
    }

    async fn until<T>(&self, look: impl Fn(&mut State) -> Option<T>) -> Option<T> {
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
            // Whoever looks is one alone, and what came since then has left it a permit.
            self.news.notified().await;
        }
    }

    fn end(&self) {
        self.state().is_over = true;
        self.news.notify_one();
    }
}

impl State {
    fn note(&mut self, change: Change) {
        if self.changes.len() >= MOST {
            self.changes.clear();
            self.changes.push_back(Change::Everything);
        }
        self.changes.push_back(change);
    }
}

impl Ear {
    /// Everything is noted before this returns.
    pub(super) fn hear(&self, push: &PushInfo) {
        if push.kind != PushKind::Invalidate {
            // Cut, or told of something that was not asked for: not the connection that it was.
            return self.0.end();
        }
        let mut state = self.0.state();
        match push.data.as_slice() {
            [Value::Array(keys)] => {
                for key in keys {
                    match key_of(key) {
                        News::Of(change) => state.note(change),
                        News::OfACanary(canary) => state.canary_came |= canary == self.0.canary,
                    }
                }
            }
            // Of all keys at once, as of a flush.
            _ => state.note(Change::Everything),
        }
        drop(state);
        self.0.news.notify_one();
    }
}

fn key_of(key: &Value) -> News {
    match key {
        Value::BulkString(key) => News::of_key(key),
        _ => News::Of(Change::Everything),
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests;
