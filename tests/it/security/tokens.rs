//! Where a token goes, what it opens, and what is asked of the store for it.

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Mutex};

use anteroom::accounts::Role;
use anteroom::clock::{Clock, ManualClock};
use anteroom::entropy::Entropy;
use anteroom::sessions::{
    Client as Where, EndReason, Loaded, NewSession, Owner, ResumeError, SessionPolicy, Sessions,
    SessionsOptions, Token,
};
use reqwest::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::macros::datetime;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};
use crate::harness::backends;
use crate::harness::browser::{Answer, Browser};
use crate::harness::client::{self, Client};
use crate::harness::server::Place;

on_each_store!(
    sid_4_no_answer_shows_a_token_but_in_the_cookie,
    sid_9_a_sign_in_that_draws_a_token_in_use_draws_again,
    sid_9_a_rotation_that_draws_a_token_in_use_draws_again,
    sid_9_a_change_of_password_that_draws_a_token_in_use_takes_over_nobody,
);

/// Whether anything but `Set-Cookie` has one of these in it.
fn shows(answer: &Answer, tokens: &[String]) -> bool {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "set-cookie");
    let mut texts: Vec<_> = headers.map(|(_, value)| value.to_str().unwrap()).collect();
    texts.push(&answer.text);
    tokens.iter().any(|token| texts.iter().any(|text| text.contains(token)))
}

/// Answers to a browser that is signed in, with refusals.
async fn answers_to(browser: &Browser) -> Vec<Answer> {
    let mut answers = Vec::new();
    for path in [
        "/",
        "/login",
        "/signup",
        "/logout",
        "/setup",
        "/account",
        "/account/sessions",
        "/reauthenticate",
        "/nowhere",
        "/account/sessions?done=1",
        "/api/session",
        "/api/session/data",
        "/api/sessions",
        "/api/account",
        "/api/admin/users",
        "/auth/verify",
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/api/nowhere",
        "/api/admin/users?limit=0",
    ] {
        answers.push(browser.get(path).await);
    }
    answers.push(browser.ask(Method::PUT, "/login", |request| request).await);
    answers.push(browser.ask(Method::PUT, "/api/session", |request| request).await);
    answers.push(browser.post_form("/login", &[("email", "x"), ("password", "y")]).await);
    answers.push(browser.post_form("/account/password", &[("new_password", "short")]).await);
    answers.push(browser.try_to_sign_in("root@example.org", "wrong", false).await);
    answers.push(browser.post("/api/session", json!({ "unknown": 1 })).await);
    answers.push(browser.reauthenticate("wrong").await);
    answers
}

async fn sid_4_no_answer_shows_a_token_but_in_the_cookie(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.administrator("root@example.org").await;
    let mut tokens = vec![browser.token()];
    let mut answers = answers_to(&browser).await;
    for step in 0..6 {
        answers.push(match step {
            0 => browser.patch("/api/session/data", json!({ "a": 1 })).await,
            1 => browser.reauthenticate(PASSWORD).await,
            2 => browser.change_password(PASSWORD, OTHER_PASSWORD).await,
            3 => browser.delete("/api/sessions").await,
            4 => browser.try_to_sign_in("root@example.org", OTHER_PASSWORD, true).await,
            _ => {
                let fields = [("email", "root@example.org"), ("password", OTHER_PASSWORD)];
                browser.post_form("/login", &fields).await
            }
        });
        assert!(answers.last().unwrap().status < 400, "step {step}");
        tokens.push(browser.token());
    }
    // Tokens that were rotated away, and the answers to them.
    let old = browser.copy();
    old.hold(&tokens[0]);
    for path in ["/account", "/login", "/api/session", "/auth/verify"] {
        answers.push(old.get(path).await);
    }
    answers.push(browser.post_form("/logout", &[]).await);

    tokens.dedup();
    assert_eq!(tokens.len(), 6, "every step but the first gives a new token");
    for answer in &answers {
        assert!(!shows(answer, &tokens), "{answer:?}");
    }
}

#[tokio::test]
async fn attack_19_a_token_is_in_no_file_log_or_environment() {
    for sessions in ["database", "memory:"] {
        let place = Place::new().with("ANTEROOM_LOG", "trace");
        let server = place.serve(&["--sessions", sessions]);
        let ada = Client::of(&server);
        ada.sign_up("ada@example.org").await;
        let body = json!({ "email": "ada@example.org", "password": client::PASSWORD });
        let mut tokens = Vec::new();
        for _ in 0..3 {
            let answer = ada.post_json("/api/session", &body).await;
            tokens.push(client::session_cookie(&answer));
            ada.get("/account").await;
        }
        assert!(ada.is_signed_in().await);
        let process = format!("/proc/{}", server.pid());

        let mut seen = vec![server.stdout().into_bytes(), server.stderr().into_bytes()];
        assert!(seen[1].len() > 1000, "this is not the log");
        for file in server.place.files() {
            seen.push(fs::read(server.place.path().join(file)).unwrap());
        }
        for file in ["cmdline", "environ"] {
            seen.push(fs::read(format!("{process}/{file}")).unwrap());
        }

        let digests = tokens.iter().map(|token| Sha256::digest(token).to_vec());
        let holds = |secret: &[u8]| {
            seen.iter().any(|bytes| bytes.windows(secret.len()).any(|part| part == secret))
        };
        let found = digests.filter(|digest| holds(digest)).count();
        assert!(found > 0 || sessions == "memory:", "these are not the files");
        for token in tokens {
            assert_eq!(token.len(), 43);
            assert!(!holds(token.as_bytes()), "{token} is kept with sessions in {sessions}");
        }
    }
}

/// Chance that a test can make draw a token that is in use.
#[derive(Clone, Default)]
struct Draws(Arc<Mutex<VecDeque<u8>>>);

