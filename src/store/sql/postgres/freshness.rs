//! What changes in the database, as it is told to those who listen.
//!
//! A notification is sent by the step that makes the change, and whoever listens is woken before
//! that step is acknowledged. A server that is asked something hands over what it was woken for
//! before it says that it is ready for the next question. So what comes before the end of an answer
//! is whatever was acknowledged before the question.

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
use super::notifications::{CHANNEL, STANDS, tell_changes};
use super::write::Write;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::SessionId;
use crate::sessions::cache::{Change, Freshness, NotFresh, Rule, Subscription, is_kept};
use crate::store::sql::engine::{Done, failed, statement};

/// How long coming in may take: less than whoever subscribes waits for all of it.
const REACH_LIMIT: Duration = Duration::from_millis(750);
/// How long what was said over one connection may take to be heard on another.
const CANARY_LIMIT: Duration = Duration::from_millis(500);

/// A listener that takes nothing in keeps everybody's notifications waiting: after a minute the
/// server lets go of it.
const LETS_GO: &str = "SET tcp_user_timeout = 60000";
const WHO: &str = "SELECT pg_backend_pid()";
/// A session that nobody sees, for it ends in the transaction in which it begins. Its end is told
/// as that of any other is.
const CANARY: &str = "INSERT INTO sessions (session_id, token_digest, created_at, last_seen_at, \
     expires_at, timeout_rule, remember_me, user_agent, visitor_data, visitor_version, \
     application_data, application_version) \
     SELECT uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid()) || \
     uuid_send(gen_random_uuid()), 0, 0, 0, 0, FALSE, '', '', 0, '', 0 \
     RETURNING session_id, encode(session_id, 'hex')";
const END_OF_CANARY: &str = "DELETE FROM sessions WHERE session_id = $1";

/// Wakes whoever listens, for all that was committed before it. Only the waking counts, so its
/// transaction need not wait for the disk.
const WAKE: &str = "SELECT set_config('synchronous_commit', 'off', true), \
                    pg_notify('anteroom_changes', '.')";

const MUTE: NotFresh = NotFresh::Mute(
    "the database tells this server nothing of what changes in it, for what is in between gives \
     each transaction another connection: let the pooler be in session mode (of PgBouncer \
     pool_mode=session), or connect to the database itself",
);

const UNTOLD: NotFresh = NotFresh::Mute(
    "the triggers by which the database tells what changes in it are missing or switched off: run \
     `anteroom migrate`, which puts them back",
);

/// One connection that listens.
struct Listening {
    listener: PgListener,
    /// Of the triggers, when it began. What changed while they were another is not told.
    state: String,
    told: VecDeque<Change>,
    /// It never begins anew: what was told in between would be missed.
    is_over: bool,
}

/// Why a subscription is over.
#[derive(Debug, thiserror::Error)]
#[error("the connection is told no more what changes in the database, or its triggers changed")]
struct Deaf;

#[async_trait]
impl Freshness for PostgresServer {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh> {
        let mut listener = self.come_in().await.map_err(failed)?;
        if self.is_handed_around(&mut listener).await.map_err(failed)? {
            return Err(MUTE);
        }
        listener.listen(CHANNEL).await.map_err(failed)?;
        // Before they are judged: whatever becomes of them after this is noticed.
        let state = stands(&mut listener).await.map_err(failed)?.ok_or(MUTE)?;
        if !tell_changes(&mut listener).await.map_err(failed)? {
            return Err(UNTOLD);
        }
        let canary = self.canary().await?;
        let heard = timeout(CANARY_LIMIT, hears(&mut listener, &canary)).await;
        heard.map_err(|_| MUTE)?.map_err(failed)?;
        Ok(Box::new(Listening { listener, state, told: VecDeque::new(), is_over: false }))
    }

    /// A change can be read a moment before its process wakes those who listen.
    async fn tell_what_is_seen(&self) -> Result<(), StoreError> {
        self.row(statement(WAKE)).await.map(drop)
    }
}

