//! What a gateway keeps of sessions, and when it has to drop it.
//!
//! Three rules make it exact. Nothing is told while the feed has been silent for too long. An answer
//! that was asked for before an end was heard is not kept after it, for it may be from before that
//! end. And when a cursor has expired, everything is dropped.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Without word from the feed for this long, nothing is told from here.
const SILENCE: Duration = Duration::from_secs(5);
/// Names and addresses of people are not in the feed, and what is told from here is no activity of
/// the session: Anteroom is asked again after this time.
const LONGEST: time::Duration = time::Duration::SECOND.saturating_mul(30);

/// Answers of `GET /api/session`, by the cookie that they are about.
#[derive(Default)]
pub(crate) struct Cache(Mutex<State>);

#[derive(Default)]
struct State {
    /// Where the feed goes on; `None` while it is not followed.
    cursor: Option<String>,
    /// The latest instant of which it is known that the feed has told everything before it.
    heard_at: Option<Instant>,
    /// Counts whatever was dropped.
    drops: u64,
    answers: HashMap<String, Kept>,
}

struct Kept {
    session: String,
    answer: Value,
    until: OffsetDateTime,
}

/// To be taken before Anteroom is asked about a cookie.
pub(crate) struct Ticket(u64);

impl Cache {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the feed goes on; `None`: it begins.
    pub(crate) fn cursor(&self) -> Option<String> {
        self.state().cursor.clone()
    }

    /// The answer about this cookie, if it still holds.
    pub(crate) fn find(&self, cookie: &str, now: OffsetDateTime) -> Option<Value> {
        let state = self.state();
        let is_followed = state.heard_at.is_some_and(|at| at.elapsed() < SILENCE);
        let kept = state.answers.get(cookie).filter(|kept| is_followed && now < kept.until)?;
        Some(kept.answer.clone())
    }

    /// `None`: the feed is not followed, and nothing would be kept.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        let state = self.state();
        state.cursor.is_some().then_some(Ticket(state.drops))
    }

    /// Keeps an answer, unless something ended since it was asked for.
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

    /// Takes in an answer of the feed that was asked for at this instant.
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

    /// Begins anew: the cursor has expired.
    pub(crate) fn drop_everything(&self) {
        let mut state = self.state();
        state.drops += 1;
        state.answers.clear();
        (state.cursor, state.heard_at) = (None, None);
    }
}
