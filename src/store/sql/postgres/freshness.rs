//! Invalidations from `PostgreSQL`: LISTEN/NOTIFY as a [`Freshness`] source.
//!
//! The transaction that makes a change sends its notification, and `PostgreSQL` signals listeners
//! before it acknowledges the COMMIT. A backend delivers pending notifications before it reports
//! that it is ready for the next query. So the answer to a query comes after all notifications of
//! changes that were acknowledged before the query was sent.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Executor as _, Row as _};
use tokio::time::timeout;
use uuid::Uuid;

use super::PostgresServer;
use super::connection::set_up;
use super::notifications::{CHANNEL, LISTENING_STATE, triggers_are_installed};
use super::transaction::PostgresTransaction;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::SessionId;
use crate::sessions::cache::{Change, Freshness, NotFresh, Rule, Subscription, is_kept};
use crate::store::sql::engine::{Finish, failed, statement};

/// How long connecting may take. Shorter than the time limit of a subscription.
const REACH_LIMIT: Duration = Duration::from_millis(750);
/// How long a notification from another connection may take to arrive.
const CANARY_LIMIT: Duration = Duration::from_millis(500);

/// A listener that reads nothing blocks the notification queue: the server drops it after a minute.
const SET_TCP_TIMEOUT: &str = "SET tcp_user_timeout = 60000";
const BACKEND_PID: &str = "SELECT pg_backend_pid()";
/// A canary session, invisible because it is deleted in the transaction that inserts it. Its
/// deletion is notified like any other.
const CANARY: &str = "INSERT INTO sessions (session_id, token_digest, created_at, last_seen_at, \
     expires_at, timeout_rule, remember_me, user_agent, visitor_data, visitor_version, \
     application_data, application_version) \
     SELECT uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid()) || \
     uuid_send(gen_random_uuid()), 0, 0, 0, 0, FALSE, '', '', 0, '', 0 \
     RETURNING session_id, encode(session_id, 'hex')";
const DELETE_CANARY: &str = "DELETE FROM sessions WHERE session_id = $1";

/// Signals listeners, who then receive everything committed before. Nothing is stored, so the
/// transaction need not wait for the disk.
const SIGNAL: &str = "SELECT set_config('synchronous_commit', 'off', true), \
                    pg_notify('anteroom_changes', '.')";

const NO_NOTIFICATIONS: NotFresh = NotFresh::Mute(
    "no notifications from the database: a connection pooler gives each transaction another \
     connection; set it to session mode (PgBouncer: pool_mode=session), or connect to the \
     database directly",
);

const NO_TRIGGERS: NotFresh = NotFresh::Mute(
    "the triggers that send notifications are missing or disabled; run `anteroom migrate`, which \
     restores them",
);

/// A listening connection.
struct NotificationSubscription {
    listener: PgListener,
    /// The state of the triggers at the start. If it changes, notifications may be missing.
    trigger_state: String,
    received: VecDeque<Change>,
    /// It never reconnects, because notifications in between would be missed.
    is_over: bool,
}

/// Why a subscription is over.
#[derive(Debug, thiserror::Error)]
#[error("notifications from the database ended, or its triggers changed")]
struct NotificationsEnded;

#[async_trait]
impl Freshness for PostgresServer {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh> {
        let mut listener = self.connect_listener().await.map_err(failed)?;
        if self.is_pooled(&mut listener).await.map_err(failed)? {
            return Err(NO_NOTIFICATIONS);
        }
        listener.listen(CHANNEL).await.map_err(failed)?;
        // Read before the triggers are checked, so that a later change of them is noticed.
        let state =
            listening_state(&mut listener).await.map_err(failed)?.ok_or(NO_NOTIFICATIONS)?;
        if !triggers_are_installed(&mut listener).await.map_err(failed)? {
            return Err(NO_TRIGGERS);
        }
        let canary = self.canary().await?;
        let received = timeout(CANARY_LIMIT, receives(&mut listener, &canary)).await;
        received.map_err(|_| NO_NOTIFICATIONS)?.map_err(failed)?;
        Ok(Box::new(NotificationSubscription {
            listener,
            trigger_state: state,
            received: VecDeque::new(),
            is_over: false,
        }))
    }

    /// A change is visible a moment before its backend signals the listeners.
    async fn tell_what_is_seen(&self) -> Result<(), StoreError> {
        self.row(statement(SIGNAL)).await.map(drop)
    }
}

