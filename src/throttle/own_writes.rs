//! Limits of cheap writes, which would otherwise fill the database and the audit trail. Counted in
//! the memory of each server.

use std::num::NonZeroU32;
use std::time::Duration;

use uuid::Uuid;

use super::{KeyedThrottle, Network, NetworkThrottle};
use crate::clock::Clock;

const fn times(count: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(count.saturating_sub(1))
}

/// Anonymous sessions that one network may start in a minute.
const STARTS_PER_MINUTE: NonZeroU32 = times(30);
/// Challenges for passkeys that one network may get in a minute. Each page for signing in asks for
/// one.
const CEREMONIES_PER_MINUTE: NonZeroU32 = times(120);
/// Changes of the own account in one session: burst, then per minute. Counted by session, so that
/// a stolen session cannot keep the owner from ending it.
const CHANGES: (NonZeroU32, NonZeroU32) = (times(60), times(6));
/// Writes of the data of one session: burst, then per minute.
const DATA: (NonZeroU32, NonZeroU32) = (times(600), times(600));

/// The limits of cheap writes.
pub struct OwnWrites {
    starts: NetworkThrottle,
    ceremonies: NetworkThrottle,
    /// `None`: no limit.
    changes: Option<KeyedThrottle<Uuid>>,
    data: Option<KeyedThrottle<Uuid>>,
}

impl OwnWrites {
    /// With `limits_accounts` false, only starts of anonymous sessions and challenges are limited.
    #[must_use]
    pub fn new(limits_accounts: bool, clock: &Clock) -> Self {
        let limit = |(at_once, per_minute)| {
            limits_accounts.then(|| KeyedThrottle::bursting(at_once, per_minute, clock.clone()))
        };
        let starts = NetworkThrottle::per_minute(STARTS_PER_MINUTE, clock.clone());
        let ceremonies = NetworkThrottle::per_minute(CEREMONIES_PER_MINUTE, clock.clone());
        Self { starts, ceremonies, changes: limit(CHANGES), data: limit(DATA) }
    }

    /// Counts the start of an anonymous session.
    ///
    /// # Errors
    /// How long to wait when it is one too many.
    pub fn count_start(&self, network: Network) -> Result<(), Duration> {
        self.starts.count(&network)
    }

    /// Counts a challenge for a passkey.
    ///
    /// # Errors
    /// How long to wait when it is one too many.
    pub fn count_ceremony(&self, network: Network) -> Result<(), Duration> {
        self.ceremonies.count(&network)
    }

    /// Counts a change of the own account that is made in this session.
    ///
    /// # Errors
    /// How long to wait when it is one too many.
    pub fn count_change(&self, session: Uuid) -> Result<(), Duration> {
        self.changes.as_ref().map_or(Ok(()), |changes| changes.count(&session))
    }

    /// Counts a write of the data of a session.
    ///
    /// # Errors
    /// How long to wait when it is one too many.
    pub fn count_data(&self, session: Uuid) -> Result<(), Duration> {
        self.data.as_ref().map_or(Ok(()), |data| data.count(&session))
    }

    /// Deletes counters that have expired.
    pub fn sweep(&self) {
        self.starts.sweep();
        self.ceremonies.sweep();
        self.changes.iter().chain(&self.data).for_each(KeyedThrottle::sweep);
    }
}
