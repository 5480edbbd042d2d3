//! The cost of deletion for those who sign in meanwhile: a million sessions that a timeout has
//! ended, in each store, swept as the server does it, for the first two thousand steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anteroom::sessions::{Client, SessionStore, Sessions};
use anteroom::store::{MemoryOptions, MemoryStore, RedisSessions, SessionLocation, SqlDatabase};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::databases::{Postgres, Redis};
use crate::memory::{self, NOW};

/// As many rows as the server sweeps in one step. After each it pauses for as long as it took.
const SWEPT_AT_ONCE: u32 = 100;
/// How many steps are timed.
const STEPS: usize = 2000;
/// How many sign-ins are timed before the sweep.
const BEFORE: u32 = 500;
/// More than any timeout.
const LATER: Duration = Duration::from_hours(24 * 60);

/// The durations of one kind of call.
pub struct Times(Vec<Duration>);

impl Times {
    /// The one that so many of a thousand are below, in milliseconds.
    pub fn below(&self, thousandths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted[(sorted.len() - 1) * thousandths / 1000].as_secs_f64() * 1000.0
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

pub struct Sweep {
    pub store: &'static str,
    pub steps: Times,
    /// Of starting a session, before the sweep and during it.
    pub starts: [Times; 2],
}

/// Each store in turn.
pub async fn measure(count: u32) -> Vec<Sweep> {
    vec![
        in_memory(count).await,
        in_sqlite(count).await,
        in_postgres(count).await,
        in_redis(count).await,
    ]
}

async fn in_memory(count: u32) -> Sweep {
    let store = Arc::new(MemoryStore::new(MemoryOptions { most_sessions: 20_000_000 }));
    memory::fill(store.clone(), count).await;
    sweep("memory", store).await
}

async fn in_redis(count: u32) -> Sweep {
    let redis = Redis::start();
    let store = RedisSessions::open(&SecretString::from(redis.url(0))).await.unwrap();
    let store = Arc::new(store);
    memory::fill(store.clone(), count).await;
    sweep("Redis", store).await
}

async fn in_sqlite(count: u32) -> Sweep {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let at = path.to_str().unwrap();
    let store = SqlDatabase::open_for_server(at, SessionLocation::ThisDatabase).await.unwrap();
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
         WHERE n < {count})"
    );
    let random = |bytes: u32| format!("randomblob({bytes})");
    let rows = AssertSqlSafe(rows(&numbers, "numbers", random));
    let mut connection = SqliteConnection::connect(at).await.unwrap();
    sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    sweep("SQLite", Arc::new(store)).await
}

async fn in_postgres(count: u32) -> Sweep {
    let postgres = Postgres::start();
    let at = postgres.url();
    let store = SqlDatabase::open_for_server(&*at, SessionLocation::ThisDatabase).await.unwrap();
    let numbers = format!("generate_series(1, {count}) AS numbers (n)");
    let random = |bytes: u32| format!("substr(sha256(gen_random_uuid()::text::bytea), 1, {bytes})");
    let rows = AssertSqlSafe(rows("", &numbers, random));
    let mut connection = PgConnection::connect(&at).await.unwrap();
    sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("ANALYZE").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    sweep("PostgreSQL", Arc::new(store)).await
}

/// As a million sign-ins would have written them, in one statement.
fn rows(with: &str, numbers: &str, random: impl Fn(u32) -> String) -> String {
    let (id, digest, user) = (random(16), random(32), random(16));
    let now = anteroom::clock::unix_milliseconds(NOW);
    let expires = now + 86_400_000;
    let user_agent = memory::user_agent(1);
    format!(
        "{with} INSERT INTO sessions (session_id, token_digest, user_id, epoch, created_at, \
         authenticated_at, last_seen_at, expires_at, timeout_rule, remember_me, ip_address, \
         user_agent, visitor_data, visitor_version, application_data, application_version) \
         SELECT {id}, {digest}, {user}, 1, {now}, {now}, {now}, {expires} + n % 1000, 0, FALSE, \
         '10.0.0.1', '{user_agent}', '', 0, '', 0 FROM {numbers}"
    )
}

async fn sweep(name: &'static str, store: Arc<dyn SessionStore>) -> Sweep {
    eprintln!("{name}: sweeping");
    let sessions = memory::sessions_in(store, NOW + LATER);
    let mut before = Vec::new();
    for number in 0..BEFORE {
        before.push(start(&sessions, number).await);
    }
    let over = Arc::new(AtomicBool::new(false));
    let starting = tokio::spawn({
        let (sessions, over) = (sessions.clone(), over.clone());
        async move {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) {
                times.push(start(&sessions, BEFORE).await);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            times
        }
    });
    let mut steps = Vec::new();
    let mut done = false;
    while !done && steps.len() < STEPS {
        let begun = Instant::now();
        done = sessions.sweep(SWEPT_AT_ONCE).await.unwrap();
        steps.push(begun.elapsed());
        tokio::time::sleep(begun.elapsed()).await;
        drop(sessions.take_timed_out());
    }
    over.store(true, Ordering::Relaxed);
    let during = starting.await.unwrap();
    Sweep { store: name, steps: Times(steps), starts: [Times(before), Times(during)] }
}

/// How long it takes to sign somebody in, but for the password.
async fn start(sessions: &Sessions, number: u32) -> Duration {
    let beginning = memory::beginning((1 << 100) + u128::from(number), Client::default());
    let begun = Instant::now();
    sessions.start(beginning).await.unwrap();
    begun.elapsed()
}
