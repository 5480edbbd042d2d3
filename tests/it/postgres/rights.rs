//! Whose tables they are, of which release, and what a role may do with them.

use std::fs;
use std::path::Path;

use anteroom::accounts::{
    Account, AccountStore, Change, ChangeError, Epoch, EpochRaise, EpochReason, Letter, LetterId,
    LetterKind, Link, LinkDigest, LinkPurpose, PendingEmail, Role, UsedLink, UserId,
};
use anteroom::audit::{
    Along, AuditStore, AuditWalk, By, Event, EventId, Kind as What, Recorded, Retention,
};
use anteroom::clock::Clock;
use anteroom::entropy::Entropy;
use anteroom::mail::{FailedLetter, MailListing, MailStore};
use anteroom::sessions::{
    self, AccessToken, AccessTokenId, EndReason, Ended, Outbox as _, SessionId, SessionPolicy,
    SessionStore,
};
use anteroom::store::{SessionLocation, SessionOrder, SqlDatabase};
use anteroom::testing::conformance::{check_trace, random_trace};
use anteroom::throttle::ThrottleStore;
use anteroom::tokens::{ClientId, Consent, TokenStore};
use anteroom::webhook::{DeliveryFailure, DeliveryRetention, DeliveryStore, FailedAttempt};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::{NOW, add};
use crate::command_line::{done, refused};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::postgres::{Cluster, Database, OWNER_PASSWORD};
use crate::harness::server::Place;

/// What a statement is refused with.
async fn refusal(connection: &mut PgConnection, statement: &str) -> String {
    let outcome = sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await;
    outcome.map(|done| format!("{done:?}")).unwrap_err().to_string()
}

