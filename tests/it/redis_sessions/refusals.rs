//! What is found out at the start: a Redis that would lose sessions keeps none.

use anteroom::store::RedisSessions;

use crate::command_line::refused;
use crate::harness::backends::redis_at;
use crate::harness::loopback::free_port;
use crate::harness::redis::{DURABLE, RedisServer, command, connect, is_here};
use crate::harness::server::{Outcome, Place};

/// What a server of ours says that is to keep its sessions there and does not start.
fn start_with(url: &str) -> Outcome {
    let place = Place::new().with("ANTEROOM_SESSIONS", url).with("ANTEROOM_STORE_WAIT", "off");
    let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(outcome.stdout.is_empty(), "{outcome:?}");
    assert_eq!(place.files(), [""; 0], "a database was made");
    outcome
}

fn startup_error(url: &str) -> String {
    let outcome = start_with(url);
    let told = refused(&outcome, 1).to_owned();
    assert_eq!(told.trim_end().lines().count(), 1, "{told}");
    told
}

#[test]
fn ops_4_a_redis_that_would_drop_sessions_or_has_old_ones_is_refused() {
    let why = "which Redis is refused";
    let Some(primary) = RedisServer::start(&[], why) else { return };
    let replica_of = format!("127.0.0.1 {}", primary.port);
    for (options, words) in [
        (
            &["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"][..],
            "maxmemory-policy noeviction",
        ),
        (&["--cluster-enabled", "yes"], "cluster-enabled"),
        (&["--replicaof", &replica_of], "replica"),
    ] {
        let server = RedisServer::start(options, why).unwrap();
        let told = startup_error(&server.url());
        assert!(told.contains(words), "{told}");
        assert!(told.contains(&format!("127.0.0.1:{}", server.port)), "{told}");
    }
}

#[test]
fn one_that_cannot_be_reached_is_named_in_one_line() {
    if !is_here("how a start without Redis fails") {
        return;
    }
    let told = startup_error(&format!("redis://ann:hunter2@127.0.0.1:{}", free_port()));

    assert!(told.contains("ANTEROOM_SESSIONS") && told.contains("Connection refused"), "{told}");
    assert!(!told.contains("hunter2") && !told.contains("ann:"), "{told}");
}

#[test]
fn one_that_says_nothing_is_not_waited_for() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();

    let told = startup_error(&format!("redis://127.0.0.1:{port}"));

    assert!(told.contains("does not answer within a second"), "{told}");
}

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    let options = ["--requirepass", "walnut"];
    let Some(server) = RedisServer::start(&options, "a wrong password for Redis") else { return };
    for login in ["", ":hunter2@", "ann:hunter2@"] {
        let told = startup_error(&format!("redis://{login}127.0.0.1:{}", server.port));
        assert!(told.contains("refuses the login"), "{login}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

/// Rights as the manual has them, without this one.
pub(super) async fn user_without(server: &RedisServer, right: &str) -> String {
    let manual = include_str!("../../../docs/deploy/redis.md");
    let line = manual.lines().find_map(|line| line.strip_prefix("user ")).unwrap();
    let line = line.replace("PASSWORD", "walnut");
    let rights = line.split(' ').filter(|word| *word != right);
    let words: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(rights).collect();
    let _: u64 = server.ask(&["ACL", "DELUSER", "anteroom"]).await;
    let _: () = server.ask(&words).await;
    format!("redis://anteroom:walnut@127.0.0.1:{}", server.port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ops_4_a_user_with_the_rights_of_the_manual_and_no_other_can_do_everything() {
    let options = ["--databases", "200"];
    let Some(server) = RedisServer::start(&options, "the rights that the manual names") else {
        return;
    };
    let url = user_without(&server, "nothing").await;
    let next = std::sync::atomic::AtomicU32::new(0);

    anteroom::testing::conformance::every_case(async || {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        redis_at(&format!("{url}/{number}")).await.store
    })
    .await;

    let refused: Vec<redis::Value> = server.ask(&["ACL", "LOG"]).await;
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn ops_4_a_user_who_lacks_a_right_is_refused_before_any_script_runs_half() {
    let Some(server) = RedisServer::start(&[], "a right that is missing") else { return };
    for (right, named) in [
        ("+rename", "RENAME"),
        ("+zrem", "ZREM"),
        ("+info", "info"),
        ("+evalsha", "evalsha"),
        // The server knows the script by now, which would hide that.
        ("+eval", "eval"),
    ] {
        let url = user_without(&server, right).await;
        let refused = RedisSessions::open(&url.as_str().into()).await.err().unwrap().to_string();
        let right = format!("{named}; docs/deploy/redis.md");
        assert!(refused.contains("it does not allow ") && refused.contains(&right), "{refused}");
    }
    let url = user_without(&server, "~anteroom:1:*").await;
    assert!(RedisSessions::open(&url.as_str().into()).await.is_err());
}

#[tokio::test]
async fn rev_12_a_redis_that_may_undo_a_revocation_is_warned_about_at_the_start() {
    let why = "the warning about appendfsync";
    let everysec = ["--appendonly", "yes", "--appendfsync", "everysec"];
    for (options, words) in [
        (&[][..], Some("appendonly off")),
        (&everysec, Some("appendfsync everysec")),
        (DURABLE, None),
    ] {
        let Some(redis) = RedisServer::start(options, why) else { return };
        let place = Place::new().with("ANTEROOM_SESSIONS", &redis.url());
        let server = place.serve(&[]);
        let warned = server.stderr();
        assert_eq!(warned.contains("WARN"), words.is_some(), "{warned}");
        assert!(warned.contains(words.unwrap_or_default()), "{warned}");
    }

    let redis = RedisServer::start(DURABLE, why).unwrap();
    let url = user_without(&redis, "+config|get").await;
    let server = Place::new().with("ANTEROOM_SESSIONS", &url).serve(&[]);
    assert!(server.stderr().contains("could not read appendfsync"), "{}", server.stderr());
}

#[tokio::test]
async fn what_makes_a_redis_unfit_later_stops_the_next_connection() {
    let Some(server) = RedisServer::start(&[], "a Redis that becomes unfit") else { return };
    let store = redis_at(&server.url()).await.store;
    let set = ["CONFIG", "SET", "maxmemory", "50mb", "maxmemory-policy", "allkeys-lru"];
    let _: () = server.ask(&set).await;
    assert!(store.ready().await.is_ok(), "nobody has looked yet");

    let mut operator = connect(&server.url()).await;
    let kill = command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let _: () = kill.query_async(&mut operator).await.unwrap();

    let error = store.ready().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("noeviction"), "{cause}");
}
