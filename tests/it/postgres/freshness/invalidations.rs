//! The invalidations that the tables send for each operation.

use std::time::Duration;

use anteroom::accounts::{
    AccountStore, Change, ChangeError, Epoch, EpochRaise, EpochReason, Group, GroupsChange,
    KeptSession, Name, PasskeyId, PasswordHash, Proof, Role, Status, UserId,
};
use anteroom::sessions::{
    Child, ChildStart, Client, Compartment, EpochMove, Keep, Origin, Rotation, SessionId,
    SessionPolicy, SessionStore, Start, Started, Touch,
};
use anteroom::store::{SessionLocation, SessionOrder, SqlDatabase};
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::super::{NOW, Nodes, add, fresh_digest, fresh_user, fresh_uuid, start_of};
use super::{ENDED, ending};
use crate::harness::postgres::Database;
use crate::harness::server::Place;

/// Hears what is said, word by word.
struct Ear(PgListener);

impl Ear {
    async fn at(database: &Database) -> Self {
        let mut ear = PgListener::connect(&database.url).await.unwrap();
        ear.listen("anteroom_changes").await.unwrap();
        Self(ear)
    }

    /// Everything since it was asked last.
    async fn heard(&mut self) -> Vec<String> {
        sqlx::query("SELECT 1").fetch_all(&mut self.0).await.unwrap();
        let mut heard: Vec<String> =
            std::iter::from_fn(|| self.0.next_buffered()).map(|n| n.payload().to_owned()).collect();
        heard.sort();
        heard
    }

    async fn hears(&mut self, what: &str, expected: &[String]) {
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(self.heard().await, expected, "{what}");
    }
}

fn session(id: SessionId) -> String {
    format!("s{}", id.as_uuid().simple())
}

fn user(id: UserId) -> String {
    format!("u{}", id.as_uuid().simple())
}

/// That nothing is new, though it could have been.
fn nothing() -> String {
    ".".to_owned()
}

/// A sign-in that succeeded.
async fn signed_in(store: &SqlDatabase, user: UserId, epoch: Epoch) -> Start {
    let start = start_of(user, epoch, 3);
    let started = SessionStore::start(store, &start).await.unwrap();
    assert!(matches!(started, Started::Started { .. }), "{started:?}");
    start
}

