//! Requests that are under way while their session ends: held open until it has ended, or let go at
//! the same moment. Nothing that they do afterwards brings anything back.
//!
//! `RACE_ROUNDS` sets how often each pair is tried, `SEED` the chance of an earlier run.

use std::time::Duration;

use anteroom::Anteroom;
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use reqwest::header::SET_COOKIE;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_sessions::Session;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::{Answer, Browser};
use crate::harness::chance::{Chance, rounds};
use crate::harness::wire;

on_each_store!(
    rev_14_attack_26_attack_27_what_was_under_way_when_its_session_ended_brings_nothing_back,
    rev_14_a_page_or_an_event_stream_under_way_reveals_nothing_after_the_end,
);

const LIMIT: u32 = 4;

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slow {
    PatchData,
    Reauthenticate,
    /// Server code that changes data and the token through `tower_sessions`.
    CycleId,
    /// A sign-in from the browser whose session ends.
    SignIn,
    ChangeName,
}

/// How the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    SignOut,
    RevokeOne,
    RevokeOthers,
    RevokeAll,
    ChangePassword,
    Disable,
    ChangeRole,
    DeleteUser,
    DeleteOneself,
    SessionLimit,
}

const SLOW: [Slow; 5] =
    [Slow::PatchData, Slow::Reauthenticate, Slow::CycleId, Slow::SignIn, Slow::ChangeName];
const ENDS: [End; 10] = [
    End::SignOut,
    End::RevokeOne,
    End::RevokeOthers,
    End::RevokeAll,
    End::ChangePassword,
    End::Disable,
    End::ChangeRole,
    End::DeleteUser,
    End::DeleteOneself,
    End::SessionLimit,
];

async fn cycle(session: Session, _: Bytes) -> StatusCode {
    session.insert("cycled", true).await.unwrap();
    session.cycle_id().await.unwrap();
    StatusCode::NO_CONTENT
}

fn with_server_code(anteroom: &Anteroom) -> Router {
    Router::new()
        .route("/cycle", post(cycle))
        .layer(anteroom.session_layer())
        .merge(anteroom.router())
}

/// A request of which the server has everything but the last byte.
struct Held {
    stream: TcpStream,
    last: u8,
}

