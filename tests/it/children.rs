//! Children of a session at several servers with caches: an end of the session at one server ends its
//! children at every server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anteroom::sessions::{
    Client, EndReason, NewChild, Origin, ResumeError, SessionId, StartedChild, Token,
};
use anteroom::use_cases::{Check, ChildIdentity};
use anteroom::{Anteroom, SessionStorage};
use serde_json::json;

use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::Browser;
use crate::harness::chance::rounds;

const WIKI: &str = "https://wiki.example.org";

on_every_store!(a_cached_child_is_over_with_its_parent, a_cached_child_has_the_proof_of_its_parent,);

mod at_two_servers {
    mod on_postgres {
        crate::harness::app::over!(
            Postgres,
            super::super::an_end_of_a_session_here_ends_its_children_there => an_end_of_a_session_here_ends_its_children_there,
            super::super::no_check_of_a_child_after_the_answer_to_a_revoke_is_accepted => no_check_of_a_child_after_the_answer_to_a_revoke_is_accepted,
            super::super::a_new_token_here_leaves_the_children_there => a_new_token_here_leaves_the_children_there
        );
    }

    mod on_redis {
        crate::harness::app::over!(
            RedisBesidePostgres,
            super::super::an_end_of_a_session_here_ends_its_children_there => an_end_of_a_session_here_ends_its_children_there,
            super::super::no_check_of_a_child_after_the_answer_to_a_revoke_is_accepted => no_check_of_a_child_after_the_answer_to_a_revoke_is_accepted,
            super::super::a_new_token_here_leaves_the_children_there => a_new_token_here_leaves_the_children_there
        );
    }
}

fn wiki() -> Origin {
    Origin::of(WIKI)
}

fn check_at(anteroom: &Anteroom) -> Check {
    Check::new(anteroom.accounts().clone(), anteroom.sessions().clone())
}

async fn child_of(app: &TestApp, browser: &Browser) -> StartedChild {
    let parent = SessionId::parse(&browser.session_id().await).unwrap();
    let new = NewChild { parent, origin: wiki(), client: Client::default() };
    app.anteroom.sessions().start_child(new).await.unwrap()
}

async fn who(app: &TestApp, token: &Token) -> Result<ChildIdentity, ResumeError> {
    check_at(&app.anteroom).who_at(token, &wiki()).await
}

