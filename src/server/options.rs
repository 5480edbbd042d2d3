//! Limits and timeouts of one listener.

use std::time::Duration;

use crate::network::TrustedProxies;

/// Limits and timeouts of one listener.
///
/// ```
/// let options = anteroom::ServeOptions { max_connections: 1000, ..Default::default() };
/// assert_eq!(options.max_connections_per_network, 256);
/// ```
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Open connections at once. At the limit the longest idle one is closed. If none is idle, the
    /// new one gets 503 and is closed. Default: 4096.
    pub max_connections: usize,
    /// Open connections of one network: an IPv4 address, an IPv6 /64. Default: 256.
    pub max_connections_per_network: usize,
    /// Proxies count in the total only, and may be idle for longer.
    pub trusted_proxies: TrustedProxies,
    /// Timeouts of a connection.
    pub timeouts: ConnectionTimeouts,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_connections_per_network: 256,
            trusted_proxies: TrustedProxies::default(),
            timeouts: ConnectionTimeouts::default(),
        }
    }
}

/// When the server closes a connection. Only the client is timed: a slow handler and a silent event
/// stream may take as long as they need.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimeouts {
    /// From the first byte of a request to the end of its headers, and from accepting a
    /// connection to its first request.
    pub headers: Duration,
    /// For a request body of any size, from its first read. Each 16 KiB that arrive add one second.
    pub body: Duration,
    /// For a connection without an active request.
    pub idle: Duration,
    /// Like `idle`, for trusted proxies. Longer than proxies keep idle connections themselves, so
    /// that they do not send a request while the server closes.
    pub proxy_idle: Duration,
    /// For a response of which the client reads nothing.
    pub stalled: Duration,
    /// During shutdown: how long an idle connection may still deliver a request that was on its way.
    pub last_request: Duration,
    /// During shutdown: how long active requests may take.
    pub drain: Duration,
}

impl Default for ConnectionTimeouts {
    /// Browsers reuse connections for 60 seconds; common proxies for 60, 90 or 120. Orchestrators
    /// kill a process 10 seconds after SIGTERM or later, so the drain ends before.
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            proxy_idle: Duration::from_secs(150),
            stalled: Duration::from_secs(30),
            last_request: Duration::from_millis(500),
            drain: Duration::from_secs(8),
        }
    }
}

impl ConnectionTimeouts {
    /// The timeouts of a trusted proxy's connection.
    pub(super) fn for_proxy(self) -> Self {
        Self { idle: self.proxy_idle, ..self }
    }

    /// The shortest timeout that an event from now on could start.
    pub(super) fn shortest(&self) -> Duration {
        self.headers.min(self.idle).min(self.stalled)
    }
}
