//! The audit trail: rows are added, and the database refuses everything else until their time is
//! over (`retention.rs`).

use std::net::IpAddr;

use async_trait::async_trait;
use ipnet::IpNet;
use sqlx::FromRow;

use super::SqlDatabase;
use super::deliveries;
use super::engine::{Done, Row, Statement, in_one_step, statement};
use super::rows::uuid;
use crate::accounts::UserId;
use crate::audit::{Actor, AuditListing, AuditStore, By, Event, EventId, Kind, Recorded};
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
        in_one_step!(self.engine, write => {
            for event in events {
                write.execute(insert(event)?).await?;
                if event.is_announced {
                    deliveries::put(write, event).await?;
                }
            }
            Ok(Done::Commit(()))
        })
    }

    #[tracing::instrument(name = "store.audit.list", skip_all, err(level = "debug"))]
    async fn list(&self, listing: &AuditListing) -> Result<Vec<Recorded>, StoreError> {
        let rows = self.engine.rows(select(listing)).await?;
        rows.iter().map(recorded).collect()
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

/// What fits one condition or the other, as two walks along an index each: one condition with OR
/// would read all of a user's events before it could sort them.
macro_rules! newest_of_two {
    ($one:literal, $other:literal) => {
        concat!(
            "SELECT * FROM (",
            newest!($one),
            ") AS one UNION SELECT * FROM (",
            newest!($other),
            ") AS other ORDER BY event_id DESC LIMIT $2"
        )
    };
}

/// Sorts after every event.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

fn select(listing: &AuditListing) -> Statement {
    let select = statement(match (listing.user, listing.kind) {
        (None, None) => newest!("TRUE"),
        (None, Some(_)) => newest!("kind = $3"),
        (Some(_), None) => newest_of_two!("subject_id = $3", "actor_id = $3"),
        (Some(_), Some(_)) => {
            newest_of_two!("subject_id = $3 AND kind = $4", "actor_id = $3 AND kind = $4")
        }
    });
    let before = listing.before.map(|id| id.as_uuid().as_bytes().to_vec());
    let select = select.bind(before.unwrap_or_else(|| AFTER_ALL.to_vec())).bind(listing.limit);
    let select = match listing.user {
        Some(user) => select.bind(user),
        None => select,
    };
    match listing.kind {
        Some(kind) => select.bind(kind.as_str()),
        None => select,
    }
}

fn insert(recorded: &Recorded) -> Result<Statement, StoreError> {
    let Recorded { id, at, event, .. } = recorded;
    let (actor, actor_id) = match event.by.actor {
        Actor::User(id) => ("user", Some(id)),
        Actor::CommandLine => ("command_line", None),
        Actor::Server => ("server", None),
        Actor::Nobody => ("nobody", None),
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

#[derive(FromRow)]
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

fn recorded(row: &Row) -> Result<Recorded, StoreError> {
    let corrupt = || StoreError::Corrupt("an audit event");
    let row: EventRow = row.read()?;
    let user = |id: Option<Vec<u8>>| id.map(|id| uuid(&id).map(UserId::from_uuid)).transpose();
    let actor = match (row.actor.as_str(), user(row.actor_id)?) {
        ("user", Some(id)) => Actor::User(id),
        ("command_line", None) => Actor::CommandLine,
        ("server", None) => Actor::Server,
        ("nobody", None) => Actor::Nobody,
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

/// An address, or the network that it was shortened to.
fn network(text: &str) -> Option<(IpAddr, bool)> {
    let whole = text.parse().ok().map(|address| (address, false));
    whole.or_else(|| text.parse().ok().map(|network: IpNet| (network.addr(), true)))
}
