//! What is kept, and for how long.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anteroom::audit::{
    Along, AuditStore as _, AuditWalk, By, Event, EventId, Kind as What, Recorded, Retention,
};
use anteroom::clock::Clock;
use anteroom::entropy::Entropy;
use anteroom::sessions::Client;
use anteroom::store::{SessionLocation, SqlDatabase};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::harness::app::{DAY, HOUR, Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};
use crate::harness::postgres::Database;

on_each_store!(ops_9_rows_do_not_pile_up);

async fn opened(app: &TestApp) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(&app.database);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// How many rows each table has, but for the audit trail, which is there to grow.
async fn rows(app: &TestApp) -> BTreeMap<String, i64> {
    let mut connection = opened(app).await;
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'");
    let tables = tables.fetch_all(&mut connection).await.unwrap();
    let mut counts = BTreeMap::new();
    let tables = tables.iter().map(|row| row.get::<String, _>(0));
    for table in tables.filter(|table| table != "audit_events") {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let row = sqlx::query(count).fetch_one(&mut connection).await.unwrap();
        counts.insert(table, row.get(0));
    }
    counts
}

/// A bit of everything that leaves a row behind.
async fn live_a_while(app: &TestApp) {
    let (laptop, phone) = (app.signed_in("ada@example.org").await, app.browser());
    phone.try_to_sign_in("ada@example.org", PASSWORD, true).await;
    phone.try_to_sign_in("ada@example.org", "wrong", false).await;
    laptop.reauthenticate(PASSWORD).await;
    laptop.change_password(PASSWORD, OTHER_PASSWORD).await;
    laptop.change_password(OTHER_PASSWORD, PASSWORD).await;
    laptop.delete("/api/sessions").await;
    for _ in 0..5 {
        app.browser().patch("/api/session/data", json!({ "a": 1 })).await;
    }
    let brief = app.browser();
    assert_eq!(brief.sign_up("brief@example.org", PASSWORD).await.status, 201);
    assert_eq!(brief.delete("/api/account").await.status, 204);
    laptop.delete("/api/session").await;
    app.signed_in("ada@example.org").await;
}

async fn ops_9_rows_do_not_pile_up(kind: Kind) {
    let app = TestApp::start(kind).await;
    let database = SqlDatabase::open(&app.database, kind.sessions_in()).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        live_a_while(&app).await;
        app.pass(40 * DAY).await;
        while !app.anteroom.sessions().sweep(100).await.unwrap() {}
        database.sweep_records(app.anteroom.sessions().now()).await.unwrap();
        assert!(app.live_sessions().await.is_empty());
        seen.push(rows(&app).await);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    for (table, expected) in
        [("users", 1), ("user_epochs", 1), ("sessions", 0), ("ended_sessions", 0)]
    {
        assert_eq!(seen[2][table], expected, "{table}");
    }
    assert!(seen[2]["session_orders"] <= 1, "{seen:?}");
    assert!(seen[2].len() >= 7, "these are not all the tables: {seen:?}");
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_5_a_locked_database_is_waited_for_with_a_limit() {
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in("ada@example.org").await;
    let mut other = opened(&app).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    let begun = Instant::now();
    let browsers: Vec<_> = (0..8).map(|_| app.browser()).collect();
    let all = browsers.iter().map(|b| b.try_to_sign_in("ada@example.org", PASSWORD, false));
    let (answers, looking) = tokio::join!(futures_util::future::join_all(all), ada.whoami());

    assert_eq!(looking.status, 200, "reading waits for nobody");
    for answer in answers {
        assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
        assert!(!answer.header("retry-after").is_empty());
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 200);
}

/// The database's own shell.
enum Shell {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Shell {
    /// How many rows a statement changed, or what it is refused with.
    async fn run(&mut self, statement: &str) -> Result<u64, String> {
        let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        let done = match self {
            Self::Sqlite(shell) => query.execute(shell).await.map(|done| done.rows_affected()),
            Self::Postgres(shell) => query.execute(shell).await.map(|done| done.rows_affected()),
        };
        done.map_err(|error| error.to_string())
    }
}

/// A database, a shell of it, and what has to stay for them to be there.
type Kept = (SqlDatabase, Shell, Box<dyn std::any::Any>);

async fn in_a_file() -> Kept {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let database =
        SqlDatabase::open_for_server(&path, SessionLocation::ThisDatabase).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    let shell = Shell::Sqlite(SqliteConnection::connect_with(&options).await.unwrap());
    (database, shell, Box::new(folder))
}

async fn in_postgres() -> Option<Kept> {
    let postgres = Database::fresh().await?;
    let url = &*postgres.url;
    let database = SqlDatabase::open_for_server(url, SessionLocation::ThisDatabase).await.unwrap();
    let shell = Shell::Postgres(postgres.connect().await);
    Some((database, shell, Box::new(postgres)))
}

/// Makes two tests of each rule.
macro_rules! in_each_database {
    ($($rule:ident),+ $(,)?) => {
        mod in_a_file {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::in_a_file().await).await;
            })+
        }
        mod in_postgres {
            $(#[tokio::test]
            async fn $rule() {
                if let Some(kept) = super::in_postgres().await {
                    super::$rule(kept).await;
                }
            })+
        }
    };
}
in_each_database!(
    addresses_past_their_time_are_found_by_an_index,
    what_is_past_its_time_goes_a_step_at_a_time,
    events_kept_without_limit_stay,
    log_6_nothing_passes_but_what_is_past_its_time,
    log_6_no_retention_value_allows_a_change_of_events_of_the_last_day,
);

