//! Transactions of `PostgreSQL` become visible in another order than that of their numbers.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use super::{end, ends, entries, next, position, read, sign_out};
use crate::harness::app::{Kind, TestApp};
use crate::harness::postgres;

/// Makes whoever ends a session for its user wait right before the end of the transaction.
const HOLD_UP: &str = "CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     PERFORM pg_advisory_xact_lock(77); RETURN NULL; END $$; \
     CREATE TRIGGER hold_up AFTER INSERT ON ended_sessions FOR EACH ROW \
     WHEN (NEW.reason = 'revoked_by_user') EXECUTE FUNCTION hold_up(); \
     SELECT pg_advisory_lock(77)";

/// A number that a query answers.
async fn number(connection: &mut PgConnection, query: &'static str) -> i64 {
    connection.fetch_one(query).await.unwrap().get(0)
}

async fn until(connection: &mut PgConnection, query: &'static str, most: i64) {
    for _ in 0..3000 {
        if number(connection, query).await > most {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never happens: {query}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rev_18_an_end_that_becomes_visible_after_a_later_one_is_not_missed() {
    if !postgres::is_here().await {
        return;
    }
    let app = TestApp::start(Kind::Postgres).await;
    let root = app.administrator("root@example.org").await;
    let [laptop, phone, tablet] = [
        app.signed_in("ada@example.org").await,
        app.signed_in("ada@example.org").await,
        app.signed_in("ada@example.org").await,
    ];
    let [slow, fast] = [phone.session_id().await, tablet.session_id().await];
    let begun = position(&root).await;
    let mut holding = app.postgres.as_ref().unwrap().connect().await;
    holding.execute(sqlx::raw_sql(HOLD_UP)).await.unwrap();

    let revoking = tokio::spawn(async move { laptop.revoke(&phone).await });
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    until(&mut holding, waits, 0).await;
    sign_out(&tablet).await;
    let between = read(&root, &begun, "").await;
    holding.execute("SELECT pg_advisory_unlock(77)").await.unwrap();
    assert_eq!(revoking.await.unwrap().status, 204);

    let between_ends = entries(&between);
    assert_eq!(ends(&between_ends), [end(&fast, "signed_out")]);
    let cursors = [next(&between), between_ends[0]["cursor"].as_str().unwrap().to_owned()];
    for cursor in cursors {
        let found = ends(&entries(&read(&root, &cursor, "").await));
        assert_eq!(found, [end(&slow, "revoked_by_user")]);
    }
    assert_eq!(entries(&read(&root, &begun, "").await).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_is_read_by_its_index() {
    if !postgres::is_here().await {
        return;
    }
    let app = TestApp::start(Kind::Postgres).await;
    let root = app.administrator("root@example.org").await;
    let url = &app.postgres.as_ref().unwrap().url;
    let mut connection = PgConnection::connect(url).await.unwrap();
    let many = "INSERT INTO ended_sessions (token_digest, session_id, reason, ended_at, anonymous, \
         rotated_away, step) SELECT decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), \
         'signed_out', 1795000000000, TRUE, FALSE, 0 FROM generate_series(1, 20000) AS n; \
         ANALYZE ended_sessions";
    connection.execute(sqlx::raw_sql(many)).await.unwrap();

    let begun = position(&root).await;
    sign_out(&app.signed_in("ada@example.org").await).await;
    for _ in 0..20 {
        assert_eq!(entries(&read(&root, &begun, "").await).len(), 1);
    }

    let by_index = "SELECT idx_scan FROM pg_stat_user_indexes \
         WHERE indexrelname = 'ended_sessions_by_step'";
    until(&mut connection, by_index, 10).await;
    let all = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'ended_sessions'";
    assert!(number(&mut connection, all).await < 20_000, "all of them were read");
}