async fn one(sessions_in: SessionLocation) -> Option<(Nodes, SqlDatabase, Ear)> {
    let nodes = Nodes::start(1, sessions_in).await?;
    let (store, ear) = (nodes.node(0), Ear::at(&nodes.database).await);
    Some((nodes, store, ear))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_no_cache_holds_send_no_invalidation() {
    let Some((nodes, store, mut ear)) = one(SessionLocation::ThisDatabase).await else { return };
    let ada = add(&store, "ada@example.org", Role::User).await;
    ear.hears("a new account", &[user(ada.user.id)]).await;

    let start = signed_in(&store, ada.user.id, ada.epoch).await;
    ear.hears("a sign-in", &[]).await;
    let later = NOW + Duration::from_mins(5);
    let elsewhere = Client { ip_address: "192.0.2.9".parse().ok(), user_agent: "x".to_owned() };
    let touch = Touch { id: start.session.id, at: later, client: elsewhere };
    SessionStore::touch(
        &store,
        &[touch.clone(), Touch { id: SessionId::from_uuid(fresh_uuid()), ..touch }],
    )
    .await
    .unwrap();
    let keep = |id, over| Keep { id, compartment: Compartment::Visitor, over, data: vec![b'1'] };
    store.keep(&keep(start.session.id, 0)).await.unwrap();
    store.keep(&keep(start.session.id, 7)).await.unwrap();
    let hash = |text: &str| PasswordHash::from_stored(text.to_owned());
    assert!(store.upgrade_hash(ada.user.id, &hash("$argon2id$"), &hash("$better$")).await.unwrap());
    SessionStore::sweep(&store, &SessionPolicy::default().cutoffs(NOW), 100).await.unwrap();
    store.sweep_records(NOW).await.unwrap();
    nodes
        .database
        .run(
            "UPDATE sessions SET last_seen_at = last_seen_at + 1, application_data = '1'; \
             UPDATE users SET password_hash = 'x', search_text = 'y'; \
             UPDATE sessions SET token_digest = token_digest WHERE FALSE",
        )
        .await;
    ear.hears("activity, data, hashes", &[nothing()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_and_new_token_sends_an_invalidation_even_if_nothing_ends() {
    let Some((_nodes, store, mut ear)) = one(SessionLocation::ThisDatabase).await else { return };
    let (ada, epoch) = (fresh_user(), Epoch::FIRST);
    let start = signed_in(&store, ada, epoch).await;
    ear.hears("the first of a user", &[user(ada), nothing()]).await;

    let rotation =
        Rotation { from: start.digest, to: fresh_digest(), proof: Proof::Password, at: NOW };
    assert!(store.rotate(&rotation).await.unwrap());
    ear.hears("a rotation", &[session(start.session.id), nothing()]).await;
    assert!(!store.rotate(&Rotation { to: fresh_digest(), ..rotation }).await.unwrap());
    ear.hears("a rotation that comes too late", &[nothing()]).await;

    assert!(store.end(&ending(start.session.id)).await.unwrap());
    ear.hears("an end", &[session(start.session.id)]).await;
    assert!(!store.end(&ending(start.session.id)).await.unwrap());
    ear.hears("a second end", &[nothing()]).await;

    let (first, second) =
        (signed_in(&store, ada, epoch).await, signed_in(&store, ada, epoch).await);
    let brought = Start { previous_token: Some(second.digest), ..start_of(ada, epoch, 1) };
    SessionStore::start(&store, &brought).await.unwrap();
    ear.hears("a sign-in for which others end", &[first, second].map(|s| session(s.session.id)))
        .await;
    assert_eq!(store.end_all(ENDED).await.unwrap(), 1);
    ear.hears("all", &[session(brought.session.id)]).await;
    assert_eq!(store.end_all(ENDED).await.unwrap(), 0);
    ear.hears("all of none", &[nothing()]).await;

    let expired = signed_in(&store, ada, epoch).await;
    let late = SessionPolicy::default().cutoffs(NOW + Duration::from_hours(48));
    SessionStore::sweep(&store, &late, 100).await.unwrap();
    ear.hears("a sweep", &[session(expired.session.id)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_child_sends_the_child_and_with_its_parent_the_parent() {
    let Some((nodes, store, mut ear)) = one(SessionLocation::ThisDatabase).await else { return };
    let start = signed_in(&store, fresh_user(), Epoch::FIRST).await;
    ear.heard().await;
    let begin = async || {
        let child = Child {
            id: SessionId::from_uuid(fresh_uuid()),
            parent: start.session.id,
            origin: Origin::of("https://wiki.example.org"),
            created_at: NOW,
            client: Client::default(),
        };
        let id = child.id;
        store.start_child(&ChildStart { child, digest: fresh_digest() }).await.unwrap();
        id
    };

    let first = begin().await;
    ear.hears("a child", &[]).await;
    let second = begin().await;
    ear.hears("another in its place", &[session(first)]).await;
    assert!(store.end(&ending(second)).await.unwrap());
    ear.hears("the end of a child", &[session(second), nothing()]).await;
    assert!(!store.end(&ending(second)).await.unwrap());
    ear.hears("a second end", &[nothing()]).await;
    let third = begin().await;
    nodes.database.run("UPDATE child_sessions SET origin = 'https://a.example.org'").await;
    ear.hears("a change by hand", &[session(third)]).await;
    assert!(store.end(&ending(start.session.id)).await.unwrap());
    ear.hears("the end of the parent", &[session(start.session.id)]).await;
    nodes.database.run("TRUNCATE child_sessions").await;
    ear.hears("all children", &["*".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raised_epoch_sends_its_user_and_kept_session_even_if_late() {
    let Some((_nodes, store, mut ear)) = one(SessionLocation::ThisDatabase).await else { return };
    let (ada, epoch) = (fresh_user(), Epoch::FIRST);
    let (goes, stays) = (signed_in(&store, ada, epoch).await, signed_in(&store, ada, epoch).await);
    ear.heard().await;

    let survivor = KeptSession {
        session: stays.session.id.as_uuid(),
        from: *stays.digest.as_bytes(),
        to: *fresh_digest().as_bytes(),
        proof: Proof::Password,
    };
    let raise = EpochMove {
        user: ada,
        to: epoch.next(),
        reason: EpochReason::PasswordChanged,
        survivor: Some(survivor),
        at: NOW,
    };
    assert_eq!(store.raise_epoch(&raise).await.unwrap(), 1);
    let sessions = [goes, stays].map(|start| session(start.session.id));
    ear.hears("a raise", &[&sessions[..], &[user(ada), nothing()]].concat()).await;
    assert_eq!(store.raise_epoch(&raise).await.unwrap(), 0);
    ear.hears("the same again", &[nothing()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_account_change_sends_an_invalidation_even_if_late() {
    for sessions_in in
        [SessionLocation::ThisDatabase, SessionLocation::Elsewhere, SessionLocation::ServerMemory]
    {
        let Some((_nodes, store, mut ear)) = one(sessions_in).await else { return };
        let ada = add(&store, "ada@example.org", Role::User).await;
        let id = ada.user.id;
        ear.heard().await;
        let change = |change: &Change| {
            let (store, change) = (store.clone(), change.clone());
            async move { AccountStore::change(&store, id, &change, NOW).await }
        };

        let name = Change {
            seen: ada.epoch,
            name: Some(Name::parse("Ada L.").unwrap()),
            ..Change::default()
        };
        change(&name).await.unwrap();
        ear.hears("a name", &[user(id)]).await;
        change(&name).await.unwrap();
        ear.hears("the same name", &[nothing()]).await;
        let group = Some(GroupsChange::Add(Group::parse("dev").unwrap()));
        let member = Change { seen: ada.epoch, groups: group, ..Change::default() };
        change(&member).await.unwrap();
        ear.hears("a group", &[user(id)]).await;
        change(&member).await.unwrap();
        ear.hears("a group that another one added before", &[nothing()]).await;
        let raise = EpochRaise { reason: EpochReason::AccountDisabled, survivor: None };
        let disable =
            Change { status: Some(Status::Disabled), raise: Some(raise.clone()), ..name.clone() };
        change(&disable).await.unwrap();
        let heard = ear.heard().await;
        assert!(heard.contains(&user(id)), "{sessions_in:?} {heard:?}");
        assert!(matches!(change(&disable).await, Err(ChangeError::Moved)));
        ear.hears("what another one did before", &[nothing()]).await;
        let delete = Change { seen: ada.epoch.next(), delete: true, raise: Some(raise), ..name };
        change(&delete).await.unwrap();
        let heard = ear.heard().await;
        assert!(heard.contains(&user(id)), "{sessions_in:?} {heard:?}");
        assert!(matches!(change(&delete).await, Err(ChangeError::NotFound)));
        ear.hears("what another one deleted before", &[nothing()]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_reach_servers_that_hold_sessions_in_memory() {
    let Some((_nodes, store, mut ear)) = one(SessionLocation::ServerMemory).await else { return };
    let (ada, id) = (fresh_user(), SessionId::from_uuid(fresh_uuid()));
    let raise = EpochMove {
        user: ada,
        to: Epoch::FIRST.next(),
        reason: EpochReason::RevokedByAdmin,
        survivor: None,
        at: NOW,
    };

    store.give_order(&SessionOrder::RaiseEpoch(raise)).await.unwrap();
    ear.hears("a raise", &[user(ada)]).await;
    store.give_order(&SessionOrder::EndOne(id, ENDED)).await.unwrap();
    ear.hears("an end", &[session(id)]).await;
    let passkey = PasskeyId::from_uuid(fresh_uuid());
    store.give_order(&SessionOrder::EndOfPasskey(ada, passkey, ENDED)).await.unwrap();
    ear.hears("an end of those of a passkey", &["*".to_owned()]).await;
    store.give_order(&SessionOrder::EndAll(ENDED)).await.unwrap();
    ear.hears("an end of all", &["*".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_that_is_deleted_by_hand_invalidates_its_owner() {
    let Some((nodes, store, mut ear)) = one(SessionLocation::ThisDatabase).await else { return };
    let ada = add(&store, "ada@example.org", Role::User).await;
    ear.heard().await;
    let by_hand = async |statement: &str| nodes.database.run(statement).await;
    by_hand(
        "INSERT INTO passkeys SELECT '\\x07', user_id, '\\x08', '', '', 0, FALSE, 0, NULL FROM users",
    )
    .await;
    ear.hears("a new passkey", &[]).await;
    by_hand("DELETE FROM passkeys").await;
    ear.hears("a deleted passkey", &[user(ada.user.id)]).await;
    by_hand("TRUNCATE passkeys").await;
    ear.hears("all passkeys", &["*".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_by_hand_send_invalidations_one_by_one_or_for_everything() {
    let Some((nodes, store, mut ear)) = one(SessionLocation::ThisDatabase).await else { return };
    let ada = add(&store, "ada@example.org", Role::User).await;
    let start = signed_in(&store, ada.user.id, ada.epoch).await;
    ear.heard().await;
    let by_hand = async |statement: &str| nodes.database.run(statement).await;

    for column in [
        "epoch = epoch + 1",
        "expires_at = expires_at - 1",
        "authenticated_at = NULL",
        "second_factor = 1, factor_at = 7",
        "factor_at = 8",
        "passkey_id = '\\x07'",
        "passkey_alone = TRUE",
        "timeout_rule = 2",
        "remember_me = NOT remember_me",
        "user_id = NULL",
    ] {
        by_hand(&format!("UPDATE sessions SET {column}, last_seen_at = last_seen_at + 1")).await;
        ear.hears(column, &[session(start.session.id)]).await;
    }
    for column in [
        "role = 'admin'",
        "email = 'a@example.org'",
        "email_verified = NOT email_verified",
        "group_names = 'x'",
    ] {
        by_hand(&format!("UPDATE users SET {column}")).await;
        ear.hears(column, &[user(ada.user.id)]).await;
    }
    by_hand("UPDATE user_epochs SET epoch = epoch + 1").await;
    ear.hears("an epoch", &[user(ada.user.id)]).await;
    by_hand("SET search_path = ''; DELETE FROM public.sessions; DELETE FROM public.user_epochs")
        .await;
    ear.hears("from anywhere", &[session(start.session.id), user(ada.user.id)]).await;
    let other = signed_in(&store, fresh_user(), Epoch::FIRST).await;
    ear.heard().await;
    by_hand("SET session_replication_role = replica; DELETE FROM sessions").await;
    ear.hears("by a session of replication", &[session(other.session.id)]).await;
    by_hand("BEGIN; DELETE FROM users; ROLLBACK").await;
    ear.hears("what was taken back", &[]).await;
    for table in ["sessions", "users", "user_epochs"] {
        by_hand(&format!("TRUNCATE {table}")).await;
        ear.hears(table, &["*".to_owned()]).await;
    }

    for (count, is_everything) in [(200, false), (201, true)] {
        by_hand(&format!(
            "INSERT INTO sessions SELECT uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid()), \
             NULL, NULL, 0, NULL, 0, 0, 0, FALSE, NULL, '', '', 0, '', 0 \
             FROM generate_series(1, {count})"
        ))
        .await;
        assert!(ear.heard().await.is_empty(), "a new session is told");
        by_hand("UPDATE sessions SET expires_at = 1").await;
        let heard = ear.heard().await;
        assert_eq!((heard.len(), heard.contains(&"*".to_owned())), (count, is_everything));
        by_hand("DELETE FROM sessions").await;
        let heard = ear.heard().await;
        let words = if is_everything { 1 } else { 1 + count * 32 };
        assert!(heard.len() == 1 && heard[0].len() == words, "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_do_not_tell_are_made_to_by_their_owner_and_refused_by_others() {
    let Some(database) = Database::fresh().await else { return };
    let mut owner = database.connect().await;
    for silence in [
        "DROP TRIGGER tell_of_ended_sessions ON sessions",
        "ALTER TABLE user_epochs DISABLE TRIGGER tell_of_raised_epochs",
        "ALTER TABLE users DISABLE TRIGGER ALL",
    ] {
        sqlx::raw_sql(AssertSqlSafe(silence)).execute(&mut owner).await.unwrap();
        let role = format!("reader_{}", database.name);
        database
            .run(&format!(
                "CREATE ROLE {role} LOGIN PASSWORD 'one'; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
            ))
            .await;
        let url = database.url_of((&role, "one"));
        let outcome = Place::new().with("ANTEROOM_DATABASE", &url).run(&["user", "list"]);
        assert!(outcome.stderr.contains("`anteroom migrate`"), "{silence}: {outcome:?}");
        database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;

        assert_eq!(database.place().run(&["migrate"]).code, Some(0), "{silence}");
        assert_eq!(silent(&mut owner).await, 0, "{silence}");
    }
    owner.close().await.unwrap();
}

/// How many of our triggers are missing or out of force.
async fn silent(owner: &mut PgConnection) -> i64 {
    let loud = sqlx::query_scalar(
        "SELECT 23 - count(*) FROM pg_trigger WHERE tgname LIKE 'tell_of_%' AND tgenabled = 'A'",
    );
    loud.fetch_one(owner).await.unwrap()
}