const KEPT: Retention =
    Retention { events: Some(DAY.saturating_mul(100)), addresses: Some(DAY.saturating_mul(10)) };

/// One for all, so that ids keep their order.
static ENTROPY: LazyLock<Entropy> = LazyLock::new(Entropy::operating_system);

/// By the clock of the machine, which is that of the database, too.
fn ago(time: Duration) -> OffsetDateTime {
    Clock::system().now() - time
}

async fn record(database: &SqlDatabase, kind: What, at: OffsetDateTime, address: Option<&str>) {
    let ip_address = address.map(|address| address.parse().unwrap());
    let by = By::anonymous(Client { ip_address, user_agent: String::new() });
    let id = EventId::from_uuid(ENTROPY.id(at).unwrap());
    database.append(&[Recorded::new(id, at, Event::new(kind, &by))]).await.unwrap();
}

/// The addresses of all events, the oldest first.
async fn addresses(database: &SqlDatabase) -> Vec<String> {
    let walk = AuditWalk { along: Along::Everything, before: None, limit: 1000 };
    let events = database.walk(&walk).await.unwrap();
    events.iter().rev().map(|event| event.network().unwrap_or_default()).collect()
}

async fn what_is_past_its_time_goes_a_step_at_a_time((database, ..): Kept) {
    for n in 0..25 {
        record(&database, What::Login, ago(200 * DAY), Some(&format!("198.51.100.{n}"))).await;
    }
    let networks = ["203.0.113.7", "2001:db8:1:2::3", "2001:db8::3", "::1", "10.0.0.1"];
    for address in networks {
        record(&database, What::Login, ago(50 * DAY), Some(address)).await;
    }
    record(&database, What::Login, ago(50 * DAY), None).await;
    record(&database, What::Login, ago(9 * DAY), Some("203.0.113.7")).await;

    let sweep = async || database.sweep_audit(&KEPT, ago(Duration::ZERO), 10).await.unwrap();
    assert!(!sweep().await);
    assert_eq!(addresses(&database).await.len(), 22, "ten are gone");
    assert!(!sweep().await);
    assert!(sweep().await, "five are left");
    let left = [
        "203.0.113.0/24",
        "2001:db8:1::/48",
        "2001:db8::/48",
        "::/16",
        "10.0.0.0/24",
        "",
        "203.0.113.7",
    ];
    assert_eq!(addresses(&database).await, left);
    assert!(sweep().await);
    assert_eq!(addresses(&database).await, left, "nothing is done twice");
}

async fn addresses_past_their_time_are_found_by_an_index((_database, mut shell, _): Kept) {
    const FOUND: &str = "SELECT event_id FROM audit_events \
                         WHERE network = replace(network, '/', '') AND occurred_at < 1 \
                         ORDER BY occurred_at LIMIT 10";
    let source = include_str!("../../src/store/sql/audit/retention.rs");
    assert!(source.contains("WHERE network = replace(network, '/', '') "), "it asks otherwise");

    let plan = match &mut shell {
        Shell::Sqlite(shell) => {
            let plan = format!("EXPLAIN QUERY PLAN {FOUND}");
            let rows = sqlx::query(AssertSqlSafe(plan)).fetch_all(shell).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().concat()
        }
        Shell::Postgres(shell) => {
            sqlx::query("SET enable_seqscan = off").execute(&mut *shell).await.unwrap();
            let plan = format!("EXPLAIN {FOUND}");
            let rows = sqlx::query(AssertSqlSafe(plan)).fetch_all(shell).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().concat()
        }
    };

    assert!(plan.contains("audit_events_with_address"), "{plan}");
}

