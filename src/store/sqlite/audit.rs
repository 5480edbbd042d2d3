//! The audit trail on the file: rows are added, and the database refuses everything else.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, Sqlite, SqlitePool};

use super::SqliteDatabase;
use super::ending::Write;
use super::rows::{failed, id_bytes, milliseconds, uuid};
use super::sessions::commit;
use crate::accounts::UserId;
use crate::audit::{Actor, AuditListing, AuditStore, By, Event, EventId, Kind, Recorded};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{Client, SessionId};

/// Keeps what is recorded as it is, also from a mistake in this program or at the database's own
/// shell. The third one is for `INSERT OR REPLACE`, which deletes without asking the second. They
/// are not part of the migrations, because no two databases write triggers alike.
const APPEND_ONLY: [&str; 3] = [
    "CREATE TRIGGER IF NOT EXISTS audit_events_stay_as_they_are BEFORE UPDATE ON audit_events \
     BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_events_stay BEFORE DELETE ON audit_events \
     BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_events_are_not_replaced BEFORE INSERT ON audit_events \
     WHEN EXISTS (SELECT 1 FROM audit_events WHERE event_id = NEW.event_id) \
     BEGIN SELECT RAISE(ABORT, 'audit events are never replaced'); END",
];

/// Makes the table refuse changes, unless it does already.
pub(super) async fn forbid_changes(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    for trigger in APPEND_ONLY {
        sqlx::query(trigger).execute(writer).await?;
    }
    Ok(())
}

#[async_trait]
impl AuditStore for SqliteDatabase {
    #[tracing::instrument(name = "store.audit.append", skip_all, err(level = "debug"))]
    async fn append(&self, events: &[Recorded]) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        for event in events {
            insert(&mut write, event).await?;
        }
        commit(write).await
    }

    #[tracing::instrument(name = "store.audit.list", skip_all, err(level = "debug"))]
    async fn list(&self, listing: &AuditListing) -> Result<Vec<Recorded>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("");
        match listing.user {
            None => select(&mut query, listing, None),
            // Two walks along an index each: one condition with OR would read all of a user's
            // events before it could sort them.
            Some(user) => {
                query.push("SELECT * FROM (");
                select(&mut query, listing, Some((Part::Subject, user)));
                query.push(") AS about_them UNION SELECT * FROM (");
                select(&mut query, listing, Some((Part::Actor, user)));
                query.push(") AS by_them ORDER BY event_id DESC LIMIT ");
                query.push_bind(i64::from(listing.limit));
            }
        }
        let rows = query.build().fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(recorded).collect()
    }

    async fn last_settings(&self) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT value FROM facts WHERE name = 'settings'")
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.map(|row| row.try_get(0).map_err(failed)).transpose()
    }

    async fn keep_settings(&self, settings: &str) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO facts (name, value) VALUES ('settings', $1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(settings)
        .execute(&mut *write)
        .await
        .map_err(failed)?;
        commit(write).await
    }
}

/// The part that a user plays in an event.
#[derive(Clone, Copy)]
enum Part {
    Subject,
    Actor,
}

fn select(query: &mut QueryBuilder<Sqlite>, listing: &AuditListing, user: Option<(Part, UserId)>) {
    query.push(
        "SELECT event_id, occurred_at, kind, actor, actor_id, subject_id, session_id, network, \
         user_agent, outcome, details FROM audit_events WHERE TRUE",
    );
    if let Some((part, user)) = user {
        match part {
            Part::Subject => query.push(" AND subject_id = "),
            Part::Actor => query.push(" AND actor_id = "),
        };
        query.push_bind(id_bytes(user.as_uuid()));
    }
    if let Some(kind) = listing.kind {
        query.push(" AND kind = ").push_bind(kind.as_str());
    }
    if let Some(before) = listing.before {
        query.push(" AND event_id < ").push_bind(id_bytes(before.as_uuid()));
    }
    query.push(" ORDER BY event_id DESC LIMIT ").push_bind(i64::from(listing.limit));
}

async fn insert(write: &mut Write, recorded: &Recorded) -> Result<(), StoreError> {
    let Recorded { id, at, event } = recorded;
    let (actor, actor_id) = match event.by.actor {
        Actor::User(id) => ("user", Some(id)),
        Actor::CommandLine => ("command_line", None),
        Actor::Server => ("server", None),
        Actor::Nobody => ("nobody", None),
    };
    let details = serde_json::to_string(&event.details).map_err(StoreError::backend)?;
    sqlx::query(
        "INSERT INTO audit_events (event_id, occurred_at, kind, actor, actor_id, subject_id, \
         session_id, network, user_agent, outcome, details) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(id_bytes(id.as_uuid()))
    .bind(milliseconds(*at))
    .bind(event.kind.as_str())
    .bind(actor)
    .bind(actor_id.map(|id| id_bytes(id.as_uuid())))
    .bind(event.subject.map(|id| id_bytes(id.as_uuid())))
    .bind(event.session.map(|id| id_bytes(id.as_uuid())))
    .bind(event.by.client.ip_address.map(|address| address.to_string()))
    .bind(&event.by.client.user_agent)
    .bind(&*event.outcome)
    .bind(details)
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    Ok(())
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

fn recorded(row: &SqliteRow) -> Result<Recorded, StoreError> {
    let corrupt = || StoreError::Corrupt("an audit event");
    let row = EventRow::from_row(row).map_err(failed)?;
    let user = |id: Option<Vec<u8>>| id.map(|id| uuid(&id).map(UserId::from_uuid)).transpose();
    let actor = match (row.actor.as_str(), user(row.actor_id)?) {
        ("user", Some(id)) => Actor::User(id),
        ("command_line", None) => Actor::CommandLine,
        ("server", None) => Actor::Server,
        ("nobody", None) => Actor::Nobody,
        _ => return Err(corrupt()),
    };
    let session = row.session_id.map(|id| uuid(&id).map(SessionId::from_uuid)).transpose()?;
    let ip_address = row.network.map(|text| text.parse().map_err(|_| corrupt())).transpose()?;
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
    })
}
