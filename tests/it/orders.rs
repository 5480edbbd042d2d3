//! What a command changes in the database counts at the very next request, wherever the sessions
//! are kept.

use std::sync::Arc;

use anteroom::accounts::{
    Account, Accounts, AccountsOptions, Email, Hasher, HasherOptions, PasswordPolicy, Role,
    SecondFactorPolicy, Status,
};
use anteroom::audit::{AuditOptions, AuditTrail, By};
use anteroom::clock::Clock;
use anteroom::entropy::Entropy;
use anteroom::sessions::cache::LEASE_WAIT;
use anteroom::sessions::{EndReason, Ended, LeaseOptions, Sessions, SessionsOptions};
use anteroom::store::{
    FollowingStore, MemoryOptions, MemoryStore, RedisSessions, SessionLocation, SessionOrder,
    SqlDatabase,
};
use anteroom::throttle::{Throttle, ThrottleOptions};
use anteroom::use_cases::{AccountChange, AccountChanges, Authorized, RevokeSessions};
use serde_json::json;

use crate::harness::app::{Kind, PASSWORD, TestApp, on_every_store};
use crate::harness::postgres;

on_every_store!(
    what_a_command_decides_about_an_account_holds_at_the_next_request,
    a_command_ends_all_sessions_of_one_person,
);

/// The rooms over a connection of their own, as a command opens them beside the server.
struct Command {
    accounts: Accounts,
    changes: AccountChanges,
    revoke: RevokeSessions,
    database: SqlDatabase,
    clock: Clock,
}

impl Command {
    async fn beside(app: &TestApp, kind: Kind) -> Self {
        let place = kind.sessions_in();
        let database = SqlDatabase::open(app.accounts_at.clone(), place).await.unwrap();
        let store: Arc<dyn anteroom::sessions::SessionStore> = match place {
            SessionLocation::ThisDatabase => Arc::new(database.clone()),
            SessionLocation::Elsewhere => {
                let url = app.redis.as_deref().unwrap().into();
                Arc::new(RedisSessions::open(&url).await.unwrap())
            }
            SessionLocation::ServerMemory => {
                let nothing = MemoryStore::new(MemoryOptions { most_sessions: 0 });
                Arc::new(FollowingStore::start(nothing, database.clone()).await.unwrap())
            }
        };
        let (clock, entropy) = (Clock::from(&app.clock), Entropy::operating_system());
        let audit = AuditTrail::start(AuditOptions {
            store: Arc::new(database.clone()),
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let hasher = Hasher::start_with(entropy.clone(), HasherOptions::cheap_for_tests()).unwrap();
        let accounts = Accounts::new(AccountsOptions {
            store: Arc::new(database.clone()),
            factors: Arc::new(database.clone()),
            relying_party: None,
            second_factor: SecondFactorPolicy::Optional,
            hasher,
            policy: PasswordPolicy::default(),
            throttle: Throttle::new(
                Arc::new(database.clone()),
                ThrottleOptions::off(),
                clock.clone(),
            ),
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let policy = *app.anteroom.sessions().policy();
        let sessions = Sessions::new(SessionsOptions {
            store,
            outbox: (place == SessionLocation::Elsewhere)
                .then(|| Arc::new(database.clone()) as Arc<dyn anteroom::sessions::Outbox>),
            policy,
            clock: clock.clone(),
            entropy,
            leases: LeaseOptions {
                sessions_elsewhere: true,
                users_elsewhere: true,
                ..LeaseOptions::default()
            },
        });
        Self {
            changes: AccountChanges::new(accounts.clone(), sessions.clone(), audit.clone()),
            revoke: RevokeSessions::new(accounts.clone(), sessions, audit),
            accounts,
            database,
            clock,
        }
    }

    async fn account(&self, email: &str) -> Account {
        self.accounts.find_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap()
    }
}

async fn what_a_command_decides_about_an_account_holds_at_the_next_request(kind: Kind) {
    let app = TestApp::start(kind).await;
    let bob = app.signed_in("bob@example.org").await;
    app.add("root@example.org", Role::Admin).await;
    for (wanted, reason) in [
        (AccountChange { role: Some(Role::Admin), ..Default::default() }, "role_changed"),
        (
            AccountChange { status: Some(Status::Disabled), ..Default::default() },
            "account_disabled",
        ),
        (AccountChange { delete: true, ..Default::default() }, "account_deleted"),
    ] {
        let email = format!("{reason}@example.org");
        let (laptop, phone) = (app.signed_in(&email).await, app.signed_in(&email).await);
        assert!(laptop.is_signed_in().await && phone.is_signed_in().await);
        let command = Command::beside(&app, kind).await;
        let id = command.account(&email).await.user.id;

        command
            .changes
            .apply(id, wanted, &Authorized::by_operator(By::command_line()))
            .await
            .unwrap();

        assert_eq!(laptop.why_not().await, reason);
        let page = phone.get("/account").await;
        assert_eq!((page.status, page.set_cookies().len()), (303, 0));
        assert_eq!(phone.patch("/api/session/data", json!({ "a": 1 })).await.status, 401);
        assert!(bob.is_signed_in().await);
    }
    assert_eq!(bob.sessions().await.len(), 1);
}

async fn a_command_ends_all_sessions_of_one_person(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let bob = app.signed_in("bob@example.org").await;
    let command = Command::beside(&app, kind).await;
    let ada = command.account("ada@example.org").await.user.id;

    let reason = anteroom::accounts::EpochReason::RevokedByAdmin;
    command.revoke.all(ada, reason, &By::command_line()).await.unwrap();

    assert_eq!(laptop.why_not().await, "revoked_by_admin");
    assert_eq!(phone.why_not().await, "revoked_by_admin");
    assert!(bob.is_signed_in().await);
    let again = app.signed_in("ada@example.org").await;
    assert_eq!(again.sessions().await.len(), 1);
    assert_eq!(laptop.try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 200);
}

#[tokio::test]
async fn orders_reach_sessions_in_memory() {
    orders_reach_sessions(Kind::Memory).await;
    if postgres::is_here().await {
        orders_reach_sessions(Kind::MemoryBesidePostgres).await;
    }
}

async fn orders_reach_sessions(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    let command = Command::beside(&app, kind).await;
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: command.clock.now() };

    let id = phone.session_id().await;
    let id = anteroom::sessions::SessionId::parse(&id).unwrap();
    command.database.give_order(&SessionOrder::EndOne(id, ended)).await.unwrap();
    tokio::time::sleep(LEASE_WAIT).await;
    assert_eq!(phone.why_not().await, "revoked_by_admin");
    assert!(laptop.is_signed_in().await);

    command.database.give_order(&SessionOrder::EndAll(ended)).await.unwrap();
    tokio::time::sleep(LEASE_WAIT).await;
    assert_eq!(laptop.why_not().await, "revoked_by_admin");
    assert_eq!(visitor.get("/api/session/data").await.json(), json!({}));
    assert!(app.live_sessions().await.is_empty());
}
