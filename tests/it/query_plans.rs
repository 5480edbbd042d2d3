//! What administrators look through costs what it shows: both engines say how they would do it.

use anteroom::store::{LIST_STATEMENTS, SessionLocation, SqlDatabase};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;

use crate::harness::postgres::Database;

/// What stands for a walk over all rows and for sorting them, in the words of `SQLite`.
fn is_slow_in_sqlite(step: &str) -> bool {
    let scans = step.starts_with("SCAN") && !step.contains(" USING ");
    let is_of_a_table = !step.contains("(subquery") && !step.contains("counted");
    (scans && is_of_a_table) || step.contains("TEMP B-TREE")
}

#[tokio::test]
async fn adm_5_every_list_walks_along_an_index_in_sqlite() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap().close().await;
    let url = format!("sqlite:{}", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    for (what, text) in LIST_STATEMENTS {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let rows = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert!(!plan.is_empty(), "{what}");
        let slow: Vec<_> = plan.iter().filter(|step| is_slow_in_sqlite(step)).collect();
        assert!(slow.is_empty(), "{what}: {plan:#?}");
        // Along the beginning of an index, and not all of it.
        let walks_all = what == "how many accounts";
        assert!(walks_all || plan.iter().any(|step| step.contains("SEARCH")), "{what}: {plan:#?}");
    }
}

/// Values of the right types for each statement.
fn values(what: &str) -> &'static str {
    match what {
        "accounts" | "sessions" | "events" => "'\\x00', 50",
        "how far a search looks" => "'\\x00', 99999",
        "a search" => "'\\x00', '\\xff', '%ada%', 50",
        "an address" => "'ada@example.org'",
        "how many accounts" => "",
        "events from an address" => "'\\xff', 50, '192.0.2.1'",
        "events of a kind" => "'\\xff', 50, 'login'",
        "how many events" => "'login', '\\x00', '\\xff'",
        _ => {
            assert!(what.starts_with("events "), "{what}");
            "'\\xff', 50, '\\x00'"
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adm_5_every_list_walks_along_an_index_in_postgres() {
    let Some(database) = Database::fresh().await else { return };
    let mut connection = database.connect().await;
    // Tables this small would be read as a whole, whatever indexes there are.
    for setting in ["enable_seqscan", "enable_bitmapscan", "enable_hashagg"] {
        let set = AssertSqlSafe(format!("SET {setting} = off"));
        sqlx::query(set).execute(&mut connection).await.unwrap();
    }
    for (n, (what, text)) in LIST_STATEMENTS.into_iter().enumerate() {
        let prepare = AssertSqlSafe(format!("PREPARE list_{n} AS {text}"));
        sqlx::raw_sql(prepare).execute(&mut connection).await.unwrap();
        let values = values(what);
        let values = if values.is_empty() { String::new() } else { format!("({values})") };
        let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE list_{n}{values}"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains("Index"), "{what}:\n{plan}");
        for slow in ["Seq Scan", "Sort"] {
            assert!(!plan.contains(slow), "{what}:\n{plan}");
        }
        let walks_all = what == "how many accounts";
        assert!(walks_all || plan.contains("Index Cond"), "{what}:\n{plan}");
    }
}
