//! What one listener allows.

use std::time::Duration;

use crate::network::TrustedProxies;

/// How many connections a listener keeps, and for how long.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// How many connections may be open at once. Past it an idle one makes room; where none is
    /// idle, the new one gets 503 and is closed.
    pub max_connections: usize,
    /// How many of them one network may have: an IPv4 address, an IPv6 /64.
    pub max_connections_per_network: usize,
    /// Proxies count among all connections only, and theirs may be idle for longer.
    pub trusted_proxies: TrustedProxies,
    /// When connections are ended.
    pub times: Times,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_connections_per_network: 256,
            trusted_proxies: TrustedProxies::default(),
            times: Times::default(),
        }
    }
}

/// When the server ends a connection by itself. A handler that thinks and an event stream that
/// has nothing to tell are waited for; only what the client owes is timed.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From the first byte of a request to the end of its headers, and from accepting a
    /// connection to its first request.
    pub headers: Duration,
    /// How long a new connection may take to bring a request before it is the first to go where
    /// there are too many.
    pub arriving: Duration,
    /// For a request body of any size, from when it is first read; every 16 KiB that arrive give
    /// one second more.
    pub body: Duration,
    /// How long a connection is kept without a request under way.
    pub idle: Duration,
    /// The same for trusted proxies. Longer than they keep connections themselves, so that they
    /// do not send a request just when we close.
    pub idle_of_proxies: Duration,
    /// How long an answer may wait for a client that reads nothing of it.
    pub stalled: Duration,
    /// When stopping: how long a kept connection may still bring the request that was on its way.
    pub last_words: Duration,
    /// When stopping: how long requests under way get to end.
    pub drain: Duration,
}

impl Default for Times {
    /// Ten seconds are plenty for headers and small bodies on a bad line. Sixty are what browsers
    /// reuse a connection within; common proxies keep theirs for 60, 90 or 120. Orchestrators
    /// kill ten seconds or later after asking, so the drain ends before.
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(10),
            arriving: Duration::from_secs(1),
            body: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            idle_of_proxies: Duration::from_secs(150),
            stalled: Duration::from_secs(30),
            last_words: Duration::from_millis(500),
            drain: Duration::from_secs(8),
        }
    }
}

impl Times {
    /// As a connection of a trusted proxy has them.
    pub(super) fn of_a_proxy(self) -> Self {
        Self { idle: self.idle_of_proxies, ..self }
    }

    /// The soonest that anything which begins now could be over.
    pub(super) fn shortest(&self) -> Duration {
        self.headers.min(self.idle).min(self.stalled)
    }
}