impl PostgresServer {
    /// A connection of its own, outside of the pool.
    async fn come_in(&self) -> Result<PgListener, sqlx::Error> {
        let options = &self.pool.address().options;
        let name = options.get_application_name().unwrap_or("anteroom");
        let options = options.clone().application_name(&format!("{name} (changes)"));
        // The driver knows no other way to listen than by a pool. This one makes one connection
        // and, as `is_over` sees to it, never another.
        let one = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(REACH_LIMIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&one).await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => full(),
            other => other,
        })?;
        listener.eager_reconnect(false);
        set_up(&mut listener).await?;
        listener.execute(LETS_GO).await?;
        Ok(listener)
    }

    /// Whether the connection is not always the same one. It is found out before anything is
    /// listened to: that would stay with a connection which somebody else gets next, and who does
    /// not listen is confused by what he hears.
    async fn is_handed_around(&self, listener: &mut PgListener) -> Result<bool, sqlx::Error> {
        let ours = who(listener).await?;
        let mut held = self.pool.reader().await?;
        held.begin().await?;
        // Not prepared: a connection that is handed around may have been prepared by somebody else.
        let theirs = held.rows_of(sqlx::query(WHO).persistent(false)).await?;
        let theirs: i32 = theirs.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
        let is_handed_around = ours == theirs || ours != who(listener).await?;
        held.roll_back().await?;
        Ok(is_handed_around)
    }

    /// Has the tables say something to whoever listens, and what it is.
    async fn canary(&self) -> Result<String, StoreError> {
        let mut attempts = self.attempts();
        loop {
            let mut write = attempts.begin().await?;
            let done = canary(&mut write).await.map(Done::Commit);
            if let Some(said) = attempts.settle(write, done).await {
                return said;
            }
        }
    }
}

async fn canary(write: &mut Write) -> Result<String, StoreError> {
    let row = write.row(statement(CANARY)).await?;
    let row = row.ok_or_else(|| failed(sqlx::Error::RowNotFound))?;
    let (session, id): (Vec<u8>, String) = (row.get(0)?, row.get(1)?);
    write.execute(statement(END_OF_CANARY).bind(session)).await?;
    Ok(format!("s{id}"))
}

/// The state of what tells, if this connection is told.
async fn stands(listener: &mut PgListener) -> Result<Option<String>, sqlx::Error> {
    // To the end of the answer, and not only to its row.
    let rows = sqlx::query(STANDS).fetch_all(listener).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let stands: bool = row.try_get(0)?;
    Ok(if stands { Some(row.try_get(1)?) } else { None })
}

fn deaf() -> StoreError {
    StoreError::backend(Deaf)
}

/// Which process of the server has the connection.
async fn who(listener: &mut PgListener) -> Result<i32, sqlx::Error> {
    listener.fetch_one(WHO).await?.try_get(0)
}

async fn hears(listener: &mut PgListener, canary: &str) -> Result<(), sqlx::Error> {
    while let Some(heard) = listener.try_recv().await? {
        if heard.payload() == canary {
            return Ok(());
        }
    }
    Err(hung_up())
}

fn full() -> sqlx::Error {
    let why = "the database does not answer, or has no place for another connection";
    io::Error::new(io::ErrorKind::TimedOut, why).into()
}

fn hung_up() -> sqlx::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the database has hung up").into()
}

#[async_trait]
impl Subscription for Listening {
    async fn changed(&mut self) -> Result<Change, StoreError> {
        loop {
            if let Some(change) = self.told.pop_front() {
                return Ok(change);
            }
            if self.is_over {
                return Err(deaf());
            }
            // Where it is given up in the middle, what has come stays in its buffer.
            match self.listener.try_recv().await {
                Ok(Some(heard)) => self.told.extend(changes(heard.payload())),
                Ok(None) => return Err(self.over(hung_up())),
                Err(error) => return Err(self.over(error)),
            }
        }
    }

    async fn probe(&mut self) -> Result<Vec<Change>, StoreError> {
        if self.is_over {
            return Err(deaf());
        }
        match stands(&mut self.listener).await {
            Ok(Some(state)) if state == self.state => {}
            Ok(_) if !is_kept(Rule::SubscriptionIsChecked) => {}
            Ok(_) => {
                self.is_over = true;
                return Err(deaf());
            }
            Err(error) => return Err(self.over(error)),
        }
        while let Some(heard) = self.listener.next_buffered() {
            self.told.extend(changes(heard.payload()));
        }
        Ok(self.told.drain(..).collect())
    }
}

impl Listening {
    fn over(&mut self, error: sqlx::Error) -> StoreError {
        self.is_over = true;
        failed(error)
    }
}

/// What a notification says. One that is not understood, of a later release or written by hand, may
/// say anything.
fn changes(says: &str) -> Vec<Change> {
    let known = match says.split_at_checked(1) {
        // Something was to change and did not, or somebody tries whether they are heard.
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
