//! The state of one connection, and when it times out. Pure arithmetic: the caller passes the time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::options::ConnectionTimeouts;

/// The state of one connection, shared by its socket, its requests and its driver.
#[derive(Debug)]
pub(super) struct Activity(Mutex<ActivityState>);

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is set by another event")]
struct ActivityState {
    /// Requests whose response is not completely handed to the protocol.
    active_requests: usize,
    /// When the last of them ended, or the connection was accepted.
    idle_since: Instant,
    /// When the first byte of the next request arrived.
    reading_since: Option<Instant>,
    /// Whether it has had a request.
    had_request: bool,
    /// Whether its last request was HTTP/2.
    is_http2: bool,
    /// Responses with data that the client has yet to read.
    unread_responses: usize,
    /// Whether the send buffer of the socket is full.
    is_full: bool,
    /// When the client last read something, or when there was first something to read.
    progress: Instant,
    /// Whether the last request was answered before its body was read completely.
    has_unread_body: bool,
}

/// The action of the driver on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeoutDecision {
    /// Keep it. Nothing can time out before this instant.
    Keep(Instant),
    /// Its idle timeout has passed: shut it down gracefully.
    Idle,
    /// The client is too slow, with the reason: close it.
    TooSlow(&'static str),
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(ActivityState {
            active_requests: 0,
            idle_since: now,
            reading_since: None,
            had_request: false,
            is_http2: false,
            unread_responses: 0,
            is_full: false,
            progress: now,
            has_unread_body: false,
        }))
    }

    /// Bytes arrived.
    pub(super) fn read(&self, now: Instant) {
        let mut state = self.lock();
        if state.active_requests == 0 && state.reading_since.is_none() {
            state.reading_since = Some(now);
        }
    }

    /// The socket accepted bytes.
    pub(super) fn wrote(&self, now: Instant) {
        let mut state = self.lock();
        state.is_full = false;
        state.progress = now;
    }

    /// The send buffer of the socket is full.
    pub(super) fn write_blocked(&self, now: Instant) {
        let mut state = self.lock();
        if !state.is_full {
            state.is_full = true;
            state.progress = now;
        }
    }

    pub(super) fn request_started(&self, is_http2: bool) {
        let mut state = self.lock();
        state.active_requests += 1;
        state.reading_since = None;
        state.had_request = true;
        state.is_http2 = is_http2;
        state.has_unread_body = false;
    }

    pub(super) fn request_finished(&self, now: Instant) {
        let mut state = self.lock();
        state.active_requests -= 1;
        if state.active_requests == 0 {
            state.idle_since = now;
        }
    }

    /// A request is answered before its body was read completely.
    pub(super) fn body_left_unread(&self) {
        self.lock().has_unread_body = true;
    }

    /// Whether body bytes that no handler reads may still arrive.
    pub(super) fn has_unread_body(&self) -> bool {
        let state = self.lock();
        state.has_unread_body && !state.is_http2
    }

    /// The client read some of a response.
    pub(super) fn response_read(&self, now: Instant) {
        self.lock().progress = now;
    }

    /// One more response has data for the client.
    pub(super) fn response_ready(&self, now: Instant) {
        let mut state = self.lock();
        state.unread_responses += 1;
        state.progress = now;
    }

    /// One response has no more data for the client, for now or at all.
    pub(super) fn response_drained(&self, now: Instant) {
        let mut state = self.lock();
        state.unread_responses -= 1;
        state.progress = now;
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.active_requests == 0 && !state.is_full
    }

    pub(super) fn is_http2(&self) -> bool {
        self.lock().is_http2
    }

    pub(super) fn decide(&self, now: Instant, timeouts: &ConnectionTimeouts) -> TimeoutDecision {
        let state = self.lock();
        if state.is_full || state.unread_responses > 0 {
            let until = state.progress + timeouts.stalled;
            return if now < until {
                TimeoutDecision::Keep(until)
            } else {
                TimeoutDecision::TooSlow("the client does not read the response")
            };
        }
        if state.active_requests > 0 {
            return TimeoutDecision::Keep(now + timeouts.shortest());
        }
        if !state.had_request && now >= state.idle_since + timeouts.headers {
            return TimeoutDecision::TooSlow("no request arrived");
        }
        // HTTP/2 sends pings between requests.
        let reading = state.reading_since.filter(|_| !state.is_http2);
        if reading.is_some_and(|since| now >= since + timeouts.headers) {
            return TimeoutDecision::TooSlow("the request headers arrived too slowly");
        }
        let until = state.idle_since + timeouts.idle;
        if now >= until {
            return TimeoutDecision::Idle;
        }
        let since = if state.had_request { reading } else { Some(state.idle_since) };
        let headers_until = since.unwrap_or(now) + timeouts.headers;
        TimeoutDecision::Keep(until.min(headers_until))
    }

    fn lock(&self) -> MutexGuard<'_, ActivityState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