async fn events_kept_without_limit_stay((database, ..): Kept) {
    record(&database, What::Login, ago(4000 * DAY), Some("203.0.113.7")).await;

    let now = ago(Duration::ZERO);
    let forever = Retention { events: None, addresses: None };
    assert!(database.sweep_audit(&forever, now, 10).await.unwrap());

    assert_eq!(addresses(&database).await, ["203.0.113.7"]);
}

async fn log_6_nothing_passes_but_what_is_past_its_time((database, mut shell, _): Kept) {
    database.sweep_audit(&KEPT, ago(Duration::ZERO), 10).await.unwrap();
    record(&database, What::Signup, ago(101 * DAY), None).await;
    record(&database, What::Logout, ago(50 * DAY), Some("203.0.113.77")).await;
    record(&database, What::Login, ago(9 * DAY), Some("203.0.113.77")).await;
    let before = addresses(&database).await;

    for statement in [
        "DELETE FROM audit_events",
        "DELETE FROM audit_events WHERE kind = 'logout'",
        "UPDATE audit_events SET network = '203.0.113.0/24' WHERE kind = 'login'",
        "UPDATE audit_events SET network = '203.0.113.0/24'",
        "UPDATE audit_events SET network = '203.0.113.0/24', outcome = 'no' WHERE kind = 'logout'",
        "UPDATE audit_events SET network = '203.0.113.0/24', actor = 'server' \
         WHERE kind = 'logout'",
        "UPDATE audit_events SET occurred_at = 0 WHERE kind = 'logout'",
        "UPDATE audit_events SET details = '{}', user_agent = '' WHERE kind = 'logout'",
        "UPDATE audit_events SET kind = 'login' WHERE kind = 'signup'",
    ] {
        let refusal = shell.run(statement).await.unwrap_err();
        assert!(refusal.contains("audit events are never"), "{statement}: {refusal}");
    }
    for network in [
        "'203.0.114.0/24'",
        "'203.0.11.0/24'",
        "'203.0.0.0/16'",
        "'203.0.0/24'",
        "'.0/24'",
        "'%.0/24'",
        "'203.0.113.7'",
        "'::/16'",
        "'2001:db8::/48'",
        "'somewhere'",
        "''",
        "NULL",
        "network",
    ] {
        let statement =
            format!("UPDATE audit_events SET network = {network} WHERE kind = 'logout'");
        let refusal = shell.run(&statement).await.unwrap_err();
        assert!(refusal.contains("audit events are never"), "{network}: {refusal}");
    }
    assert_eq!(addresses(&database).await, before);

    let shorten = "UPDATE audit_events SET network = '203.0.113.0/24' WHERE kind = 'logout'";
    assert_eq!(shell.run(shorten).await, Ok(1));
    assert!(shell.run(shorten).await.is_err(), "it is what it will be");
    assert_eq!(shell.run("DELETE FROM audit_events WHERE kind = 'signup'").await, Ok(1));
    assert_eq!(addresses(&database).await, ["203.0.113.0/24", "203.0.113.77"]);
}

async fn log_6_no_retention_value_allows_a_change_of_events_of_the_last_day(
    (database, mut shell, _): Kept,
) {
    record(&database, What::Login, ago(23 * HOUR), Some("203.0.113.77")).await;
    let operations = [
        "DELETE FROM audit_events",
        "UPDATE audit_events SET network = '203.0.113.0/24'",
        "INSERT INTO audit_events SELECT * FROM audit_events WHERE TRUE \
         ON CONFLICT (event_id) DO UPDATE SET outcome = 'nothing'",
    ];

    for operation in operations {
        assert!(
            shell.run(operation).await.is_err(),
            "nobody has said how long it is kept: {operation}"
        );
    }
    database.sweep_audit(&KEPT, ago(Duration::ZERO), 10).await.unwrap();
    for value in ["0", "1", "-99999999999999", "off", ""] {
        let change = format!("UPDATE facts SET value = '{value}' WHERE name LIKE '%_retention'");
        assert_eq!(shell.run(&change).await, Ok(2));
        for operation in operations {
            assert!(shell.run(operation).await.is_err(), "{value}: {operation}");
        }
    }
    assert_eq!(addresses(&database).await, ["203.0.113.77"]);
}
