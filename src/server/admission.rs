//! Connection limits: one in total, and one per client network.
//!
//! At a limit the connection that has been idle longest is closed, so that unused connections keep
//! no client out. If none is idle, the new connection is rejected. Trusted proxies count in the
//! total only.
//!
//! Requests take no lock: they update atomics of their slot, which are read at a limit only.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::options::ServeOptions;
use crate::throttle::Network;

/// Interval between two "connection limit reached" log lines.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// Counts connections, in total and per network.
pub(super) struct Admission {
    options: ServeOptions,
    opened: Instant,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    next_id: u64,
    total: usize,
    /// By network; those of trusted proxies are under `None`.
    networks: HashMap<Option<Network>, HashMap<u64, Arc<SlotState>>>,
    report: Report,
}

/// The state that requests update on their connection.
struct SlotState {
    active_requests: AtomicUsize,
    /// Nanoseconds since [`Admission::opened`].
    idle_since: AtomicU64,
    evicted: Notify,
}

/// Counts since the last log line.
#[derive(Clone, Copy, Default)]
struct Report {
    rejected: u64,
    evicted: u64,
    logged_at: Option<Instant>,
}

impl Admission {
    pub(super) fn new(options: ServeOptions) -> Self {
        Self { options, opened: Instant::now(), connections: Mutex::default() }
    }

    /// A slot for a connection from this address. `None` at a limit with no idle connection.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionSlot> {
        let is_proxy = self.options.trusted_proxies.trusts(address.to_canonical());
        let network = (!is_proxy).then(|| Network::of(address));
        let mut connections = self.lock();
        let now = self.nanoseconds(Instant::now());
        let added =
            connections.has_room(network, &self.options).then(|| connections.add(network, now));
        connections.log();
        let (id, state) = added?;
        Some(ConnectionSlot { admission: self.clone(), id, network, state })
    }

    /// Closes the connection that has been idle longest, one of a trusted proxy only if no other
    /// is idle. `false` if none is idle.
    pub(super) fn evict_one(&self) -> bool {
        self.lock().evict_from_all()
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_nanos()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// Whether one more fits, after an eviction where one is needed.
    fn has_room(&mut self, network: Option<Network>, options: &ServeOptions) -> bool {
        let open = self.networks.get(&network).map_or(0, HashMap::len);
        let fits_network = network.is_none()
            || open < options.max_connections_per_network
            || self.evict_from(network);
        let fits = fits_network && (self.total < options.max_connections || self.evict_from_all());
        if !fits {
            self.report.rejected += 1;
        }
        fits
    }

    fn add(&mut self, network: Option<Network>, now: u64) -> (u64, Arc<SlotState>) {
        self.next_id += 1;
        self.total += 1;
        let state = Arc::new(SlotState {
            active_requests: AtomicUsize::new(0),
            idle_since: AtomicU64::new(now),
            evicted: Notify::new(),
        });
        self.networks.entry(network).or_default().insert(self.next_id, state.clone());
        (self.next_id, state)
    }

    fn remove(&mut self, network: Option<Network>, id: u64) -> Option<Arc<SlotState>> {
        let connections = self.networks.get_mut(&network)?;
        let state = connections.remove(&id)?;
        if connections.is_empty() {
            self.networks.remove(&network);
        }
        self.total -= 1;
        Some(state)
    }

    fn evict_from(&mut self, network: Option<Network>) -> bool {
        let connections = self.networks.get(&network);
        let longest = connections.and_then(longest_idle).map(|(_, id)| id);
        longest.is_some_and(|id| self.evict(network, id))
    }

    fn evict_from_all(&mut self) -> bool {
        let idle = self.networks.iter().filter_map(|(network, connections)| {
            longest_idle(connections).map(|(since, id)| (since, id, *network))
        });
        // A proxy that reuses a connection just as it closes answers 502 to somebody.
        let longest = idle.min_by_key(|(since, id, network)| (network.is_none(), *since, *id));
        longest.is_some_and(|(_, id, network)| self.evict(network, id))
    }

    fn evict(&mut self, network: Option<Network>, id: u64) -> bool {
        let Some(state) = self.remove(network, id) else { return false };
        state.evicted.notify_one();
        self.report.evicted += 1;
        true
    }

    /// One line a minute, however many connections come.
    fn log(&mut self) {
        let Report { rejected, evicted, logged_at } = self.report;
        let is_recent = logged_at.is_some_and(|at| at.elapsed() < REPORT_INTERVAL);
        if rejected + evicted == 0 || is_recent {
            return;
        }
        tracing::warn!(
            rejected,
            evicted,
            "connection limit reached: idle connections are closed, new ones are rejected if none \
             is idle; see ANTEROOM_MAX_CONNECTIONS and ANTEROOM_MAX_CONNECTIONS_PER_NETWORK"
        );
        self.report = Report { logged_at: Some(Instant::now()), ..Report::default() };
    }
}

/// The connection that has been idle longest: since when, and its id.
fn longest_idle(connections: &HashMap<u64, Arc<SlotState>>) -> Option<(u64, u64)> {
    let idle = connections
        .iter()
        .filter(|(_, state)| state.active_requests.load(Ordering::Acquire) == 0)
        .map(|(id, state)| (state.idle_since.load(Ordering::Relaxed), *id));
    idle.min()
}

/// The slot of one open connection. Dropping it frees the slot.
pub(super) struct ConnectionSlot {
    admission: Arc<Admission>,
    id: u64,
    /// `None` for a trusted proxy.
    network: Option<Network>,
    state: Arc<SlotState>,
}

impl ConnectionSlot {
    /// Completes when the connection must close to make room.
    pub(super) async fn evicted(&self) {
        self.state.evicted.notified().await;
    }

    pub(super) fn is_proxy(&self) -> bool {
        self.network.is_none()
    }

    pub(super) fn request_started(&self) {
        self.state.active_requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn request_finished(&self, now: Instant) {
        self.state.idle_since.store(self.admission.nanoseconds(now), Ordering::Relaxed);
        // Release: an observer of zero requests also sees the new idle time.
        self.state.active_requests.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.admission.lock().remove(self.network, self.id);
    }
}

#[cfg(test)]
mod tests;
