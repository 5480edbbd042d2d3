//! A Redis that is paused, busy, cut off, restarted, emptied: bounded answers, nobody is signed out
//! who was not, and all goes on without a restart of ours.

use std::time::{Duration, Instant};

use anteroom::audit::By;
use anteroom::sessions::cache::LEASE_WAIT;
use anteroom::sessions::{EndReason, SessionStore, Token};
use anteroom::use_cases::{Check, RevokeSessions};
use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use serde_json::json;

use super::{Stage, begin, ending, is_live, opened, start};
use crate::harness::app::{OTHER_PASSWORD, PASSWORD};
use crate::harness::redis::{DURABLE, RedisServer, command, connect};

/// No call of the store takes longer, and this machine is slow.
const BOUND: Duration = Duration::from_millis(2_900);

impl Stage {
    /// Whatever is asked is answered in time: the store is silent, and nothing is claimed once what
    /// it said before has had its time.
    async fn answers_503(&self) {
        let Self { app, ada, .. } = self;
        tokio::time::sleep(LEASE_WAIT).await;
        let token = ada.token();
        let (begun, visitor) = (Instant::now(), app.browser());
        let (whoami, page, data, revoke, sign_in, password, ready) = tokio::join!(
            ada.whoami(),
            ada.get("/account"),
            ada.patch("/api/session/data", json!({ "a": 1 })),
            ada.delete("/api/sessions"),
            visitor.try_to_sign_in("ada@example.org", PASSWORD, false),
            ada.change_password(PASSWORD, OTHER_PASSWORD),
            visitor.get("/readyz"),
        );
        let took = begun.elapsed();
        for answer in [&whoami, &data, &revoke, &sign_in, &password] {
            assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
        }
        assert_eq!((page.status, ready.status), (503, 503));
        for answer in [&whoami, &page, &data, &revoke, &sign_in, &password, &ready] {
            assert_eq!(answer.set_cookies(), [""; 0]);
        }
        assert!(took < BOUND, "{took:?}");
        assert_eq!(ada.token(), token);
        let sign_out = ada.copy().delete("/api/session").await;
        assert_eq!(sign_out.status, 503, "a sign-out that cannot be done is not claimed");
        assert_eq!(visitor.get("/healthz").await.status, 200);
    }

    /// Everything works again, at once, for the same browser.
    async fn goes_on(&self) {
        let Self { app, ada, .. } = self;
        assert!(ada.is_signed_in().await, "{}", ada.whoami().await.text);
        assert_eq!(ada.patch("/api/session/data", json!({ "a": 2 })).await.status, 200);
        assert_eq!(ada.get("/readyz").await.status, 200);
        let phone = app.signed_in("ada@example.org").await;
        assert_eq!(ada.revoke(&phone).await.status, 204);
        assert_eq!(phone.why_not().await, "revoked_by_user");
    }