impl Draws {
    /// The next tokens are made of these bytes.
    fn next(&self, bytes: &[u8]) {
        self.0.lock().unwrap().extend(bytes);
    }

    /// That all of them were drawn.
    fn are_drawn(&self) {
        assert!(self.0.lock().unwrap().is_empty(), "the forced tokens were not drawn");
    }

    fn entropy(&self) -> Entropy {
        let (draws, mut count) = (self.clone(), 0_u64);
        Entropy::scripted(move |bytes| {
            count += 1;
            let forced = if bytes.len() == 32 { draws.0.lock().unwrap().pop_front() } else { None };
            match forced {
                Some(byte) => bytes.fill(byte),
                None => bytes.copy_from_slice(&Sha256::digest(count.to_be_bytes())[..bytes.len()]),
            }
        })
    }
}

/// Ada and Bob; the token of Ada is made of sevens.
async fn with_a_token_of_sevens(kind: Kind) -> (TestApp, Draws, Browser) {
    let draws = Draws::default();
    let app = TestApp::start_with(kind, |options| options.entropy = draws.entropy()).await;
    app.add("ada@example.org", Role::User).await;
    app.add("bob@example.org", Role::User).await;
    draws.next(&[7]);
    let ada = app.signed_in("ada@example.org").await;
    draws.are_drawn();
    (app, draws, ada)
}

async fn is_still(browser: &Browser, email: &str) {
    assert_eq!(browser.whoami().await.json()["user"]["email"], email);
}

async fn sid_9_a_sign_in_that_draws_a_token_in_use_draws_again(kind: Kind) {
    let (app, draws, ada) = with_a_token_of_sevens(kind).await;

    draws.next(&[7, 7]);
    let bob = app.signed_in("bob@example.org").await;

    draws.are_drawn();
    assert_ne!(bob.token(), ada.token());
    is_still(&ada, "ada@example.org").await;
    is_still(&bob, "bob@example.org").await;
    // A token that was in use once is nobody's again.
    let old = ada.copy();
    ada.delete("/api/session").await;
    draws.next(&[7]);
    app.signed_in("bob@example.org").await;
    draws.are_drawn();
    assert_eq!(old.why_not().await, "signed_out");
}

async fn sid_9_a_rotation_that_draws_a_token_in_use_draws_again(kind: Kind) {
    let (app, draws, ada) = with_a_token_of_sevens(kind).await;
    let bob = app.signed_in("bob@example.org").await;
    let old = bob.copy();

    draws.next(&[7, 7]);
    let answer = bob.reauthenticate(PASSWORD).await;

    draws.are_drawn();
    assert_eq!((answer.status, answer.set_cookies().len()), (200, 1));
    assert_ne!(bob.token(), ada.token());
    assert_eq!(old.why_not().await, "replaced");
    is_still(&ada, "ada@example.org").await;
    is_still(&bob, "bob@example.org").await;
}

async fn sid_9_a_change_of_password_that_draws_a_token_in_use_takes_over_nobody(kind: Kind) {
    for operation in ["password", "others"] {
        let (app, draws, ada) = with_a_token_of_sevens(kind).await;
        let bob = app.signed_in("bob@example.org").await;

        draws.next(&[7]);
        let answer = match operation {
            "password" => bob.change_password(PASSWORD, OTHER_PASSWORD).await,
            _ => bob.delete("/api/sessions").await,
        };

        draws.are_drawn();
        // What ends the others is done by then; the one that drew so badly has to sign in again.
        let done = if operation == "password" { 204 } else { 200 };
        assert_eq!((answer.status, answer.set_cookies().len()), (done, 0), "{operation}");
        assert!(!bob.is_signed_in().await, "{operation}");
        is_still(&ada, "ada@example.org").await;
        assert_eq!(app.live_sessions().await.len(), 1);
    }
}

#[tokio::test]
async fn sid_10_two_servers_over_one_store_find_the_same_session_by_the_same_digest() {
    let clock = ManualClock::at(datetime!(2026-11-21 09:00 UTC));
    for fresh in backends::every().await {
        let node = || {
            Sessions::new(SessionsOptions {
                store: fresh.store.clone(),
                outbox: None,
                policy: SessionPolicy::default(),
                clock: Clock::from(&clock),
                entropy: Entropy::operating_system(),
                leases: anteroom::sessions::LeaseOptions::default(),
            })
        };
        let (one, other) = (node(), node());
        let beginning = NewSession {
            owner: Owner::Anonymous,
            administrator: false,
            second_factor: None,
            passkey: None,
            remember_me: false,
            client: Where::default(),
            previous_token: None,
            last_epoch_reason: None,
        };

        let started = one.start(beginning).await.unwrap();

        let sent = Token::parse(started.token.reveal().as_bytes()).unwrap();
        let expected: [u8; 32] = Sha256::digest(started.token.reveal()).into();
        assert_eq!(sent.digest().as_bytes(), &expected, "not of the text");
        let found = fresh.store.load(&sent.digest()).await.unwrap();
        assert!(matches!(found, Loaded::Live(found) if found.id == started.session.id));
        let there = other.resume(&sent).await.unwrap();
        assert_eq!(there.id, started.session.id, "{}", fresh.name);
        let rotated =
            other.rotate(&there, &sent, anteroom::accounts::Proof::Nothing).await.unwrap();
        assert!(one.resume(&sent).await.is_err());
        assert_eq!(one.resume(&rotated.token).await.unwrap().id, there.id);
        assert!(one.revoke(there.id, None, EndReason::RevokedByUser).await.unwrap());
        assert!(matches!(other.resume(&rotated.token).await, Err(ResumeError::Unknown)));
    }
}
