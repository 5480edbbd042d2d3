//! Cache of session checks, invalidated by the revocation feed.
//!
//! Three rules make it exact. The cache returns nothing while the feed has been silent for too long.
//! A response that was requested before an invalidation arrived is not cached after it. An expired
//! cursor clears the cache.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// After this long without a response from the feed, the cache returns nothing.
const SILENCE: Duration = Duration::from_secs(5);
/// Maximum age of an entry. Changes of a profile are not in the feed, and a hit in this cache is no
/// activity of the session.
const LONGEST: time::Duration = time::Duration::SECOND.saturating_mul(30);

/// Responses of `GET /api/session`, by session cookie.
#[derive(Default)]
pub(crate) struct Cache(Mutex<State>);

#[derive(Default)]
struct State {
    /// The cursor of the feed; `None` while it is not followed.
    cursor: Option<String>,
    /// The feed is complete up to this instant.
    heard_at: Option<Instant>,
    /// Counts invalidations.
    drops: u64,
    answers: HashMap<String, Kept>,
}

struct Kept {
    session: String,
    answer: Value,
    until: OffsetDateTime,
}

/// Marks the state of the cache before a request to Anteroom; see [`Cache::ticket`].
pub(crate) struct Ticket(u64);

impl Cache {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cursor for the next poll; `None` for the first one.
    pub(crate) fn cursor(&self) -> Option<String> {
        self.state().cursor.clone()
    }

    /// The cached response for this cookie, if it is still valid.
    pub(crate) fn find(&self, cookie: &str, now: OffsetDateTime) -> Option<Value> {
        let state = self.state();
        let is_followed = state.heard_at.is_some_and(|at| at.elapsed() < SILENCE);
        let kept = state.answers.get(cookie).filter(|kept| is_followed && now < kept.until)?;
        Some(kept.answer.clone())
    }

    /// Take one before the request whose response is to be cached. `None`: the feed is not followed, and
    /// nothing can be cached.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        let state = self.state();
        state.cursor.is_some().then_some(Ticket(state.drops))
    }

    /// Caches a response, unless an invalidation arrived since the ticket.
    pub(crate) fn keep(&self, ticket: &Ticket, cookie: &str, answer: &Value, now: OffsetDateTime) {
        let session = &answer["session"];
        let time = |name: &str| OffsetDateTime::parse(session[name].as_str()?, &Rfc3339).ok();
        let (Some(id), Some(idle), Some(expires)) =
            (session["id"].as_str(), time("idle_expires_at"), time("expires_at"))
        else {
            return;
        };
        let until = idle.min(expires).min(now + LONGEST);
        let kept = Kept { session: id.to_owned(), until, answer: answer.clone() };
        let mut state = self.state();
        if state.cursor.is_some() && state.drops == ticket.0 {
            state.answers.retain(|_, kept| now < kept.until);
            state.answers.insert(cookie.to_owned(), kept);
        }
    }

    /// Applies a response of the feed that was requested at `asked_at`.
    pub(crate) fn hear(&self, feed: &Value, asked_at: Instant) {
        let mut state = self.state();
        for end in feed["revocations"].as_array().into_iter().flatten() {
            state.drops += 1;
            let ended = end["session_id"].as_str();
            state.answers.retain(|_, kept| Some(kept.session.as_str()) != ended);
        }
        state.cursor = feed["next_cursor"].as_str().map(str::to_owned);
        state.heard_at = Some(asked_at);
    }

    /// Clears the cache, because the cursor has expired.
    pub(crate) fn drop_everything(&self) {
        let mut state = self.state();
        state.drops += 1;
        state.answers.clear();
        (state.cursor, state.heard_at) = (None, None);
    }
}
