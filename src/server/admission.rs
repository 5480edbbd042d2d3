//! How many connections there may be, and which one goes when there is one too many.
//!
//! At a cap an idle connection makes room for a new one, so that whoever holds connections
//! without using them cannot keep others out. First those that brought no request within a second,
//! then those of browsers, then those that have only just come, and those of trusted proxies last;
//! among equals the longest idle.
//!
//! Requests after the first take no lock here: they leave signs on their connection, and the order of the idle is
//! put right by whoever needs it, as far as it is needed.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::options::ServeOptions;
use crate::throttle::Network;

/// How often a full server is told of.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// Counts connections, in all and per network.
pub(super) struct Admission {
    options: ServeOptions,
    opened: Instant,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The id of the next connection.
    next: u64,
    places: HashMap<u64, Taken>,
    neighbours: HashMap<Network, Neighbours>,
    idle: BTreeSet<Order>,
    told: Told,
}

/// One connection.
struct Taken {
    /// `None` for a trusted proxy.
    network: Option<Network>,
    since: Instant,
    signs: Arc<Signs>,
    /// As what it stands among the idle ones, if it does: it may have been busy since.
    filed: Option<Order>,
}

/// What requests leave on their connection.
struct Signs {
    under_way: AtomicUsize,
    served: AtomicBool,
    /// In nanoseconds from the opening on.
    idle_since: AtomicU64,
    /// Whether it stands among the idle ones. If not, it has to come back when it is idle.
    is_filed: AtomicBool,
    evicted: Notify,
}

/// The connections of one network.
#[derive(Default)]
struct Neighbours {
    open: usize,
    idle: BTreeSet<Order>,
}

/// Who goes first: the rank, since when it is idle, and which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order(Rank, u64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    NeverServed,
    Served,
    Proxy,
}

/// What happened at the caps since it was last told.
#[derive(Clone, Copy, Default)]
struct Told {
    turned_away: u64,
    made_room: u64,
    at: Option<Instant>,
}

impl Admission {
    pub(super) fn new(options: ServeOptions) -> Self {
        Self { options, opened: Instant::now(), held: Mutex::default() }
    }

