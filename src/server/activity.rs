//! What happens on one connection, and whose turn it is: the client's, and since when, or ours.
//! Pure arithmetic: the caller brings the time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::options::Times;

/// What one connection does. Shared by its socket, its requests and its driver.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen at another moment")]
struct State {
    /// Requests whose answer is not wholly handed over.
    under_way: usize,
    /// When the last of them ended, or the connection began.
    idle_since: Instant,
    /// When the first byte of the next request came.
    reading_since: Option<Instant>,
    /// Whether there ever was a request.
    served: bool,
    /// Whether it speaks HTTP/2, as far as a request has shown.
    multiplexed: bool,
    /// Answers of which the client has yet to take what is ready.
    owed: usize,
    /// Whether the socket takes no more for now.
    full: bool,
    /// When the client last took something, or was first given it.
    progress: Instant,
    /// Whether the last request was answered without reading all of its body.
    left_a_body: bool,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays; look again then, not before.
    Stays(Instant),
    /// It has been idle for long enough: end it in peace.
    Idle,
    /// The client owes something for too long.
    Overdue(&'static str),
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            under_way: 0,
            idle_since: now,
            reading_since: None,
            served: false,
            multiplexed: false,
            owed: 0,
            full: false,
            progress: now,
            left_a_body: false,
        }))
    }

    /// Bytes came.
    pub(super) fn read(&self, now: Instant) {
        let mut state = self.lock();
        if state.under_way == 0 && state.reading_since.is_none() {
            state.reading_since = Some(now);
        }
    }

    /// The socket took bytes.
    pub(super) fn wrote(&self, now: Instant) {
        let mut state = self.lock();
        state.full = false;
        state.progress = now;
    }

    /// The socket takes no more for now.
    pub(super) fn full(&self, now: Instant) {
        let mut state = self.lock();
        if !state.full {
            state.full = true;
            state.progress = now;
        }
    }

    pub(super) fn began(&self, multiplexed: bool) {
        let mut state = self.lock();
        state.under_way += 1;
        state.reading_since = None;
        state.served = true;
        state.multiplexed = multiplexed;
        state.left_a_body = false;
    }

    pub(super) fn ended(&self, now: Instant) {
        let mut state = self.lock();
        state.under_way -= 1;
        if state.under_way == 0 {
            state.idle_since = now;
        }
    }

    /// A request is answered without reading all of its body.
    pub(super) fn left_a_body(&self) {
        self.lock().left_a_body = true;
    }

    /// Whether a body may still be on its way that nobody reads.
    pub(super) fn has_left_a_body(&self) -> bool {
        let state = self.lock();
        state.left_a_body && !state.multiplexed
    }

    /// The client took some of an answer.
    pub(super) fn took(&self, now: Instant) {
        self.lock().progress = now;
    }

    /// One more answer has something ready for the client.
    pub(super) fn owes(&self, now: Instant) {
        let mut state = self.lock();
        state.owed += 1;
        state.progress = now;
    }

    /// One answer less has.
    pub(super) fn settled(&self, now: Instant) {
        let mut state = self.lock();
        state.owed -= 1;
        state.progress = now;
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.under_way == 0 && !state.full
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.lock().multiplexed
    }

    pub(super) fn judge(&self, now: Instant, times: &Times) -> Verdict {
        let state = self.lock();
        if state.full || state.owed > 0 {
            let until = state.progress + times.stalled;
            return if now < until {
                Verdict::Stays(until)
            } else {
                Verdict::Overdue("it does not read what it asked for")
            };
        }
        if state.under_way > 0 {
            return Verdict::Stays(now + times.shortest());
        }
        if !state.served && now >= state.idle_since + times.headers {
            return Verdict::Overdue("no request came");
        }
        // Between two requests of HTTP/2 there are pings.
        let reading = state.reading_since.filter(|_| !state.multiplexed);
        if reading.is_some_and(|since| now >= since + times.headers) {
            return Verdict::Overdue("the headers of a request came too slowly");
        }
        let until = state.idle_since + times.idle;
        if now >= until {
            return Verdict::Idle;
        }
        let begun = if state.served { reading } else { Some(state.idle_since) };
        let awaited = begun.map_or(now, |since| since) + times.headers;
        Verdict::Stays(until.min(awaited))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
