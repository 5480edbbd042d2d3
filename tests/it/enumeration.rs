//! What strangers cannot find out about who has an account here.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use anteroom::accounts::{HashParameters, HasherOptions, Role};
use serde_json::json;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::Answer;

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// Addresses and passwords that are refused, each for a reason of its own.
fn refused() -> [(&'static str, String); 4] {
    [
        ("ada@example.org", "wrong".to_owned()),
        ("nobody@example.org", PASSWORD.to_owned()),
        ("gone@example.org", PASSWORD.to_owned()),
        ("ada@example.org", "x".repeat(2000)),
    ]
}

/// With Ada, and with somebody whose account is disabled.
async fn app(hashing: HasherOptions) -> TestApp {
    let app = TestApp::start_with(Kind::Memory, |options| options.hashing = hashing).await;
    app.add("ada@example.org", Role::User).await;
    let gone = app.add("gone@example.org", Role::User).await.user.id;
    let root = app.administrator("root@example.org").await;
    let disabled = json!({ "status": "disabled" });
    assert_eq!(root.patch(&format!("/api/admin/users/{gone}"), disabled).await.status, 200);
    app
}

/// Counts hashes instead of time: while the only thread computes one, whoever needs another is
/// told to come back. Whoever is refused all the same needed none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enum_2_every_refusal_computes_a_hash() {
    let app = app(HasherOptions {
        threads: NonZeroUsize::MIN,
        queue: 0,
        wait: Duration::from_secs(2),
        parameters: HashParameters::new(65_536, 16, 1).unwrap(),
        metrics: anteroom::metrics::Metrics::off(),
    })
    .await;
    let mut seen = Vec::new();
    // A busy machine may send the last after the first was answered; then it proves nothing.
    for _ in 0..10 {
        let browsers = [(); 4].map(|()| app.browser());
        let requests = refused();
        let all = browsers.iter().zip(&requests);
        let all = all.map(|(browser, (email, word))| browser.try_to_sign_in(email, word, false));
        let answers: Vec<Answer> = futures_util::future::join_all(all).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(statuses.iter().all(|status| [401, 503].contains(status)), "{statuses:?}");
        if statuses.iter().filter(|status| **status == 401).count() == 1 {
            return;
        }
        seen.push(statuses);
    }
    panic!("somebody was refused without a hash: {seen:?}");
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enum_2_every_refusal_takes_as_long() {
    const ROUNDS: usize = 25;
    let app = app(HasherOptions::default()).await;
    let browser = app.browser();
    let mut seen = Vec::new();
    // Other work on the machine can slow one kind down by chance, but not thrice.
    for _ in 0..3 {
        let mut times = [(); 4].map(|()| Vec::new());
        for _ in 0..ROUNDS {
            for ((email, password), times) in refused().iter().zip(&mut times) {
                let begun = Instant::now();
                let answer = browser.try_to_sign_in(email, password, false).await;
                times.push(begun.elapsed());
                assert_eq!(answer.status, 401);
            }
        }
        let medians = times.map(median);
        let wrong = medians[0];
        if medians.iter().all(|median| (0.6..1.7).contains(&(median / wrong))) {
            return;
        }
        seen.push(medians);
    }
    panic!("the time tells who has an account: {seen:?}");
}

#[tokio::test]
async fn enum_3_sign_up_tells_that_an_address_is_taken_and_nothing_else() {
    let app = TestApp::start(Kind::Memory).await;
    let ada = app.add("ada@example.org", Role::Admin).await;
    let taken = app.browser().sign_up("ada@example.org", PASSWORD).await;
    assert_eq!(taken.refusal(), (409, "email_taken".to_owned()));
    let id = ada.user.id.to_string();
    let page = app.browser();
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    for text in [taken.text, page.post_form("/signup", &fields).await.text] {
        assert!(!text.contains(&id) && !text.contains("Ada") && !text.contains("admin"), "{text}");
    }
    // What is wrong with the rest is told first, alike for both.
    let weak = async |email: &str| {
        let mut body = app.browser().sign_up(email, "short").await.json();
        body["request_id"].take();
        body
    };
    assert_eq!(weak("ada@example.org").await, weak("nobody@example.org").await);
    let security = include_str!("../../SECURITY.md");
    assert!(security.contains("Sign-up tells that an address is taken"));
}

/// The time of requests about a known, an unknown and another address does not tell them apart.
mod nightly {
    use std::time::{Duration, Instant};

    use anteroom::accounts::{HasherOptions, Role};
    use serde_json::json;

    use super::median;
    use crate::harness::app::{Kind, PASSWORD, TestApp};
    use crate::harness::mailbox::Mailbox;

    const ROUNDS: usize = 15;

    async fn app() -> (TestApp, Mailbox) {
        let mailbox = Mailbox::open().await;
        let mail = mailbox.options();
        let app = TestApp::start_with(Kind::Database, |options| {
            options.hashing = HasherOptions::default();
            options.throttles.signup = None;
            options.mail = Some(mail);
            options.mail.as_mut().unwrap().verification_is_required = true;
        });
        (app.await, mailbox)
    }

    /// `ask` gets the number of the kind and of the round, and returns the time.
    async fn takes_as_long(ask: impl AsyncFn(usize, usize) -> Duration) {
        let mut seen = Vec::new();
        // Other work on the machine can slow one kind down by chance, but not thrice.
        for attempt in 0..3 {
            let mut times = [(); 3].map(|()| Vec::new());
            for round in 0..ROUNDS {
                for (kind, times) in times.iter_mut().enumerate() {
                    times.push(ask(kind, attempt * ROUNDS + round).await);
                }
            }
            let medians = times.map(median);
            if medians.iter().all(|median| (0.8..1.25).contains(&(median / medians[0]))) {
                return;
            }
            seen.push(medians);
        }
        panic!("the time tells who has an account: {seen:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn enum_4_a_sign_up_takes_as_long_for_a_free_and_a_taken_address() {
        let (app, _mailbox) = app().await;
        app.add("ada@example.org", Role::User).await;
        let first = app.browser().sign_up("bob@example.org", PASSWORD).await;
        assert_eq!(first.status, 202);
        takes_as_long(async |kind, round| {
            let email = match kind {
                0 => format!("free{round}@example.org"),
                1 => "ada@example.org".to_owned(),
                _ => "bob@example.org".to_owned(),
            };
            let browser = app.browser();
            let begun = Instant::now();
            assert_eq!(browser.sign_up(&email, PASSWORD).await.status, 202);
            begun.elapsed()
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn enum_4_recovery_takes_as_long_for_an_unknown_address() {
        let (app, _mailbox) = app().await;
        for round in 0..ROUNDS * 3 {
            app.add(&format!("known{round}@example.org"), Role::User).await;
        }
        app.add("ada@example.org", Role::User).await;
        takes_as_long(async |kind, round| {
            let email = match kind {
                0 => format!("unknown{round}@example.org"),
                1 => format!("known{round}@example.org"),
                // Beyond its limit.
                _ => "ada@example.org".to_owned(),
            };
            let browser = app.browser();
            let begun = Instant::now();
            let asked = browser.post("/api/recovery", json!({ "email": email })).await;
            assert_eq!(asked.status, 202);
            begun.elapsed()
        })
        .await;
    }
}

#[tokio::test]
async fn enum_7_what_is_hidden_looks_like_what_is_not_there() {
    let app = TestApp::start(Kind::Memory).await;
    let root = app.administrator("root@example.org").await;
    let (somebody, theirs) = (root.user_id().await, root.session_id().await);
    let ada = app.signed_in("ada@example.org").await;
    for browser in [&app.browser(), &ada] {
        for folder in ["/api/admin/users", "/api/sessions", "/account/sessions"] {
            let there = if folder.ends_with("users") { &somebody } else { &theirs };
            for method in ["GET", "PATCH", "DELETE", "POST"] {
                let ask = async |id: &str| {
                    let end = if folder.starts_with("/account") { "/revoke" } else { "" };
                    let shape = |request: reqwest::RequestBuilder| request.json(&json!({}));
                    let method = method.parse().unwrap();
                    let path = format!("{folder}/{id}{end}");
                    let answer = browser.ask(method, &path, shape).await;
                    let request_id = answer.header("x-request-id").to_owned();
                    let text = answer.text.replace(&request_id, "").replace(id, "");
                    (answer.status, answer.location().to_owned(), text)
                };
                assert_eq!(ask(there).await, ask(NOBODY).await, "{method} {folder}");
            }
        }
    }
    assert!(root.is_signed_in().await);
}
