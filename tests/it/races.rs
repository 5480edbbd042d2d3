//! What two requests at once, or one that is dropped, must not do.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_every_store};

on_every_store!(
    two_tabs_that_end_all_others_leave_one_signed_in,
    of_two_sessions_that_end_each_other_no_acknowledged_end_is_undone,
    signing_out_while_the_token_is_rotated_signs_out,
    a_dropped_setup_gives_the_link_back,
    attack_28_a_change_of_password_wins_over_a_sign_in_under_way,
);

async fn two_tabs_that_end_all_others_leave_one_signed_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    for _ in 0..8 {
        let tab = app.signed_in("ada@example.org").await;
        let other = tab.copy();

        let (one, two) = tokio::join!(tab.delete("/api/sessions"), other.delete("/api/sessions"));

        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        // One after the other is fine too: then the second had the token of the first.
        assert!(matches!(statuses, [200, 401]), "{statuses:?}");
        let won = if one.status == 200 { &tab } else { &other };
        assert!(won.is_signed_in().await, "whoever was told 200 is signed in");
        assert_eq!(app.live_sessions().await.len(), 1);
    }
}

async fn of_two_sessions_that_end_each_other_no_acknowledged_end_is_undone(kind: Kind) {
    let app = TestApp::start(kind).await;
    for _ in 0..8 {
        let thief = app.signed_in("ada@example.org").await;
        let owner = app.signed_in("ada@example.org").await;
        let of_thief = thief.copy();
        // Known beforehand: the thief's token may be another by the time one could ask with it.
        let path = format!("/api/sessions/{}", thief.session_id().await);

        let (revoked, ended_others) =
            tokio::join!(owner.delete(&path), thief.delete("/api/sessions"));

        if revoked.status == 204 {
            assert!(!thief.is_signed_in().await && !of_thief.is_signed_in().await);
        }
        if ended_others.status == 200 {
            assert!(!owner.is_signed_in().await);
        }
        assert!(revoked.status == 204 || ended_others.status == 200, "one of them came first");
        owner.delete("/api/sessions?include_current=true").await;
        thief.delete("/api/sessions?include_current=true").await;
    }
}

async fn signing_out_while_the_token_is_rotated_signs_out(kind: Kind) {
    let app = TestApp::start(kind).await;
    let tab = app.signed_in("ada@example.org").await;
    let slow = tab.copy();
    // The answer with the new token is on its way to one tab …
    assert_eq!(tab.reauthenticate(PASSWORD).await.status, 200);

    // … while the other signs out with the old one.
    let answer = slow.delete("/api/session").await;

    assert_eq!(answer.status, 204);
    assert_eq!(tab.why_not().await, "signed_out", "the late answer brings nobody back");
}

async fn a_dropped_setup_gives_the_link_back(kind: Kind) {
    let app = TestApp::start(kind).await;
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    let token = link.split("token=").nth(1).unwrap();
    let form = format!("token={token}&email=root%40example.org&password=velvet+otter+hums+at+nine");
    let request = format!(
        "POST /setup HTTP/1.1\r\nHost: localhost:{}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        app.address.port(),
        form.len()
    );
    for wait in [0, 1, 2, 5] {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        drop(stream);
    }
    let has_administrator = async || app.anteroom.accounts().has_administrator().await.unwrap();
    let works = async || {
        let path = format!("/setup?token={token}");
        app.browser().get(&path).await.status == 200
    };

    // Either it was carried through, or it can be tried again: never neither.
    for _ in 0..100 {
        if has_administrator().await || works().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the link is lost, and there is no administrator");
}

async fn attack_28_a_change_of_password_wins_over_a_sign_in_under_way(kind: Kind) {
    let app = TestApp::start(kind).await;
    for _ in 0..5 {
        let owner = app.signed_in("ada@example.org").await;
        let thief = app.browser();

        let (changed, sign_in) = tokio::join!(
            owner.change_password(PASSWORD, OTHER_PASSWORD),
            thief.try_to_sign_in("ada@example.org", PASSWORD, false),
        );

        assert_eq!(changed.status, 204);
        if sign_in.status == 200 {
            assert_eq!(thief.why_not().await, "password_changed");
        }
        assert!(owner.is_signed_in().await);
        assert_eq!(owner.change_password(OTHER_PASSWORD, PASSWORD).await.status, 204);
        assert_eq!(owner.delete("/api/sessions?include_current=true").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_was_never_read_can_be_flushed() {
    use axum::Router;
    use axum::routing::post;
    use tower_sessions::Session;

    let app = TestApp::start_around(
        Kind::Database,
        |_| (),
        |anteroom| {
            Router::new()
                .route("/put", post(async |session: Session| session.insert("a", 1).await.unwrap()))
                .route("/flush", post(async |session: Session| session.flush().await.unwrap()))
                .route(
                    "/show",
                    post(async |session: Session| {
                        format!("{:?}", session.get::<u8>("a").await.unwrap())
                    }),
                )
                .layer(anteroom.session_layer())
                .merge(anteroom.router())
        },
    )
    .await;
    let browser = app.signed_in("ada@example.org").await;
    browser.post("/put", json!({})).await;
    assert_eq!(browser.post("/show", json!({})).await.text, "Some(1)");

    browser.post("/flush", json!({})).await;

    assert_eq!(browser.post("/show", json!({})).await.text, "None");
    assert!(browser.is_signed_in().await, "a flush signs nobody out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_first_starts_at_once_migrate_in_turn() {
    use anteroom::store::{SessionLocation, SqlDatabase};

    for _ in 0..3 {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("anteroom.db");
        let opening = (0..6).map(|_| {
            let path = path.clone();
            tokio::spawn(async move {
                SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.map(drop)
            })
        });
        for opened in opening.collect::<Vec<_>>() {
            opened.await.unwrap().unwrap();
        }
    }
}
