//! Two processes on one Redis: what one of them has ended is over at the other at once, though that
//! one answers checks without asking anybody.

use super::checks_from_memory;
use crate::command_line::done;
use crate::harness::app::{OTHER_PASSWORD, PASSWORD};
use crate::harness::browser::Browser;
use crate::harness::loopback::free_address;
use crate::harness::postgres::Database;
use crate::harness::redis::RedisServer;
use crate::harness::server::{Place, Server};

const PUBLIC_URL: &str = "http://localhost:8080";
const ADA: &str = "ada@example.org";

fn with_sessions_in(redis: &RedisServer, place: Place) -> Place {
    place
        .with("ANTEROOM_PUBLIC_URL", PUBLIC_URL)
        .with("ANTEROOM_SESSIONS", &redis.url())
        .without_throttles()
}

fn at(server: &Server) -> Browser {
    Browser::of(server.address(), PUBLIC_URL)
}

/// The same person with the same cookie at another server.
fn as_at(browser: &Browser, server: &Server) -> Browser {
    let there = at(server);
    there.hold(&browser.token());
    there
}

async fn signed_in(server: &Server, password: &str) -> Browser {
    let browser = at(server);
    let answer = browser.try_to_sign_in(ADA, password, false).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    browser
}

async fn asks_nobody(browser: &Browser, redis: &RedisServer) {
    checks_from_memory(&redis.url(), async || browser.is_signed_in().await).await;
}

/// What ends the session of the phone: done by another session of the same person, or by a command.
#[derive(Clone, Copy, Debug)]
enum Operation {
    SignOut,
    Revoke,
    SignOutEverywhereElse,
    ChangePassword,
    Command(&'static str),
}

/// Does it at `here`, and gives why the phone is out.
async fn does(
    operation: Operation,
    here: &Server,
    laptop: &Browser,
    phone: &Browser,
) -> &'static str {
    match operation {
        Operation::SignOut => {
            assert_eq!(phone.delete("/api/session").await.status, 204);
            "signed_out"
        }
        Operation::Revoke => {
            assert_eq!(laptop.revoke(phone).await.status, 204);
            "revoked_by_user"
        }
        Operation::SignOutEverywhereElse => {
            assert_eq!(laptop.delete("/api/sessions").await.status, 200);
            "revoked_by_user"
        }
        Operation::ChangePassword => {
            assert_eq!(laptop.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
            "password_changed"
        }
        Operation::Command("disable") => {
            done(&here.command(&["user", "disable", ADA]));
            "account_disabled"
        }
        Operation::Command(_) => {
            done(&here.command(&["session", "revoke", "--user", ADA]));
            "revoked_by_admin"
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_has_ended_is_over_at_the_other_which_asks_nobody() {
    let Some(redis) = RedisServer::start(&[], "two servers on one Redis") else { return };
    let Some(database) = Database::fresh().await else { return };
    let place = with_sessions_in(&redis, database.place());
    let [here, there] = [(); 2].map(|()| place.serve_at(free_address(), &[]));
    assert_eq!(at(&here).sign_up(ADA, PASSWORD).await.status, 201);

    for operation in [
        Operation::SignOut,
        Operation::Revoke,
        Operation::SignOutEverywhereElse,
        Operation::Command("revoke"),
        Operation::ChangePassword,
        Operation::Command("disable"),
    ] {
        let (laptop, phone) = (signed_in(&here, PASSWORD).await, signed_in(&here, PASSWORD).await);
        let copy = as_at(&phone, &here);
        let phone_there = as_at(&phone, &there);
        for browser in [&phone, &phone_there] {
            asks_nobody(browser, &redis).await;
        }

        let why = does(operation, &here, &laptop, &phone).await;

        assert_eq!(phone_there.why_not().await, why, "{operation:?}");
        assert_eq!(copy.why_not().await, why, "{operation:?}");
        if matches!(operation, Operation::ChangePassword) {
            assert!(as_at(&laptop, &there).is_signed_in().await, "under its new token");
            let back = laptop.change_password(OTHER_PASSWORD, PASSWORD).await;
            assert_eq!(back.status, 204, "{}", back.text);
        }
    }
    done(&here.command(&["user", "enable", ADA]));

    let phone = signed_in(&here, PASSWORD).await;
    let before = as_at(&phone, &there);
    asks_nobody(&before, &redis).await;
    assert_eq!(phone.reauthenticate(PASSWORD).await.status, 200);
    assert_eq!(before.why_not().await, "replaced");
    assert!(as_at(&phone, &there).is_signed_in().await, "under its new token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_has_ended_is_over_at_a_server_which_asks_nobody() {
    let Some(redis) = RedisServer::start(&[], "a command beside a server with leases") else {
        return;
    };
    let server = with_sessions_in(&redis, Place::new()).serve_at(free_address(), &[]);
    assert_eq!(at(&server).sign_up(ADA, PASSWORD).await.status, 201);
    for operation in [Operation::Command("revoke"), Operation::Command("disable")] {
        let phone = signed_in(&server, PASSWORD).await;
        asks_nobody(&phone, &redis).await;
        let why = does(operation, &server, &phone, &phone).await;
        assert_eq!(phone.why_not().await, why, "{operation:?}");
    }
}
