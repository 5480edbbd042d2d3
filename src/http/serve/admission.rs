//! How many connections there may be, and which one goes when there is one too many.
//!
//! At a cap an idle connection makes room for a new one, so that whoever holds connections
//! without using them cannot keep others out. First those that brought no request within a second,
//! then those of browsers, then those that have only just come, and those of trusted proxies last;
//! among equals the longest idle.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::options::ServeOptions;
use crate::throttle::Network;

/// How often a full house is told of.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Counts connections, in all and per network.
pub(super) struct Admission {
    options: ServeOptions,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
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
    under_way: usize,
    served: bool,
    /// Its place among the idle ones, while it is one of them.
    order: Option<Order>,
    evicted: Arc<Notify>,
}

/// The connections of one network.
#[derive(Default)]
struct Neighbours {
    open: usize,
    idle: BTreeSet<Order>,
}

/// Who goes first: the rank, since when (as a count of events), and which connection.
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
        Self { options, held: Mutex::default() }
    }

    /// A place for a connection from this address; `None` where there is none, and nobody idle
    /// to make room.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let is_proxy = self.options.trusted_proxies.trusts(address.to_canonical());
        let network = (!is_proxy).then(|| Network::of(address));
        let mut held = self.lock();
        let place = held.has_room(network, &self.options).then(|| held.take(network));
        held.tell();
        let (id, evicted) = place?;
        Some(Place { admission: self.clone(), id, evicted, is_proxy })
    }

    /// Ends the idle connection that is needed least; `false` where there is none.
    pub(super) fn make_room(&self) -> bool {
        self.lock().evict(None, self.options.times.arriving)
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

    fn take(&mut self, network: Option<Network>) -> (u64, Arc<Notify>) {
        self.next += 1;
        let (id, evicted) = (self.next, Arc::new(Notify::new()));
        let (since, evicted_too) = (Instant::now(), evicted.clone());
        let taken = Taken {
            network,
            since,
            under_way: 0,
            served: false,
            order: None,
            evicted: evicted_too,
        };
        self.places.insert(id, taken);
        if let Some(network) = network {
            self.neighbours.entry(network).or_default().open += 1;
        }
        self.rest(id);
        (id, evicted)
    }

    /// The connection is idle from now on.
    fn rest(&mut self, id: u64) {
        self.next += 1;
        let Some(taken) = self.places.get_mut(&id) else { return };
        let rank = match (taken.network, taken.served) {
            (None, _) => Rank::Proxy,
            (Some(_), true) => Rank::Served,
            (Some(_), false) => Rank::NeverServed,
        };
        let order = Order(rank, self.next, id);
        taken.order = Some(order);
        self.idle.insert(order);
        let neighbours = taken.network.and_then(|network| self.neighbours.get_mut(&network));
        if let Some(neighbours) = neighbours {
            neighbours.idle.insert(order);
        }
    }

    /// The connection is no longer idle.
    fn rouse(&mut self, id: u64) {
        let Some(taken) = self.places.get_mut(&id) else { return };
        let Some(order) = taken.order.take() else { return };
        self.idle.remove(&order);
        let neighbours = taken.network.and_then(|network| self.neighbours.get_mut(&network));
        if let Some(neighbours) = neighbours {
            neighbours.idle.remove(&order);
        }
    }

    /// Takes the place from the first of the idle ones, of one network or of all.
    fn evict(&mut self, network: Option<Network>, arriving: Duration) -> bool {
        let idle = match network {
            Some(network) => self.neighbours.get(&network).map(|there| &there.idle),
            None => Some(&self.idle),
        };
        let Some(idle) = idle else { return false };
        let is_fresh = |order: &&Order| {
            let Order(rank, _, id) = order;
            let taken = self.places.get(id);
            *rank == Rank::NeverServed && taken.is_some_and(|t| t.since.elapsed() < arriving)
        };
        let first = idle.first();
        // The first is the oldest of its rank: if it is fresh, so are the others of it.
        let others = || idle.range(Order(Rank::Served, 0, 0)..Order(Rank::Proxy, 0, 0)).next();
        let chosen = if first.as_ref().is_some_and(is_fresh) { others().or(first) } else { first };
        let Some(&Order(_, _, id)) = chosen else { return false };
        if let Some(taken) = self.leave(id) {
            taken.evicted.notify_one();
            self.told.made_room += 1;
        }
        true
    }

    fn leave(&mut self, id: u64) -> Option<Taken> {
        self.rouse(id);
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
        if turned_away + made_room == 0 || at.is_some_and(|at| at.elapsed() < TELL_EVERY) {
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

/// The place of one connection; dropping it gives it back.
pub(super) struct Place {
    admission: Arc<Admission>,
    id: u64,
    evicted: Arc<Notify>,
    is_proxy: bool,
}

impl Place {
    /// Done when the place was needed for another.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    pub(super) fn is_proxy(&self) -> bool {
        self.is_proxy
    }

    /// One more request is under way on it.
    pub(super) fn began(&self) {
        let mut held = self.admission.lock();
        held.rouse(self.id);
        if let Some(taken) = held.places.get_mut(&self.id) {
            taken.under_way += 1;
            taken.served = true;
        }
    }

    /// One request less is.
    pub(super) fn ended(&self) {
        let mut held = self.admission.lock();
        let Some(taken) = held.places.get_mut(&self.id) else { return };
        taken.under_way -= 1;
        if taken.under_way == 0 {
            held.rest(self.id);
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