impl PostgresServer {
    /// Opens a connection outside of the pool.
    async fn connect_listener(&self) -> Result<PgListener, sqlx::Error> {
        let options = &self.pool.address().options;
        let name = options.get_application_name().unwrap_or("anteroom");
        let options = options.clone().application_name(&format!("{name} (changes)"));
        // The driver can only listen through a pool. This one opens one connection and, because of
        // `is_over`, never another.
        let one = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(REACH_LIMIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&one).await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => no_connection(),
            other => other,
        })?;
        listener.eager_reconnect(false);
        set_up(&mut listener).await?;
        listener.execute(SET_TCP_TIMEOUT).await?;
        Ok(listener)
    }

    /// Whether a pooler gives each transaction another server connection. Checked before LISTEN,
    /// which would stay on a server connection that another client gets next.
    async fn is_pooled(&self, listener: &mut PgListener) -> Result<bool, sqlx::Error> {
        let ours = backend_pid(listener).await?;
        let mut connection = self.pool.reader().await?;
        connection.begin().await?;
        // Not prepared: a pooled server connection may hold prepared statements of another client.
        let theirs = connection.rows_of(sqlx::query(BACKEND_PID).persistent(false)).await?;
        let theirs: i32 = theirs.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
        let is_pooled = ours == theirs || ours != backend_pid(listener).await?;
        connection.roll_back().await?;
        Ok(is_pooled)
    }

    /// Inserts and deletes a canary session. Returns the payload of its notification.
    async fn canary(&self) -> Result<String, StoreError> {
        let mut attempts = self.attempts();
        loop {
            let mut tx = attempts.begin().await?;
            let done = canary(&mut tx).await.map(Finish::Commit);
            if let Some(said) = attempts.finish(tx, done).await {
                return said;
            }
        }
    }
}

async fn canary(tx: &mut PostgresTransaction) -> Result<String, StoreError> {
    let row = tx.row(statement(CANARY)).await?;
    let row = row.ok_or_else(|| failed(sqlx::Error::RowNotFound))?;
    let (session, id): (Vec<u8>, String) = (row.get(0)?, row.get(1)?);
    tx.execute(statement(DELETE_CANARY).bind(session)).await?;
    Ok(format!("s{id}"))
}

/// The state of the triggers; `None` if this connection receives no notifications.
async fn listening_state(listener: &mut PgListener) -> Result<Option<String>, sqlx::Error> {
    // Read to the end of the answer, not only to its row: notifications come before the end.
    let rows = sqlx::query(LISTENING_STATE).fetch_all(listener).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let is_listening: bool = row.try_get(0)?;
    Ok(if is_listening { Some(row.try_get(1)?) } else { None })
}

fn notifications_ended() -> StoreError {
    StoreError::backend(NotificationsEnded)
}

/// The server process of the connection.
async fn backend_pid(listener: &mut PgListener) -> Result<i32, sqlx::Error> {
    listener.fetch_one(BACKEND_PID).await?.try_get(0)
}

async fn receives(listener: &mut PgListener, canary: &str) -> Result<(), sqlx::Error> {
    while let Some(notification) = listener.try_recv().await? {
        if notification.payload() == canary {
            return Ok(());
        }
    }
    Err(disconnected())
}

fn no_connection() -> sqlx::Error {
    let why = "the database does not answer, or refuses another connection";
    io::Error::new(io::ErrorKind::TimedOut, why).into()
}

fn disconnected() -> sqlx::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the database closed the connection").into()
}

#[async_trait]
impl Subscription for NotificationSubscription {
    async fn changed(&mut self) -> Result<Change, StoreError> {
        loop {
            if let Some(change) = self.received.pop_front() {
                return Ok(change);
            }
            if self.is_over {
                return Err(notifications_ended());
            }
            // Cancel safe: a received notification stays in the buffer of the listener.
            match self.listener.try_recv().await {
                Ok(Some(notification)) => self.received.extend(changes(notification.payload())),
                Ok(None) => return Err(self.end(disconnected())),
                Err(error) => return Err(self.end(error)),
            }
        }
    }

    async fn probe(&mut self) -> Result<Vec<Change>, StoreError> {
        if self.is_over {
            return Err(notifications_ended());
        }
        match listening_state(&mut self.listener).await {
            Ok(Some(state)) if state == self.trigger_state => {}
            Ok(_) if !is_kept(Rule::SubscriptionIsChecked) => {}
            Ok(_) => {
                self.is_over = true;
                return Err(notifications_ended());
            }
            Err(error) => return Err(self.end(error)),
        }
        while let Some(notification) = self.listener.next_buffered() {
            self.received.extend(changes(notification.payload()));
        }
        Ok(self.received.drain(..).collect())
    }
}

impl NotificationSubscription {
    fn end(&mut self, error: sqlx::Error) -> StoreError {
        self.is_over = true;
        failed(error)
    }
}

/// Parses a notification. An unknown one, of a later release or sent by hand, invalidates
/// everything.
fn changes(payload: &str) -> Vec<Change> {
    let known = match payload.split_at_checked(1) {
        // A statement that changed nothing, or a test of the connection.
        Some((".", "") | ("?", _)) => Some(Vec::new()),
        Some(("s", ids)) => all(ids, |id| Change::Session(SessionId::from_uuid(id))),
        Some(("u", ids)) => all(ids, |id| Change::User(UserId::from_uuid(id))),
        _ => None,
    };
    known.unwrap_or_else(|| vec![Change::Everything])
}

fn all(ids: &str, change: impl Fn(Uuid) -> Change) -> Option<Vec<Change>> {
    const DIGITS: usize = 32;
    let ids = ids.as_bytes().chunks(DIGITS);
    ids.map(|id| Uuid::try_parse_ascii(id).ok().filter(|_| id.len() == DIGITS).map(&change))
        .collect()
}

#[cfg(test)]
mod tests;
