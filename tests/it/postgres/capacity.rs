//! A server that has no room for another connection, or takes no writes.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::harness::client::Client;
use crate::harness::postgres::Database;
use crate::harness::server::{Place, Server};

/// A role of this database that may do everything in it, over so many connections.
async fn role_with(database: &Database, connections: u32) -> String {
    let name = format!("few_{}", database.name);
    database
        .run(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'few' CONNECTION LIMIT {connections}; \
             GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}; \
             GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}"
        ))
        .await;
    name
}

async fn many_checks(server: &Server) -> Vec<u16> {
    let ada = Client::of(server);
    ada.sign_up("ada@example.org").await;
    let ada = Arc::new(ada);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let ada = Arc::clone(&ada);
        asked.spawn(async move { ada.get("/api/session").await.status().as_u16() });
    }
    asked.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_is_waited_for_among_ours() {
    let Some(database) = Database::fresh().await else { return };
    let role = role_with(&database, 4).await;
    let place = Place::new()
        .with("ANTEROOM_DATABASE", &database.url_of((&role, "few")))
        .with("ANTEROOM_CACHE", "off");
    let server = place.serve(&[]);

    let statuses = many_checks(&server).await;

    assert_eq!(statuses, [200; 40], "{}", server.stderr());
    let log = server.stderr();
    assert_eq!(log.matches("ANTEROOM_DATABASE_CONNECTIONS").count(), 1, "{log}");
    drop(server);
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

async fn connections(owner: &mut PgConnection, database: &Database) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 \
                 AND application_name LIKE 'anteroom%'";
    let row = sqlx::query(count).bind(&database.name).fetch_one(owner).await.unwrap();
    row.get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_opens_no_more_connections_than_its_setting() {
    let Some(database) = Database::fresh().await else { return };
    for most in [1, 3] {
        let place = database.place().with("ANTEROOM_CACHE", "off");
        let server = place.serve(&["--database-connections", &most.to_string()]);
        let mut owner = database.connect().await;

        let ada = Client::of(&server);
        ada.sign_up(&format!("ada{most}@example.org")).await;
        let ada = Arc::new(ada);
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let ada = Arc::clone(&ada);
            asked.spawn(async move { ada.get("/account").await.status().as_u16() });
        }

        assert_eq!(asked.join_all().await, [200; 20], "{}", server.stderr());
        assert!(connections(&mut owner, &database).await <= most + 1);
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_not_ready() {
    let Some(database) = Database::fresh().await else { return };
    let mut owner = database.connect().await;
    let server = database.place().serve(&[]);
    let ada = Client::of(&server);
    assert_eq!(ada.get("/readyz").await.status(), 200);
    let mut say = async |statement: String| {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.unwrap();
    };
    let name = &database.name;
    let hang_up = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = '{name}' AND application_name LIKE 'anteroom%'"
    );

    say(format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    say(hang_up.clone()).await;
    assert_eq!(ada.get("/readyz").await.status(), 503);
    assert!(server.stderr().contains("the database takes no writes"), "{}", server.stderr());
    assert_eq!(ada.get("/healthz").await.status(), 200);

    say(format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    say(hang_up).await;
    assert_eq!(ada.get("/readyz").await.status(), 200);
}
