//! Forms that are sent twice. A double click on a button sends two requests, and the browser only
//! reads the answer to the second. Both name the same form, so that the second takes the place of
//! the first instead of leaving a second session behind.
//!
//! Nothing is handed over by naming a form: each request proves the password by itself and gets a
//! new token. Forms are remembered by this server alone, for a minute.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::accounts::{Email, User, UserId};
use crate::entropy::Entropy;
use crate::sessions::{Sessions, Token, TokenDigest};

/// For how long after it was first sent a form is remembered.
const REMEMBERED: Duration = Duration::minutes(1);
/// How many forms are remembered at once. Beyond that, forms count as sent once.
const MOST: usize = 10_000;

/// How long a request waits for another of the same form.
const TURN: std::time::Duration = std::time::Duration::from_secs(5);

type Key = [u8; 16];

/// The forms that were sent within the last minute. Cheap to clone.
#[derive(Clone)]
pub struct SentForms(Arc<Inner>);

struct Inner {
    entropy: Entropy,
    sessions: Sessions,
    known: StdMutex<HashMap<Key, Sent>>,
}

struct Sent {
    first_at: OffsetDateTime,
    /// Locked while one of its requests is at work.
    done: Arc<Mutex<Option<Done>>>,
}

/// The result of an earlier request of the same form.
#[derive(Clone, Debug)]
pub struct Done {
    /// Who was signed in by it.
    pub user: UserId,
    /// The address of that account.
    pub email: Email,
    /// The session that it started or renewed.
    pub session: TokenDigest,
    /// Whether that session is remembered by the browser.
    pub remember_me: bool,
}

impl SentForms {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(sessions: Sessions, entropy: Entropy) -> Self {
        Self(Arc::new(Inner { entropy, sessions, known: StdMutex::default() }))
    }

    /// The name of a form about to be shown; empty where there is no randomness.
    #[must_use]
    pub fn name(&self) -> String {
        let key: Result<Key, _> = self.0.entropy.bytes();
        key.map(|key| URL_SAFE_NO_PAD.encode(key)).unwrap_or_default()
    }

    /// The name that a request sent, for the form that is shown again; empty if it is invalid.
    #[must_use]
    pub fn named(name: &str) -> String {
        key_of(name).map(|key| URL_SAFE_NO_PAD.encode(key)).unwrap_or_default()
    }

    /// Waits until no other request of the form of this name is at work, five seconds at most. An
    /// invalid name does not wait.
    pub async fn turn(&self, name: &str) -> FormTurn {
        let Some(done) = key_of(name).and_then(|key| self.find(key)) else {
            return FormTurn::default();
        };
        match tokio::time::timeout(TURN, done.lock_owned()).await {
            Ok(turn) => FormTurn(Some(Arc::new(StdMutex::new(turn)))),
            Err(_) => FormTurn::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, Sent>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: Key) -> Option<Arc<Mutex<Option<Done>>>> {
        let now = self.0.sessions.now();
        let mut known = self.known();
        if let Some(sent) = known.get(&key)
            && is_recent(sent, now)
        {
            return Some(Arc::clone(&sent.done));
        }
        if known.len() >= MOST {
            known.retain(|_, sent| is_recent(sent, now));
        }
        if known.len() >= MOST {
            return None;
        }
        let sent = Sent { first_at: now, done: Arc::default() };
        let done = Arc::clone(&sent.done);
        known.insert(key, sent);
        Some(done)
    }

    /// Forgets what was sent more than a minute ago.
    pub fn sweep(&self) {
        let now = self.0.sessions.now();
        self.known().retain(|_, sent| is_recent(sent, now));
    }
}

fn is_recent(sent: &Sent, now: OffsetDateTime) -> bool {
    (now - sent.first_at).abs() < REMEMBERED
}

fn key_of(name: &str) -> Option<Key> {
    URL_SAFE_NO_PAD.decode(name).ok()?.try_into().ok()
}

/// The turn of one request of a form. Others of the same form wait until every copy is dropped.
/// The default is the turn of a request that names no form.
#[derive(Clone, Default)]
pub struct FormTurn(Option<Arc<StdMutex<OwnedMutexGuard<Option<Done>>>>>);

impl FormTurn {
    /// The result of an earlier request of the form; `None` the first time.
    #[must_use]
    pub fn earlier(&self) -> Option<Done> {
        let guard = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        guard.as_ref().cloned()
    }

    /// Notes that `user` is signed in by this form, under this token.
    pub(super) fn done(&self, user: &User, token: &Token, remember_me: bool) {
        let Some(turn) = &self.0 else { return };
        let mut guard = turn.lock().unwrap_or_else(PoisonError::into_inner);
        **guard = Some(Done {
            user: user.id,
            email: user.email.clone(),
            session: token.digest(),
            remember_me,
        });
    }
}

impl fmt::Debug for FormTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormTurn")
    }
}