/// Until these answer checks of the child from memory.
async fn cached(apps: &[&TestApp], child: &StartedChild) {
    for _ in 0..400 {
        let mut all = true;
        for app in apps {
            all &= who(app, &child.token).await.unwrap().identity.under_lease;
        }
        if all {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("a child is not cached");
}

async fn why_not(app: &TestApp, child: &StartedChild) -> EndReason {
    match who(app, &child.token).await {
        Err(ResumeError::Ended(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

async fn a_cached_child_is_over_with_its_parent(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    for way in 0..4 {
        let phone = app.signed_in("ada@example.org").await;
        let child = child_of(&app, &phone).await;
        cached(&[&app], &child).await;
        let identity = who(&app, &child.token).await.unwrap();
        assert_eq!(identity.identity.user.unwrap().email.as_str(), "ada@example.org");
        let elsewhere = check_at(&app.anteroom);
        for origin in ["https://wiki.example.org:8443", &app.public_url] {
            let refused = elsewhere.who_at(&child.token, &Origin::of(origin)).await;
            assert!(matches!(refused, Err(ResumeError::Unknown)), "{refused:?}");
        }
        assert!(matches!(elsewhere.who(&child.token).await, Err(ResumeError::Unknown)));
        let thief = app.browser();
        thief.hold(child.token.reveal());
        assert_eq!(thief.whoami().await.status, 401, "a child is taken for a session");

        let why = match way {
            0 => {
                assert_eq!(phone.delete("/api/session").await.status, 204);
                EndReason::SignedOut
            }
            1 => {
                assert_eq!(laptop.revoke(&phone).await.status, 204);
                EndReason::RevokedByUser
            }
            2 => {
                let sessions = app.anteroom.sessions();
                let reason = EndReason::RevokedByAdmin;
                assert!(sessions.revoke(child.child.id, None, reason).await.unwrap());
                assert!(phone.is_signed_in().await, "a child that ended alone");
                reason
            }
            _ => {
                assert_eq!(child_of(&app, &phone).await.replaced, Some(child.child.id));
                EndReason::Replaced
            }
        };
        assert_eq!(why_not(&app, &child).await, why, "way {way}");
    }
}

/// A new token of the parent changes what its children show, and a check sees that at once.
async fn a_cached_child_has_the_proof_of_its_parent(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let child = child_of(&app, &ada).await;
    let mut before = None;
    for _ in 0..3 {
        cached(&[&app], &child).await;
        app.pass(MINUTE).await;
        assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);

        let proven_at = who(&app, &child.token).await.unwrap().identity.session.authenticated_at;
        assert!(proven_at > before, "{proven_at:?} is not after {before:?}");
        assert_eq!(proven_at, Some(app.anteroom.sessions().now()));
        before = proven_at;
    }
    cached(&[&app], &child).await;
    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    assert!(who(&app, &child.token).await.is_ok(), "the session was kept");
}

/// Two servers with the same stores.
async fn two(kind: Kind) -> [TestApp; 2] {
    let here = TestApp::one_of_several(kind, |_| ()).await;
    let (database, redis) = (here.accounts_at.clone(), here.redis.clone());
    let there = TestApp::one_of_several(kind, |options| {
        options.database = database;
        if let Some(url) = redis {
            options.sessions = SessionStorage::Redis { url: url.as_str().into() };
        }
    });
    let there = there.await;
    [here, there]
}

async fn an_end_of_a_session_here_ends_its_children_there(kind: Kind) {
    let [here, there] = two(kind).await;
    let root = here.administrator("root@example.org").await;
    let laptop = here.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", laptop.user_id().await);
    let mut password = PASSWORD;
    for way in 0..7 {
        let phone = here.browser();
        let answer = phone.try_to_sign_in("ada@example.org", password, false).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let child = child_of(&here, &phone).await;
        cached(&[&here, &there], &child).await;

        let sessions = here.anteroom.sessions();
        let (status, expected, why) = match way {
            0 => (phone.delete("/api/session").await.status, 204, EndReason::SignedOut),
            1 => (laptop.revoke(&phone).await.status, 204, EndReason::RevokedByUser),
            2 => {
                assert_eq!(child_of(&here, &phone).await.replaced, Some(child.child.id));
                (0, 0, EndReason::Replaced)
            }
            3 => {
                let reason = EndReason::RevokedByUser;
                assert!(sessions.revoke(child.child.id, None, reason).await.unwrap());
                assert!(phone.is_signed_in().await);
                (0, 0, reason)
            }
            4 => {
                password = OTHER_PASSWORD;
                let changed = laptop.change_password(PASSWORD, OTHER_PASSWORD).await;
                (changed.status, 204, EndReason::PasswordChanged)
            }
            5 => {
                let changed = root.patch(&path, json!({ "role": "admin" })).await;
                (changed.status, 200, EndReason::RoleChanged)
            }
            _ => {
                let changed = root.patch(&path, json!({ "status": "disabled" })).await;
                (changed.status, 200, EndReason::AccountDisabled)
            }
        };

        assert_eq!(why_not(&there, &child).await, why, "way {way}");
        assert_eq!(why_not(&here, &child).await, why, "way {way}");
        assert_eq!(status, expected, "way {way}");
    }
}

async fn no_check_of_a_child_after_the_answer_to_a_revoke_is_accepted(kind: Kind) {
    let servers = two(kind).await;
    let laptop = servers[0].signed_in("ada@example.org").await;
    for round in 0..rounds("REVOKES", 8, 200) {
        let phone = servers[0].signed_in("ada@example.org").await;
        let child = Arc::new(child_of(&servers[0], &phone).await);
        cached(&[&servers[0], &servers[1]], &child).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let checks: Vec<_> = servers
            .iter()
            .map(|server| {
                let (check, child) = (check_at(&server.anteroom), Arc::clone(&child));
                let is_over = Arc::clone(&is_over);
                tokio::spawn(async move {
                    let (mut accepted, mut after) = (0, 0);
                    while after < 20 {
                        let was_over = is_over.load(Ordering::SeqCst);
                        let seen = check.who_at(&child.token, &wiki()).await;
                        if was_over {
                            after += 1;
                            assert!(seen.is_err(), "accepted after the answer to its revoke");
                        }
                        accepted += u32::from(seen.is_ok());
                        tokio::task::yield_now().await;
                    }
                    accepted
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;

        let begun = Instant::now();
        if round % 2 == 0 {
            assert_eq!(laptop.revoke(&phone).await.status, 204);
        } else {
            let (id, reason) = (child.child.id, EndReason::RevokedByUser);
            assert!(servers[0].anteroom.sessions().revoke(id, None, reason).await.unwrap());
        }
        is_over.store(true, Ordering::SeqCst);

        assert!(begun.elapsed() >= Duration::from_millis(125), "it was answered too early");
        for check in checks {
            assert!(check.await.unwrap() > 0, "no check was accepted before");
        }
    }
}

async fn a_new_token_here_leaves_the_children_there(kind: Kind) {
    let [here, there] = two(kind).await;
    let ada = here.signed_in("ada@example.org").await;
    let child = child_of(&here, &ada).await;
    for _ in 0..5 {
        cached(&[&here, &there], &child).await;
        here.clock.advance(MINUTE);
        assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);

        let now = here.anteroom.sessions().now();
        for app in [&there, &here] {
            let identity = who(app, &child.token).await.unwrap().identity;
            assert_eq!(identity.session.authenticated_at, Some(now));
        }
    }
}
