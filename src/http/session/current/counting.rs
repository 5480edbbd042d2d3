//! Counts what a request does, where that is limited.

use uuid::Uuid;

use super::CurrentSession;
use crate::audit::{By, Event, Kind};
use crate::http::response::error::Problem;
use crate::sessions::Session;
use crate::throttle::Network;

impl CurrentSession {
    /// Counts the start of an anonymous session.
    pub(super) async fn count_start(&self) -> Result<(), Problem> {
        let Some(address) = self.0.sender.address else { return Ok(()) };
        let Err(wait) = self.0.writes.count_start(Network::of(address)) else { return Ok(()) };
        self.record_refusal(&By::anonymous(self.client()), "anonymous_sessions").await;
        let detail = "Too many new sessions from this network: try again in a moment.";
        Err(Problem { detail: detail.into(), ..Problem::too_many_attempts(wait) })
    }

    /// Counts a challenge for a passkey.
    pub(in crate::http) async fn count_ceremony(&self) -> Result<(), Problem> {
        let Some(address) = self.0.sender.address else { return Ok(()) };
        let Err(wait) = self.0.writes.count_ceremony(Network::of(address)) else { return Ok(()) };
        self.record_refusal(&By::anonymous(self.client()), "passkey_challenges").await;
        Err(Problem::too_many_attempts(wait))
    }

    /// Counts a change of the own account that is made in this session.
    pub(crate) async fn count_change(&self, session: Uuid, by: &By) -> Result<(), Problem> {
        let Err(wait) = self.0.writes.count_change(session) else { return Ok(()) };
        self.record_refusal(by, "own_changes").await;
        Err(Problem::too_many_attempts(wait))
    }

    /// Counts a write of the data of this session.
    pub(crate) fn count_data(&self, session: &Session) -> Result<(), Problem> {
        self.0.writes.count_data(session.id.as_uuid()).map_err(Problem::too_many_attempts)
    }

    async fn record_refusal(&self, by: &By, limit: &'static str) {
        let event = Event::new(Kind::Throttled, by).outcome("refused").with("limit", limit);
        self.0.audit.record([event]).await;
    }
}
