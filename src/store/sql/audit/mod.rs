//! The audit store. Rows are only inserted; triggers refuse changes until the retention period is
//! over (`retention.rs`).

pub(super) mod retention;

use std::net::IpAddr;

use async_trait::async_trait;
use ipnet::IpNet;

use super::engine::{Finish, SqlRow, Statement, from_columns, in_transaction, statement};
use super::rows::uuid;
use super::{SqlDatabase, webhook};
use crate::accounts::UserId;
use crate::audit::{Actor, Along, AuditStore, AuditWalk, By, Event, EventId, Kind, Recorded};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{Client, SessionId};

#[async_trait]
impl AuditStore for SqlDatabase {
    #[tracing::instrument(name = "store.audit.append", skip_all, err(level = "debug"))]
    async fn append(&self, events: &[Recorded]) -> Result<(), StoreError> {
        if let [event] = events
            && !event.is_announced
        {
            return self.engine.execute(insert(event)?).await.map(drop);
        }
        in_transaction!(self.engine, tx => {
            for event in events {
                tx.execute(insert(event)?).await?;
                if event.is_announced {
                    webhook::put(tx, event).await?;
                }
            }
            Ok(Finish::Commit(()))
        })
    }

    #[tracing::instrument(name = "store.audit.walk", skip_all, err(level = "debug"))]
    async fn walk(&self, walk: &AuditWalk) -> Result<Vec<Recorded>, StoreError> {
        let rows = self.engine.rows(select(walk)).await?;
        rows.iter().map(recorded).collect()
    }

    #[tracing::instrument(name = "store.audit.count", skip_all, err(level = "debug"))]
    async fn count(&self, kind: Kind, (from, to): (EventId, EventId)) -> Result<u64, StoreError> {
        let count = statement(COUNT).bind(kind.as_str()).bind(from).bind(to);
        let number: i64 = self.engine.one_row(count).await?.get(0)?;
        u64::try_from(number).map_err(|_| StoreError::Corrupt("a number of events"))
    }

    async fn last_settings(&self) -> Result<Option<String>, StoreError> {
        let kept = statement("SELECT value FROM facts WHERE name = 'settings'");
        self.engine.row(kept).await?.map(|row| row.get(0)).transpose()
    }

    async fn keep_settings(&self, settings: &str) -> Result<(), StoreError> {
        let keep = statement(
            "INSERT INTO facts (name, value) VALUES ('settings', $1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        );
        self.engine.execute(keep.bind(settings)).await.map(drop)
    }
}

/// The newest events before `$1` that fit a condition, at most `$2`.
macro_rules! newest {
    ($condition:literal) => {
        concat!(
            "SELECT event_id, occurred_at, kind, actor, actor_id, subject_id, session_id, network, ",
            "user_agent, outcome, details FROM audit_events WHERE event_id < $1 AND ",
            $condition,
            " ORDER BY event_id DESC LIMIT $2"
        )
    };
}

pub(super) const OF_ALL: &str = newest!("TRUE");
pub(super) const OF_SUBJECT: &str = newest!("subject_id = $3");
pub(super) const OF_ACTOR: &str = newest!("actor_id = $3");
pub(super) const OF_SESSION: &str = newest!("session_id = $3");
pub(super) const OF_NETWORK: &str = newest!("network = $3");
pub(super) const OF_KIND: &str = newest!("kind = $3");

/// Answered from the index by kind; stops at a million.
pub(super) const COUNT: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM audit_events WHERE kind = $1 \
                     AND event_id >= $2 AND event_id < $3 LIMIT 1000000) AS counted";

/// Sorts after every event.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

fn select(walk: &AuditWalk) -> Statement {
    let before =
        walk.before.map_or_else(|| AFTER_ALL.to_vec(), |id| id.as_uuid().as_bytes().to_vec());
    let newest = |text: &'static str| statement(text).bind(before).bind(walk.limit);
    match walk.along {
        Along::Everything => newest(OF_ALL),
        Along::Subject(user) => newest(OF_SUBJECT).bind(user),
        Along::Actor(user) => newest(OF_ACTOR).bind(user),
        Along::Session(session) => newest(OF_SESSION).bind(session),
        Along::Network(address) => newest(OF_NETWORK).bind(address.to_string()),
        Along::Kind(kind) => newest(OF_KIND).bind(kind.as_str()),
    }
}

fn insert(recorded: &Recorded) -> Result<Statement, StoreError> {
    let Recorded { id, at, event, .. } = recorded;
    let (actor, actor_id) = match event.by.actor {
        Actor::User(id) => ("user", Some(id)),
        Actor::CommandLine => ("command_line", None),
        Actor::Server => ("server", None),
        Actor::Anonymous => ("nobody", None),
    };
    let details = serde_json::to_string(&event.details).map_err(StoreError::backend)?;
    let insert = statement(
        "INSERT INTO audit_events (event_id, occurred_at, kind, actor, actor_id, subject_id, \
         session_id, network, user_agent, outcome, details) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    );
    Ok(insert
        .bind(*id)
        .bind(*at)
        .bind(event.kind.as_str())
        .bind(actor)
        .bind(actor_id)
        .bind(event.subject)
        .bind(event.session)
        .bind(recorded.network())
        .bind(event.by.client.user_agent.as_str())
        .bind(&*event.outcome)
        .bind(details))
}

struct EventRow {
    event_id: Vec<u8>,
    occurred_at: i64,
    kind: String,
    actor: String,
    actor_id: Option<Vec<u8>>,
    subject_id: Option<Vec<u8>>,
    session_id: Option<Vec<u8>>,
    network: Option<String>,
    user_agent: String,
    outcome: String,
    details: String,
}

from_columns!(EventRow {
    event_id,
    occurred_at,
    kind,
    actor,
    actor_id,
    subject_id,
    session_id,
    network,
    user_agent,
    outcome,
    details
});

fn recorded(row: &SqlRow) -> Result<Recorded, StoreError> {
    let corrupt = || StoreError::Corrupt("an audit event");
    let row: EventRow = row.read()?;
    let user = |id: Option<Vec<u8>>| id.map(|id| uuid(&id).map(UserId::from_uuid)).transpose();
    let actor = match (row.actor.as_str(), user(row.actor_id)?) {
        ("user", Some(id)) => Actor::User(id),
        ("command_line", None) => Actor::CommandLine,
        ("server", None) => Actor::Server,
        ("nobody", None) => Actor::Anonymous,
        _ => return Err(corrupt()),
    };
    let session = row.session_id.map(|id| uuid(&id).map(SessionId::from_uuid)).transpose()?;
    let network = row.network.map(|text| network(&text).ok_or_else(corrupt)).transpose()?;
    let ip_address = network.map(|(address, _)| address);
    let client = Client { ip_address, user_agent: row.user_agent };
    Ok(Recorded {
        id: EventId::from_uuid(uuid(&row.event_id)?),
        at: from_unix_milliseconds(row.occurred_at),
        event: Event {
            kind: Kind::parse(&row.kind).ok_or_else(corrupt)?,
            by: By { actor, session, client },
            subject: user(row.subject_id)?,
            session,
            outcome: row.outcome.into(),
            details: serde_json::from_str(&row.details).map_err(|_| corrupt())?,
        },
        is_announced: false,
        is_shortened: network.is_some_and(|(_, is_shortened)| is_shortened),
    })
}

/// Parses an address, or the network that it was shortened to.
fn network(text: &str) -> Option<(IpAddr, bool)> {
    let whole = text.parse().ok().map(|address| (address, false));
    whole.or_else(|| text.parse().ok().map(|network: IpNet| (network.addr(), true)))
}
