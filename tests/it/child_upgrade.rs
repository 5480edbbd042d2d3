//! Databases of releases without child sessions: the upgrade keeps sessions and their ends, and
//! sessions from before it can have children.

use anteroom::accounts::Epoch;
use anteroom::sessions::{
    Child, ChildStart, ChildStarted, Client, CodeDigest, CodeKept, EndReason, Ended, Ending,
    HandoverBinding, HandoverCode, LiveChild, Loaded, Origin, SessionId, SessionPolicy,
    SessionStore, Start,
};
use anteroom::store::{SessionLocation, SqlDatabase};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use time::Duration;

use crate::harness::postgres::Database;
use crate::postgres::{NOW, fresh_digest, fresh_user, fresh_uuid, start_of};

/// Undoes the migration.
const RELEASE_BEFORE: &str = "\
    DROP TABLE child_sessions; \
    DROP TABLE handover_codes; \
    ALTER TABLE ended_sessions DROP COLUMN is_child; \
    DELETE FROM _sqlx_migrations WHERE version = 20261129120000;";

const ENDED: Ended = Ended { reason: EndReason::SignedOut, at: NOW };

async fn signed_in(store: &SqlDatabase) -> Start {
    let start = start_of(fresh_user(), Epoch::FIRST, 20);
    store.start(&start).await.unwrap();
    start
}

fn ending(start: &Start) -> Ending {
    Ending { id: start.session.id, of: None, unseen_since: None, ended: ENDED }
}

/// Does the migration on rows of a release without children.
async fn keeps_what_was_there(open: impl AsyncFn() -> SqlDatabase, run: impl AsyncFn(&str)) {
    let store = open().await;
    let (live, ended) = (signed_in(&store).await, signed_in(&store).await);
    assert!(store.end(&ending(&ended)).await.unwrap());
    store.close().await;
    run(RELEASE_BEFORE).await;

    let store = open().await;

    assert_eq!(store.load(&live.digest).await.unwrap(), Loaded::Live(live.session.clone()));
    let was_user = Loaded::Ended { ended: ENDED, anonymous: false };
    assert_eq!(store.load(&ended.digest).await.unwrap(), was_user);
    assert_eq!(store.find_ended(ended.session.id).await.unwrap(), Some(ENDED));
    let child = Child {
        id: SessionId::from_uuid(fresh_uuid()),
        parent: live.session.id,
        origin: Origin::of("https://wiki.example.org"),
        created_at: NOW,
        client: Client::default(),
    };
    let start = ChildStart { child: child.clone(), digest: fresh_digest() };
    let started = store.start_child(&start).await.unwrap();
    assert_eq!(started, ChildStarted::Started { replaced: None });
    let live_child = LiveChild { child, parent: live.session.clone() };
    assert_eq!(store.load(&start.digest).await.unwrap(), Loaded::Child(live_child));
    let code = HandoverCode {
        digest: CodeDigest::from_bytes(*fresh_digest().as_bytes()),
        session: live.session.id,
        origin: Origin::of("https://wiki.example.org"),
        binding: HandoverBinding::from_bytes([7; 32]),
        expires_at: NOW + Duration::seconds(30),
    };
    assert_eq!(store.keep_code(&code, NOW).await.unwrap(), CodeKept::Kept);
    assert_eq!(store.take_code(&code.digest).await.unwrap(), Some(code));

    assert!(store.end(&ending(&live)).await.unwrap());
    assert_eq!(store.load(&start.digest).await.unwrap(), Loaded::EndedChild(ENDED));
    let later = SessionPolicy::default().cutoffs(NOW + Duration::days(2));
    assert!(store.sweep(&later, 100).await.unwrap().done);
    for digest in [live.digest, ended.digest, start.digest] {
        assert_eq!(store.load(&digest).await.unwrap(), Loaded::Unknown);
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_from_before_child_sessions_is_upgraded() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let open = async || SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    let url = format!("sqlite:{}", path.display());
    keeps_what_was_there(open, async |statements| {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_database_from_before_child_sessions_is_upgraded() {
    let Some(database) = Database::fresh().await else { return };
    let open = async || {
        let location = SessionLocation::ThisDatabase;
        SqlDatabase::open_for_server(&*database.url, location).await.unwrap()
    };
    keeps_what_was_there(open, async |statements| database.run(statements).await).await;
}