    /// Waits until it would answer us.
    async fn operator(&self) -> MultiplexedConnection {
        connect(&self.redis.url()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_paused_is_waited_for_two_seconds_at_most() {
    let Some(stage) = Stage::new(&[], "a Redis that is paused").await else { return };
    for _ in 0..2 {
        stage.redis.signal("STOP");
        stage.answers_503().await;
        stage.redis.signal("CONT");
        let _: String = stage.redis.ask(&["PING"]).await;
        stage.goes_on().await;
    }
}

/// They were let in before the pause, so that only their turns and Redis can hold them up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_sign_out_everywhere_else_do_not_wait_one_after_another_for_a_paused_redis() {
    let Some(stage) = Stage::new(&[], "a queue before a paused Redis").await else { return };
    let Stage { redis, app, ada } = &stage;
    let (accounts, sessions) = (app.anteroom.accounts().clone(), app.anteroom.sessions().clone());
    let check = Check::new(accounts.clone(), sessions.clone());
    let revoke = RevokeSessions::new(accounts, sessions.clone(), app.anteroom.audit().clone());
    let (mut people, by) = (Vec::new(), By::server());
    for number in 0..12 {
        let browser = app.signed_in(&format!("p{number}@example.org")).await;
        let token = Token::parse(browser.token().as_bytes()).unwrap();
        people.push((check.who(&token).await.unwrap(), token));
    }
    let hers = check.who(&Token::parse(ada.token().as_bytes()).unwrap()).await.unwrap().session;

    redis.signal("STOP");
    let begun = Instant::now();
    let revoking = join_all(people.iter().map(|(visitor, token)| {
        let user = visitor.user.as_ref().unwrap().id;
        revoke.others(user, (&visitor.session, token), &by)
    }));
    let signing_out = sessions.revoke(hers.id, None, EndReason::SignedOut);
    let (revoked, signed_out) = tokio::join!(revoking, signing_out);
    let took = begun.elapsed();
    redis.signal("CONT");

    assert!(revoked.iter().all(Result::is_err) && signed_out.is_err());
    assert!(took < BOUND, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_gone_and_comes_back_needs_no_restart_of_ours() {
    let Some(mut stage) = Stage::new(DURABLE, "a Redis that is gone").await else { return };
    for _ in 0..2 {
        stage.redis.kill();
        stage.answers_503().await;
        stage.redis.start_again();
        stage.goes_on().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_of_others_that_takes_its_time_holds_nobody_up_for_longer() {
    let options = ["--enable-debug-command", "yes", "--busy-reply-threshold", "100"];
    let Some(stage) = Stage::new(&options, "a Redis that is busy").await else { return };
    let mut operator = stage.operator().await;
    let sleeping = tokio::spawn(async move {
        let _: () = command(&["DEBUG", "SLEEP", "5"]).query_async(&mut operator).await.unwrap();
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stage.answers_503().await;
    sleeping.await.unwrap();
    stage.goes_on().await;

    let mut operator = stage.operator().await;
    let busy = tokio::spawn(async move {
        let forever = ["EVAL", "while true do end", "0"];
        command(&forever).query_async::<()>(&mut operator).await.unwrap_err()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    stage.answers_503().await;
    let _: () = stage.redis.ask(&["SCRIPT", "KILL"]).await;
    busy.await.unwrap();
    stage.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_costs_no_reading_and_a_forgotten_script_nothing() {
    let Some(stage) = Stage::new(&[], "a connection to Redis that is cut").await else { return };
    let mut operator = stage.operator().await;
    for round in 0..20 {
        let kill = command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        let _: () = kill.query_async(&mut operator).await.unwrap();
        assert!(stage.ada.is_signed_in().await, "round {round}");
        let flush = command(&["SCRIPT", "FLUSH"]);
        let _: () = flush.query_async(&mut operator).await.unwrap();
        stage.goes_on().await;
    }
}

/// What was sent and not answered is not sent again where twice is not as good as once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_is_cut_off_fails_or_is_done_and_is_never_denied() {
    let Some(redis) = RedisServer::start(&[], "an end that is cut off") else { return };
    let store = opened(&redis.url()).await;
    let mut operator = redis.connect().await;
    let (mut failed, mut done) = (0, 0);
    // On a busy machine one of the two may be rare.
    for number in 0..2000 {
        if number >= 60 && done > 0 && failed > 0 {
            break;
        }
        let session = start(number, Some(1), 0);
        begin(&*store, &session).await;
        let ending = ending(&session);
        let kill = async {
            // Sooner and later, so that some are cut off on their way there, and some on the way
            // back.
            for _ in 0..number % 60 * 2 {
                tokio::task::yield_now().await;
            }
            let kill = command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            kill.query_async::<i64>(&mut operator).await
        };
        let (ended, _) = tokio::join!(store.end(&ending), kill);
        match ended {
            Ok(true) => done += 1,
            Ok(false) => panic!("it says that there was nothing to end"),
            Err(_) => failed += 1,
        }
        if let Ok(true) = ended {
            assert!(!is_live(&*store, &session).await);
        }
    }
    println!("{done} were done, {failed} failed");
    assert!(done > 0 && failed > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_159_after_a_flush_everybody_is_signed_out_and_nothing_late_brings_anything_back() {
    let Some(stage) = Stage::new(&[], "a Redis that is emptied").await else { return };
    let Stage { redis, app, ada } = &stage;
    // So that an epoch above the first is known to Redis.
    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    let id = ada.session_id().await;
    let _: () = redis.ask(&["FLUSHALL"]).await;

    tokio::time::sleep(LEASE_WAIT).await;
    assert_eq!(ada.whoami().await.refusal(), (401, "no_session".to_owned()));
    app.pass(Duration::from_mins(2)).await;
    assert_eq!(ada.patch("/api/session/data", json!({ "a": 1 })).await.status, 200);
    assert_ne!(ada.whoami().await.json()["session"]["id"], json!(id));
    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "*"]).await;
    assert!(keys.iter().all(|key| !key.ends_with(id.as_bytes())), "{keys:?}");

    // The copy of the epoch is gone; that of the account is not.
    let account = app.anteroom.accounts();
    let email = anteroom::accounts::Email::parse("ada@example.org").unwrap();
    let account = account.find_by_email(&email).await.unwrap().unwrap();
    assert!(account.epoch > anteroom::accounts::Epoch::FIRST);
    let late = anteroom::sessions::NewSession {
        owner: anteroom::sessions::Owner::User {
            id: account.user.id,
            epoch: anteroom::accounts::Epoch::FIRST,
        },
        administrator: false,
        second_factor: None,
        passkey: None,
        remember_me: false,
        client: anteroom::sessions::Client::default(),
        previous_token: None,
        last_epoch_reason: None,
    };
    // A sign-in that was under way since before the change, and before the flush.
    if let Ok(started) = app.anteroom.sessions().start(late).await {
        let check = anteroom::use_cases::Check::new(
            app.anteroom.accounts().clone(),
            app.anteroom.sessions().clone(),
        );
        let refused = check.who(&started.token).await.unwrap_err();
        assert!(matches!(refused, anteroom::sessions::ResumeError::Ended(_)), "{refused}");
    }
    let browser = app.browser();
    let signed_in = browser.try_to_sign_in("ada@example.org", OTHER_PASSWORD, false).await;
    assert_eq!(signed_in.status, 200);
    assert_eq!(browser.sessions().await.len(), 1, "and what began earlier has ended with it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_becomes_a_replica_under_our_feet_is_not_believed() {
    let Some(stage) = Stage::new(&[], "a primary that becomes a replica").await else { return };
    let other = RedisServer::start(&[], "another primary").unwrap();
    let port = other.port.to_string();

    let _: () = stage.redis.ask(&["REPLICAOF", "127.0.0.1", &port]).await;

    stage.answers_503().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_lacks_the_replicas_it_needs_is_not_believed() {
    let Some(stage) = Stage::new(&[], "a primary without its replicas").await else { return };

    let _: () = stage.redis.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    stage.answers_503().await;

    let _: () = stage.redis.ask(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    stage.goes_on().await;
}
