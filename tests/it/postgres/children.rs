//! Children of a session against its end at another server, held up where they meet.

use std::sync::Arc;
use std::time::Duration;

use anteroom::accounts::Epoch;
use anteroom::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, Client, EndReason, Ended, Ending, Loaded, Origin,
    Revocations, SessionId, SessionPolicy, SessionStore, Start,
};
use anteroom::store::SessionLocation;
use sqlx::{Executor as _, PgConnection, Row as _};

use super::{NOW, Nodes, fresh_digest, fresh_user, fresh_uuid, start_of};

const ENDED: Ended = Ended { reason: EndReason::SignedOut, at: NOW };

fn child_of(parent: &Start) -> ChildStart {
    let child = Child {
        id: SessionId::from_uuid(fresh_uuid()),
        parent: parent.session.id,
        origin: Origin::of("https://wiki.example.org"),
        created_at: NOW,
        client: Client::default(),
    };
    ChildStart { child, digest: fresh_digest() }
}

fn ending(id: SessionId) -> Ending {
    Ending { id, of: None, unseen_since: None, ended: ENDED }
}

async fn signed_in(store: &dyn SessionStore) -> Start {
    let start = start_of(fresh_user(), Epoch::FIRST, 20);
    store.start(&start).await.unwrap();
    start
}

/// Until some call waits for a lock.
async fn somebody_waits(connection: &mut PgConnection) {
    for _ in 0..3000 {
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        let count: i64 = connection.fetch_one(waits).await.unwrap().get(0);
        if count > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody waits");
}

async fn ids_after(
    store: &dyn SessionStore,
    cursor: &anteroom::sessions::Cursor,
) -> Vec<SessionId> {
    match store.revocations_after(Some(cursor), 50).await.unwrap() {
        Revocations::After { revocations, .. } => {
            revocations.iter().map(|end| end.session).collect()
        }
        Revocations::Expired => panic!("the cursor has expired"),
    }
}

async fn end_of_feed(store: &dyn SessionStore) -> anteroom::sessions::Cursor {
    match store.revocations_after(None, 1).await.unwrap() {
        Revocations::After { next, .. } => next,
        Revocations::Expired => panic!("there is no feed"),
    }
}

/// The end began before the child was committed, so its statement cannot see the child.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_waited_for_the_start_of_a_child_ends_it() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let (here, there) = (nodes.sessions(0), nodes.sessions(1));
    let parent = signed_in(&*here).await;
    let begin = end_of_feed(&*here).await;
    let (mut holding, mut looking) =
        (nodes.database.connect().await, nodes.database.connect().await);
    let start = child_of(&parent);
    holding.execute("BEGIN").await.unwrap();
    let locked = sqlx::query("SELECT 1 FROM sessions WHERE session_id = $1 FOR UPDATE");
    let id = parent.session.id.as_uuid().as_bytes().to_vec();
    locked.bind(&id).execute(&mut holding).await.unwrap();
    let insert = sqlx::query(
        "INSERT INTO child_sessions VALUES ($1, $2, $3, 'https://wiki.example.org', 0, 0, NULL, '')",
    );
    let insert = insert.bind(start.child.id.as_uuid().as_bytes().to_vec());
    let insert = insert.bind(start.digest.as_bytes().to_vec()).bind(id);
    insert.execute(&mut holding).await.unwrap();

    let (ender, end) = (Arc::clone(&there), ending(parent.session.id));
    let ends = tokio::spawn(async move { ender.end(&end).await.unwrap() });
    somebody_waits(&mut looking).await;
    holding.execute("COMMIT").await.unwrap();

    assert!(ends.await.unwrap(), "the parent did not end");
    for store in [&here, &there] {
        assert_eq!(store.load(&start.digest).await.unwrap(), Loaded::EndedChild(ENDED));
        assert_eq!(store.find_ended(start.child.id).await.unwrap(), Some(ENDED));
        let ids = ids_after(&**store, &begin).await;
        assert_eq!(ids, [parent.session.id, start.child.id]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_waited_for_the_end_of_its_parent_does_not_start() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let (here, there) = (nodes.sessions(0), nodes.sessions(1));
    let parent = signed_in(&*here).await;
    let (mut holding, mut looking) =
        (nodes.database.connect().await, nodes.database.connect().await);
    holding.execute("BEGIN").await.unwrap();
    let delete = sqlx::query("DELETE FROM sessions WHERE session_id = $1");
    let id = parent.session.id.as_uuid().as_bytes().to_vec();
    delete.bind(id).execute(&mut holding).await.unwrap();

    let (starter, start) = (Arc::clone(&there), child_of(&parent));
    let digest = start.digest;
    let starts = tokio::spawn(async move { starter.start_child(&start).await.unwrap() });
    somebody_waits(&mut looking).await;
    holding.execute("COMMIT").await.unwrap();

    assert_eq!(starts.await.unwrap(), ChildStarted::Gone);
    assert_eq!(here.load(&digest).await.unwrap(), Loaded::Unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_whose_parent_was_deleted_by_hand_opens_nothing_and_is_swept() {
    let Some(nodes) = Nodes::start(1, SessionLocation::ThisDatabase).await else { return };
    let store = nodes.sessions(0);
    let (parent, other) = (signed_in(&*store).await, signed_in(&*store).await);
    let (start, kept) = (child_of(&parent), child_of(&other));
    for start in [&start, &kept] {
        store.start_child(start).await.unwrap();
    }
    let mut operator = nodes.database.connect().await;
    let delete = sqlx::query("DELETE FROM sessions WHERE session_id = $1");
    let id = parent.session.id.as_uuid().as_bytes().to_vec();
    delete.bind(id).execute(&mut operator).await.unwrap();

    assert_eq!(store.load(&start.digest).await.unwrap(), Loaded::Unknown);
    assert_eq!(store.find_child(start.child.id).await.unwrap(), None);
    let user = parent.session.owner.user().unwrap();
    assert_eq!(store.children(ChildrenOf::User(user)).await.unwrap(), []);
    assert_eq!(store.children(ChildrenOf::Session(parent.session.id)).await.unwrap(), []);
    assert!(!store.end(&ending(start.child.id)).await.unwrap());

    let at = parent.session.expires_at;
    assert!(store.sweep(&SessionPolicy::default().cutoffs(at), 100).await.unwrap().done);
    let left = "SELECT count(*) FROM child_sessions";
    let left: i64 = operator.fetch_one(left).await.unwrap().get(0);
    assert_eq!(left, 1, "that of the session that timed out");
    assert!(matches!(store.load(&kept.digest).await.unwrap(), Loaded::EndedChild(_)));
}
