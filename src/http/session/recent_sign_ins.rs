//! Connections on which somebody signed in a moment ago and sent no cookie.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::sessions::TokenDigest;

/// The greatest age of a session whose browser is checked for cookies.
pub(in crate::http) const JUST_STARTED: Duration = Duration::minutes(1);
/// Upper bound of remembered connections; the oldest is dropped.
const MAX_CONNECTIONS: usize = 1024;

/// Connections with a recent sign-in and no cookie in the request. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct RecentSignIns(Arc<Mutex<VecDeque<RecentSignIn>>>);

/// A sign-in without a cookie.
pub(in crate::http) struct RecentSignIn {
    pub(in crate::http) connection: SocketAddr,
    pub(in crate::http) at: OffsetDateTime,
    pub(in crate::http) token: TokenDigest,
    /// Where its redirect led.
    pub(in crate::http) leads_to: String,
}

impl RecentSignIns {
    pub(in crate::http) fn add(&self, arrival: RecentSignIn) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.connection != arrival.connection);
        if all.len() >= MAX_CONNECTIONS {
            all.pop_front();
        }
        all.push_back(arrival);
    }

    /// The token of the recent sign-in of this connection, if its redirect led to `next`.
    pub(in crate::http) fn take(
        &self,
        connection: SocketAddr,
        next: &str,
        now: OffsetDateTime,
    ) -> Option<TokenDigest> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|one| one.connection == connection && one.leads_to == next)?;
        let RecentSignIn { at, token, .. } = all.remove(at)?;
        ((now - at).abs() < JUST_STARTED).then_some(token)
    }
}