/// A block of SQL in the page for operators.
fn documented(beginning: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deploy/postgresql.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```sql\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.filter(|block| block.starts_with(beginning)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_5_programs_that_start_at_once_on_an_empty_database_migrate_it_once() {
    for _ in 0..2 {
        let Some(database) = Database::empty().await else { return };
        let place = database.place();
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let commands: Vec<_> =
                    (0..6).map(|_| scope.spawn(|| place.run(&["migrate"]))).collect();
                for command in commands {
                    let outcome = command.join().unwrap();
                    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
                }
            });
        });
        assert!(Client::of(&place.serve(&[])).get("/readyz").await.status().is_success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_5_tables_of_a_later_release_are_refused_and_left_as_they_are() {
    let Some(database) = Database::fresh().await else { return };
    database
        .run(
            "INSERT INTO _sqlx_migrations \
             VALUES (99990101000000, 'of a later release', now(), TRUE, '', 1)",
        )
        .await;
    let before = migrations(&database).await;

    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"], &["migrate"]] {
        let outcome = database.place().run(command);
        let line = refused(&outcome, 1);
        assert!(line.contains("another release") && line.contains(&database.name), "{line}");
    }

    assert_eq!(migrations(&database).await, before);
}

async fn migrations(database: &Database) -> Vec<i64> {
    let mut connection = database.connect().await;
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations ORDER BY version");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_3_a_role_that_may_change_no_table_serves_and_says_what_to_run_where_it_cannot() {
    const OWNER: (&str, &str) = ("anteroom_owner", "one");
    const SERVER: (&str, &str) = ("anteroom", "another");
    let Some(database) = Database::empty().await else { return };
    let roles = documented("CREATE ROLE");
    let (roles, _) = roles.split_once("CREATE DATABASE").unwrap();
    database.run(roles).await;
    database.run(&format!("ALTER DATABASE {} OWNER TO anteroom_owner", database.name)).await;
    let [as_owner, as_server] =
        [OWNER, SERVER].map(|role| Place::new().with("ANTEROOM_DATABASE", &database.url_of(role)));

    // Nothing is there yet, and the server may not make it.
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"]] {
        let line = refused(&as_server.run(command), 1).to_owned();
        assert!(line.contains("`anteroom migrate`") && !line.contains(SERVER.1), "{line}");
    }
    assert_eq!(done(&as_owner.run(&["migrate"])), "the database is up to date\n");
    let line = refused(&as_server.run(&["serve", "--listen", "127.0.0.1:0"]), 1).to_owned();
    assert!(line.contains("the grants of docs/deploy/postgresql.md"), "{line}");
    let mut owner = PgConnection::connect(&database.url_of(OWNER)).await.unwrap();
    let grants = documented("GRANT");
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(&mut owner).await.unwrap();

    everything_can_be_done(&as_server).await;
    for sessions_in in
        [SessionLocation::Elsewhere, SessionLocation::ServerMemory, SessionLocation::ThisDatabase]
    {
        let url = database.url_of(SERVER);
        let store = SqlDatabase::open_for_server(&*url, sessions_in).await.unwrap();
        every_statement_can_be_carried_out(&store).await;
    }

    let mut server = PgConnection::connect(&database.url_of(SERVER)).await.unwrap();
    for statement in [
        "UPDATE audit_events SET outcome = 'nothing'",
        "TRUNCATE audit_events",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "CREATE TABLE mine (id BIGINT)",
        "DROP TABLE sessions",
        "DELETE FROM _sqlx_migrations",
    ] {
        let refusal = refusal(&mut server, statement).await;
        let denied = refusal.contains("permission denied") || refusal.contains("must be owner");
        assert!(denied, "{statement}: {refusal}");
    }

    let too_early = refusal(&mut server, "DELETE FROM audit_events").await;
    assert!(too_early.contains("audit events are never changed"), "{too_early}");

    // A later release comes with other tables.
    let last = "DROP TABLE consents; \
                ALTER TABLE oauth_clients DROP COLUMN redirect_uris, DROP COLUMN is_public, \
                DROP COLUMN is_trusted, DROP COLUMN allowed_groups; \
                DELETE FROM _sqlx_migrations WHERE version = \
                (SELECT MAX(version) FROM _sqlx_migrations)";
    sqlx::raw_sql(last).execute(&mut owner).await.unwrap();
    let line = refused(&as_server.run(&["serve", "--listen", "127.0.0.1:0"]), 1).to_owned();
    assert!(line.contains("`anteroom migrate`") && line.contains("owner"), "{line}");
    done(&as_owner.run(&["migrate"]));
    done(&as_server.run(&["user", "list"]));
}

/// By the real program.
async fn everything_can_be_done(place: &Place) {
    let server = place.serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let root = Client::of(&server);
    assert_eq!(root.set_up(&server, "root@example.org").await.status(), 303);
    assert_eq!(Client::of(&server).sign_in("ada@example.org", "wrong as can be today").await, 401);
    let change = serde_json::json!({ "current_password": PASSWORD, "new_password": "granite kite under seven moons" });
    let request = ada.request(reqwest::Method::PUT, "/api/account/password").json(&change);
    assert_eq!(request.send().await.unwrap().status(), 204);
    let data = ada.request(reqwest::Method::PATCH, "/api/session/data");
    assert_eq!(data.json(&serde_json::json!({ "a": 1 })).send().await.unwrap().status(), 200);
    done(&server.command(&["session", "revoke", "--user", "ada@example.org"]));
    assert_eq!(ada.reason().await, "revoked_by_admin");
    done(&server.command(&["user", "delete", "ada@example.org", "--yes"]));
    assert_eq!(root.get("/api/admin/audit").await.status(), 200);
    server.stop();
}

/// Also those that the program gets to only after days.
async fn every_statement_can_be_carried_out(store: &SqlDatabase) {
    let sessions: &dyn SessionStore = store;
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: NOW };
    sessions.end_all(ended).await.unwrap();
    sessions.revocations_after(None, 1).await.unwrap();
    // A second trace would find what the first one left.
    if store.sessions_in() == SessionLocation::ThisDatabase {
        check_trace(sessions, &random_trace(3, 150)).await.unwrap();
    }
    let late = NOW + time::Duration::days(40);
    sessions.sweep(&SessionPolicy::default().cutoffs(late), 100).await.unwrap();
    let throttle: &dyn ThrottleStore = store;
    throttle.sweep(late, late, 100).await.unwrap();
    store.give_order(&SessionOrder::EndAll(ended)).await.unwrap();
    let accounts: &dyn AccountStore = store;
    let known = add(accounts, &format!("{:?}@example.org", store.sessions_in()), Role::User).await;
    let raise = EpochRaise { reason: EpochReason::RevokedByUser, survivor: None };
    let change = Change { seen: known.epoch, raise: Some(raise), ..Change::default() };
    accounts.change(known.user.id, &change, NOW).await.unwrap();
    for told in store.pending(10).await.unwrap() {
        store.cross_off(told.user, told.to).await.unwrap();
    }
    every_letter_can_be_sent(store, &known).await;
    every_token_can_be_revoked(store).await;
    accounts.raise_epochs(Epoch::FIRST, EpochReason::RevokedByUser, NOW).await.unwrap();
    store.sweep_records(late).await.unwrap();
    every_record_can_be_let_go_of(store).await;
    store.close().await;
}

/// And the clients and keys are changed.
async fn every_token_can_be_revoked(store: &SqlDatabase) {
    let tokens: &dyn TokenStore = store;
    assert!(tokens.clients().await.unwrap().is_empty());
    assert!(tokens.keys().await.unwrap().is_empty());
    let (nobody, none) = (Uuid::from_u128(1), Uuid::from_u128(1));
    let (nobody, none) = (UserId::from_uuid(nobody), ClientId::from_uuid(none));
    assert_eq!(tokens.consent(nobody, none).await.unwrap(), None);
    assert!(tokens.consents(nobody).await.unwrap().is_empty());
    assert!(!tokens.withdraw_consent(nobody, none).await.unwrap());
    let consent = Consent { user: nobody, client: none, scopes: Vec::new(), given_at: NOW };
    assert!(!tokens.give_consent(&consent).await.unwrap());
    assert!(!tokens.remove_client(ClientId::from_uuid(Uuid::from_u128(1))).await.unwrap());
    assert_eq!(tokens.delete_keys(NOW).await.unwrap(), 0);
    tokens.delete_all_keys().await.unwrap();
    let token = AccessToken {
        id: AccessTokenId::from_uuid(Uuid::from_u128(2)),
        session: SessionId::from_uuid(Uuid::from_u128(3)),
        user: UserId::from_uuid(Uuid::from_u128(4)),
        client: "client".into(),
        audience: "audience".into(),
        scope: "".into(),
        is_client_signed: false,
        is_delegated: false,
        issued_at: NOW,
        expires_at: NOW,
    };
    tokens.deny(&(&token).into()).await.unwrap();
    let later = AccessToken { expires_at: NOW + time::Duration::HOUR, ..token.clone() };
    tokens.deny(&(&later).into()).await.unwrap();
    assert!(tokens.is_denied(&token).await.unwrap());
}

/// And given up, and its link used, and forgotten.
async fn every_letter_can_be_sent(store: &SqlDatabase, known: &Account) {
    let id = || LetterId::from_uuid(Entropy::operating_system().id(NOW).unwrap());
    let letter = || Letter {
        id: id(),
        kind: LetterKind::Recovery,
        user: Some(known.user.id),
        to: known.user.email.clone(),
        detail: String::new(),
        language: String::new(),
        queued_at: NOW,
        due_at: NOW,
    };
    let accounts: &dyn AccountStore = store;
    accounts.write_to(&letter()).await.unwrap();
    let store: &dyn MailStore = store;
    store.queue(&letter()).await.unwrap();
    for detail in ["curl", "Firefox"] {
        let letter = Letter { detail: detail.to_owned(), kind: LetterKind::NewDevice, ..letter() };
        store.note_use("ko", &letter).await.unwrap();
    }
    let claimed = store.claim(NOW, NOW, 10).await.unwrap();
    assert_eq!(claimed.len(), 3);
    let link = Link {
        digest: LinkDigest::of("token"),
        purpose: LinkPurpose::Recovery,
        user: known.user.id,
        email: known.user.email.clone(),
        queued_at: NOW,
        expires_at: NOW + time::Duration::HOUR,
    };
    store.renew(&claimed[0], NOW).await.unwrap();
    let recipient = store.prepare(&claimed[0], Some(&link), NOW).await.unwrap().unwrap();
    assert_eq!(recipient.language, "ko");
    assert_eq!(store.link(&link.digest).await.unwrap(), Some(link.clone()));
    store.sent(claimed[0].letter.id).await.unwrap();
    let failed = FailedLetter { at: NOW, error: "no".to_owned(), again_at: None };
    store.put_back(&claimed[1], &failed).await.unwrap();
    let listing = MailListing { before: None, limit: 10 };
    assert_eq!(store.list(&listing).await.unwrap().entries.len(), 2);
    assert_eq!(store.state().await.unwrap().failed, 1);
    let seen = accounts.find(known.user.id).await.unwrap().unwrap().epoch;
    let used = UsedLink { digest: link.digest, purpose: link.purpose };
    let pending = Some(PendingEmail::Asked(known.user.email.clone()));
    let change = Change { seen, link: Some(used), pending_email: pending, ..Change::default() };
    accounts.change(known.user.id, &change, NOW).await.unwrap();
    assert!(accounts.pending_email(known.user.id).await.unwrap().is_some());
    let again = accounts.change(known.user.id, &change, NOW).await.unwrap_err();
    assert!(matches!(again, ChangeError::LinkGone), "{again:?}");
    let delete = Change { seen, delete: true, ..Change::default() };
    accounts.change(known.user.id, &delete, NOW).await.unwrap();
    assert!(store.sweep(NOW + time::Duration::days(400), 100).await.unwrap());
    assert_eq!(store.state().await.unwrap().failed, 0);
}

/// By the clock of the machine, which is that of the database, too.
async fn every_record_can_be_let_go_of(store: &SqlDatabase) {
    let now = Clock::system().now();
    let ip_address = Some("203.0.113.7".parse().unwrap());
    let by = By::anonymous(sessions::Client { ip_address, user_agent: String::new() });
    for days in [50, 400] {
        let at = now - time::Duration::days(days);
        let id = EventId::from_uuid(Entropy::operating_system().id(at).unwrap());
        store.append(&[Recorded::new(id, at, Event::new(What::Login, &by))]).await.unwrap();
    }
    let sweep = async || store.sweep_audit(&Retention::default(), now, 100).await;
    assert!(sweep().await.unwrap());
    let walk = AuditWalk { along: Along::Kind(What::Login), before: None, limit: 100 };
    let audit: &dyn AuditStore = store;
    let found = audit.walk(&walk).await.unwrap();
    assert_eq!(found.last().unwrap().network().as_deref(), Some("203.0.113.0/24"));
    every_delivery_can_be_made(store, found.last().unwrap()).await;
}

/// And given up, and forgotten.
async fn every_delivery_can_be_made(store: &SqlDatabase, event: &Recorded) {
    let now = Clock::system().now();
    for _ in 0..2 {
        let id = EventId::from_uuid(Entropy::operating_system().id(now).unwrap());
        let event = Recorded { id, at: now, is_announced: true, ..event.clone() };
        store.append(&[event]).await.unwrap();
    }
    let store: &dyn DeliveryStore = store;
    let claimed = store.claim(now, now, 10).await.unwrap();
    let failed = FailedAttempt { at: now, why: DeliveryFailure::Timeout, again_at: None };
    store.put_back(&claimed[0], &failed).await.unwrap();
    store.delivered(claimed[1].id, now).await.unwrap();
    let left =
        DeliveryRetention { given_up_since: now + time::Duration::DAY, waiting_since: Some(now) };
    assert_eq!(store.state().await.unwrap().failed, 1);
    assert!(store.sweep(&left, 10).await.unwrap());
    assert_eq!(store.state().await.unwrap().failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_6_not_even_the_owner_changes_an_event_by_mistake() {
    let Some(database) = Database::fresh().await else { return };
    let place = database.place();
    let added = place.run_with_input(
        &["user", "add", "--password-stdin", "ada@example.org"],
        &format!("{PASSWORD}\n"),
    );
    done(&added);
    let mut owner = database.connect().await;

    for statement in [
        "UPDATE audit_events SET outcome = 'nothing'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "INSERT INTO audit_events SELECT * FROM audit_events \
         ON CONFLICT (event_id) DO UPDATE SET outcome = 'nothing'",
    ] {
        let refusal = refusal(&mut owner, statement).await;
        assert!(refusal.contains("audit events are never changed"), "{statement}: {refusal}");
    }

    let events = sqlx::query("SELECT COUNT(*) FROM audit_events WHERE outcome = 'ok'");
    assert_eq!(events.fetch_one(&mut owner).await.unwrap().get::<i64, _>(0), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_encoding_is_refused() {
    let Some(database) = Database::empty().await else { return };
    let latin = format!("{}_latin", database.name);
    database
        .run(&format!("CREATE DATABASE {latin} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
        .await;
    let url = database.url.replace(&database.name, &latin);

    let outcome = Place::new().with("ANTEROOM_DATABASE", &url).run(&["user", "list"]);

    let line = refused(&outcome, 1);
    assert!(line.contains("UTF8") && !line.contains(OWNER_PASSWORD), "{line}");
    database.run(&format!("DROP DATABASE {latin}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_refused() {
    let become_standby = |data: &Path| fs::write(data.join("standby.signal"), "").unwrap();
    let settings = &["wal_level=replica", "max_wal_senders=10", "hot_standby=on"];
    let start = move || Cluster::start_from(become_standby, settings);
    let Some(cluster) = tokio::task::spawn_blocking(start).await.unwrap() else { return };
    let place = Place::new().with("ANTEROOM_DATABASE", &cluster.url("postgres"));

    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"]] {
        let line = refused(&place.run(command), 1).to_owned();
        assert!(line.contains("standby") && line.contains("primary"), "{line}");
    }
}