    /// A place for a connection from this address; `None` where there is none, and nobody idle
    /// to make room.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let is_proxy = self.options.trusted_proxies.trusts(address.to_canonical());
        let network = (!is_proxy).then(|| Network::of(address));
        let mut held = self.lock();
        let now = Instant::now();
        let place = held
            .has_room(network, &self.options)
            .then(|| held.take(network, now, self.nanoseconds(now)));
        held.tell();
        let (id, signs) = place?;
        Some(Place { admission: self.clone(), id, signs, is_proxy })
    }

    /// Ends the idle connection that is needed least; `false` where there is none.
    pub(super) fn make_room(&self) -> bool {
        self.lock().evict(None, self.options.times.arriving)
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_nanos()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Whether one more fits, after an idle one has made room where that was needed.
    fn has_room(&mut self, network: Option<Network>, options: &ServeOptions) -> bool {
        let neighbours = network.and_then(|network| self.neighbours.get(&network));
        let open = neighbours.map_or(0, |neighbours| neighbours.open);
        let arriving = options.times.arriving;
        let room_there =
            open < options.max_connections_per_network || self.evict(network, arriving);
        let room = room_there
            && (self.places.len() < options.max_connections || self.evict(None, arriving));
        if !room {
            self.told.turned_away += 1;
        }
        room
    }

    fn take(&mut self, network: Option<Network>, now: Instant, idle: u64) -> (u64, Arc<Signs>) {
        self.next += 1;
        let id = self.next;
        let signs = Arc::new(Signs {
            under_way: AtomicUsize::new(0),
            served: AtomicBool::new(false),
            idle_since: AtomicU64::new(idle),
            is_filed: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        let taken = Taken { network, since: now, signs: signs.clone(), filed: None };
        self.places.insert(id, taken);
        if let Some(network) = network {
            self.neighbours.entry(network).or_default().open += 1;
        }
        self.file(id);
        (id, signs)
    }

    /// Puts the connection among the idle ones, as what it is now.
    fn file(&mut self, id: u64) {
        self.unfile(id);
        let Some(taken) = self.places.get_mut(&id) else { return };
        let order = taken.order(id);
        taken.filed = Some(order);
        taken.signs.is_filed.store(true, Ordering::SeqCst);
        self.idle.insert(order);
        let neighbours = taken.network.and_then(|network| self.neighbours.get_mut(&network));
        if let Some(neighbours) = neighbours {
            neighbours.idle.insert(order);
        }
    }

    /// Takes the connection out from the idle ones.
    fn unfile(&mut self, id: u64) {
        let Some(taken) = self.places.get_mut(&id) else { return };
        let Some(order) = taken.filed.take() else { return };
        taken.signs.is_filed.store(false, Ordering::SeqCst);
        self.idle.remove(&order);
        let neighbours = taken.network.and_then(|network| self.neighbours.get_mut(&network));
        if let Some(neighbours) = neighbours {
            neighbours.idle.remove(&order);
        }
    }

    /// Whether the connection is idle and stands where it should. If not, it is put right.
    fn is_in_order(&mut self, order: Order) -> bool {
        let Order(_, _, id) = order;
        let Some(taken) = self.places.get(&id) else { return false };
        let signs = taken.signs.clone();
        let is_idle = || signs.under_way.load(Ordering::SeqCst) == 0;
        if is_idle() {
            let stands_right = taken.order(id) == order;
            if !stands_right {
                self.file(id);
            }
            return stands_right;
        }
        self.unfile(id);
        // Its last request may have ended before that, and not have seen that it has to come back.
        if is_idle() {
            self.file(id);
        }
        false
    }

    /// Takes the place from the first of the idle ones, of one network or of all.
    fn evict(&mut self, network: Option<Network>, arriving: Duration) -> bool {
        while let Some(order) = self.first_to_go(network, arriving) {
            if !self.is_in_order(order) {
                continue;
            }
            let Order(_, _, id) = order;
            if let Some(taken) = self.leave(id) {
                taken.signs.evicted.notify_one();
                self.told.made_room += 1;
            }
            return true;
        }
        false
    }

    fn first_to_go(&self, network: Option<Network>, arriving: Duration) -> Option<Order> {
        let idle = match network {
            Some(network) => &self.neighbours.get(&network)?.idle,
            None => &self.idle,
        };
        let is_fresh = |order: &Order| {
            let Order(rank, _, id) = order;
            let taken = self.places.get(id);
            *rank == Rank::NeverServed && taken.is_some_and(|t| t.since.elapsed() < arriving)
        };
        let first = idle.first()?;
        // The first is the oldest of its rank: if it is fresh, so are the others of it.
        let others = || idle.range(Order(Rank::Served, 0, 0)..Order(Rank::Proxy, 0, 0)).next();
        let chosen = if is_fresh(first) { others().unwrap_or(first) } else { first };
        Some(*chosen)
    }

    fn leave(&mut self, id: u64) -> Option<Taken> {
        self.unfile(id);
        let taken = self.places.remove(&id)?;
        if let Some(network) = taken.network
            && let Some(neighbours) = self.neighbours.get_mut(&network)
        {
            neighbours.open -= 1;
            if neighbours.open == 0 {
                self.neighbours.remove(&network);
            }
        }
        Some(taken)
    }

    /// One line a minute, however many come.
    fn tell(&mut self) {
        let Told { turned_away, made_room, at } = self.told;
        if turned_away + made_room == 0 || at.is_some_and(|at| at.elapsed() < REPORT_INTERVAL) {
            return;
        }
        tracing::warn!(
            turned_away,
            made_room,
            "the caps on connections are reached: idle ones are closed, and where none is idle \
             new ones turned away; see ANTEROOM_MAX_CONNECTIONS and \
             ANTEROOM_MAX_CONNECTIONS_PER_NETWORK"
        );
        self.told = Told { at: Some(Instant::now()), ..Told::default() };
    }
}

impl Taken {
    /// As what it stands among the idle ones, if it is idle.
    fn order(&self, id: u64) -> Order {
        let rank = match (self.network, self.signs.served.load(Ordering::Relaxed)) {
            (None, _) => Rank::Proxy,
            (Some(_), true) => Rank::Served,
            (Some(_), false) => Rank::NeverServed,
        };
        Order(rank, self.signs.idle_since.load(Ordering::Relaxed), id)
    }
}

/// The place of one connection; dropping it gives it back.
pub(super) struct Place {
    admission: Arc<Admission>,
    id: u64,
    signs: Arc<Signs>,
    is_proxy: bool,
}

impl Place {
    /// Done when the place was needed for another.
    pub(super) async fn evicted(&self) {
        self.signs.evicted.notified().await;
    }

    pub(super) fn is_proxy(&self) -> bool {
        self.is_proxy
    }

    /// One more request is under way on it.
    pub(super) fn began(&self) {
        self.signs.under_way.fetch_add(1, Ordering::SeqCst);
        // Once in its life: among those that never brought a request, nobody may have.
        if !self.signs.served.swap(true, Ordering::Relaxed) {
            self.admission.lock().file(self.id);
        }
    }

    /// One request less is.
    pub(super) fn ended(&self, now: Instant) {
        let signs = &self.signs;
        signs.idle_since.store(self.admission.nanoseconds(now), Ordering::Relaxed);
        let is_idle = signs.under_way.fetch_sub(1, Ordering::SeqCst) == 1;
        // Only once somebody had to make room, and found this one busy.
        if is_idle && !signs.is_filed.load(Ordering::SeqCst) {
            self.admission.lock().file(self.id);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.lock().leave(self.id);
    }
}

#[cfg(test)]
mod tests;