impl Held {
    async fn begin(app: &TestApp, browser: &Browser, slow: Slow, email: &str) -> Self {
        let (line, body) = match slow {
            Slow::PatchData => ("PATCH /api/session/data", json!({ "late": true })),
            Slow::Reauthenticate => {
                ("POST /api/session/reauthenticate", json!({ "password": PASSWORD }))
            }
            Slow::CycleId => ("POST /cycle", json!({ "any": "thing" })),
            Slow::SignIn => ("POST /api/session", json!({ "email": email, "password": PASSWORD })),
            Slow::ChangeName => ("PATCH /api/account", json!({ "name": "Late" })),
        };
        let body = body.to_string().into_bytes();
        let (last, first) = body.split_last().unwrap();
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nCookie: anteroom={}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            app.host(),
            browser.token(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Said once a handler waits for the body: the session was looked up before.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(first).await.unwrap();
        Self { stream, last: *last }
    }

    async fn let_go(mut self) -> Answer {
        self.stream.write_all(&[self.last]).await.unwrap();
        let mut answer = Vec::new();
        self.stream.read_to_end(&mut answer).await.unwrap();
        wire::parse(&answer)
    }
}

/// Ends the session of `ada`, and says what was answered.
async fn end(how: End, app: &TestApp, people: &People) -> Answer {
    let People { ada, phone, admin, email, id, user } = people;
    let her = format!("/api/admin/users/{user}");
    match how {
        End::SignOut => ada.copy().delete("/api/session").await,
        End::RevokeOne => phone.delete(&format!("/api/sessions/{id}")).await,
        End::RevokeOthers => phone.delete("/api/sessions").await,
        End::RevokeAll => phone.delete("/api/sessions?include_current=true").await,
        End::ChangePassword => phone.change_password(PASSWORD, OTHER_PASSWORD).await,
        End::Disable => admin.patch(&her, json!({ "status": "disabled" })).await,
        End::ChangeRole => admin.patch(&her, json!({ "role": "admin" })).await,
        End::DeleteUser => admin.delete(&her).await,
        End::DeleteOneself => phone.delete("/api/account").await,
        End::SessionLimit => {
            let mut last = None;
            for _ in 0..LIMIT {
                last = Some(app.browser().try_to_sign_in(email, PASSWORD, false).await);
            }
            last.unwrap()
        }
    }
}

struct People {
    /// Has something under way.
    ada: Browser,
    phone: Browser,
    admin: Browser,
    email: String,
    /// The handle of the session of `ada`.
    id: String,
    user: String,
}

async fn people(app: &TestApp, number: usize) -> People {
    let email = format!("p{number}@example.org");
    let ada = app.signed_in(&email).await;
    let phone = app.signed_in(&email).await;
    let admin = app.administrator("root@example.org").await;
    let (id, user) = (ada.session_id().await, ada.user_id().await);
    People { ada, phone, admin, email, id, user }
}

async fn rev_14_attack_26_attack_27_what_was_under_way_when_its_session_ended_brings_nothing_back(
    kind: Kind,
) {
    let mut chance = Chance::seeded();
    let set = |options: &mut anteroom::Options| options.policy.limit.most = LIMIT;
    let app = TestApp::start_around(kind, set, with_server_code).await;
    let mut number = 0;
    for _ in 0..rounds("RACE_ROUNDS", 2, 200).div_ceil(2) {
        for slow in SLOW {
            for how in ENDS {
                for held in [true, false] {
                    number += 1;
                    let what = format!("SEED={} {slow:?} {how:?} held {held}", chance.seed());
                    one_round(&app, (number, &what), (slow, how, held), &mut chance).await;
                }
            }
        }
    }
}

async fn one_round(
    app: &TestApp,
    (number, what): (usize, &str),
    (slow, how, held): (Slow, End, bool),
    chance: &mut Chance,
) {
    let people = people(app, number).await;
    let under_way = Held::begin(app, &people.ada, slow, &people.email).await;
    let (ended, late) = if held {
        let ended = end(how, app, &people).await;
        (ended, under_way.let_go().await)
    } else {
        let head_start = chance.between(Duration::ZERO, Duration::from_micros(2500));
        let late = async {
            let late = under_way.let_go();
            if chance.below(2) == 0 {
                tokio::time::sleep(head_start).await;
            }
            late.await
        };
        tokio::join!(end(how, app, &people), late)
    };

    let what =
        &format!("{what}: {} {}; late: {} {}", ended.status, ended.text, late.status, late.text);
    assert!((200..300).contains(&ended.status), "it did not end: {what}");
    assert!(late.status < 500, "{what}");
    let after = people.ada.copy();
    assert_eq!(after.whoami().await.status, 401, "the old token lives: {what}");
    nothing_came_back(app, &people, (slow, how, held), &late, what).await;
}

async fn nothing_came_back(
    app: &TestApp,
    people: &People,
    (slow, how, held): (Slow, End, bool),
    late: &Answer,
    what: &str,
) {
    let user = anteroom::accounts::UserId::parse(&people.user).unwrap();
    let live = app.anteroom.sessions().list(user).await.unwrap();
    assert!(live.iter().all(|session| session.id.to_string() != people.id), "{what}");
    assert!(live.len() <= LIMIT as usize, "{what}");
    let account = app.anteroom.accounts().find(user).await.unwrap();
    let epoch = account.as_ref().map(|account| account.epoch);
    assert!(live.iter().all(|session| session.owner.epoch() == epoch), "{what}");
    if held && slow != Slow::SignIn {
        assert!(!(200..300).contains(&late.status) || how == End::ChangeRole, "{what}");
    }
    let Some(token) = token_of(late) else { return };
    let with_it = app.browser();
    with_it.hold(&token);
    let lives = with_it.is_signed_in().await;
    // Only a proof of the password that came after the end is a new beginning.
    let may_begin_anew = slow == Slow::SignIn
        && !matches!(
            how,
            End::ChangePassword | End::Disable | End::DeleteUser | End::DeleteOneself
        );
    assert!(!lives || may_begin_anew, "a token of the late answer lives: {what}");
    if lives {
        assert_ne!(with_it.session_id().await, people.id, "{what}");
    }
}

fn token_of(answer: &Answer) -> Option<String> {
    let cookie = answer.headers.get(SET_COOKIE)?.to_str().unwrap();
    let (token, _) = cookie.strip_prefix("anteroom=")?.split_once(';')?;
    (!token.is_empty()).then(|| token.to_owned())
}

/// Looks that are one read each may say what was so when they came; the next one may not.
async fn rev_14_a_page_or_an_event_stream_under_way_reveals_nothing_after_the_end(kind: Kind) {
    let app = TestApp::start(kind).await;
    for how in ENDS.into_iter().filter(|how| *how != End::SessionLimit) {
        let number = how as usize;
        let people = people(&app, number).await;
        let paths = ["/api/session", "/auth/verify", "/api/session/data", "/api/sessions"];
        let looking = paths.map(|path| {
            let browser = people.ada.copy();
            tokio::spawn(async move {
                loop {
                    let answer = browser.get(path).await;
                    if answer.status != 200 {
                        return answer.status;
                    }
                }
            })
        });

        let ended = end(how, &app, &people).await;

        assert!((200..300).contains(&ended.status), "{how:?}: {}", ended.text);
        for path in paths {
            assert_eq!(people.ada.copy().get(path).await.status, 401, "{how:?}: {path}");
        }
        for looking in looking {
            let last = tokio::time::timeout(Duration::from_secs(10), looking).await;
            assert_eq!(last.unwrap().unwrap(), 401, "{how:?}");
        }
    }
}
