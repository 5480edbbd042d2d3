//! Open pages in a real browser: they leave when their session ends, keep up with what changes, and
//! advise.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::browser::{EMAIL, sign_in};
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::Server;

const LEFT: &str = "location.pathname === '/login' && document.readyState === 'complete'";
/// A page leaves within a second on a machine that has time; this one may be at work.
const SOON: Duration = Duration::from_secs(5);

/// Signed in, with an open page in each of so many tabs.
async fn tabs(chromium: &Chromium, server: &Server, paths: &[&str]) -> Vec<Tab> {
    let mut tabs = Vec::new();
    for path in paths {
        let tab = chromium.tab().await;
        if tabs.is_empty() {
            sign_in(&tab, server, EMAIL).await;
        }
        tab.open(&format!("{}{path}", server.url)).await;
        assert_eq!(tab.path().await, *path);
        tabs.push(tab);
    }
    tabs
}

/// Ends the newest session of a browser from another client of the same person.
async fn end_from_elsewhere(elsewhere: &Client) {
    let answer = elsewhere.request(reqwest::Method::DELETE, "/api/sessions").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["revoked"], 1);
}

#[tokio::test]
async fn every_tab_leaves_when_its_session_ends_and_says_why() {
    let Some(chromium) = Chromium::start("every tab leaving").await else { return };
    let server = Server::start();
    let elsewhere = Client::of(&server);
    elsewhere.sign_up(EMAIL).await;
    let paths = ["/account", "/account/sessions", "/account/remembered", "/"];
    let tabs = tabs(&chromium, &server, &paths).await;
    // One stream for the whole browser; the others are told by the tab that has it.
    let leader = &tabs[0];
    leader.wait_until("navigator.locks.query().then(all => all.held.length === 1)").await;

    let begun = Instant::now();
    end_from_elsewhere(&elsewhere).await;

    for tab in &tabs {
        tab.wait_until(LEFT).await;
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        let told = tab.text().await;
        assert!(told.contains("This session was ended from another of your devices."), "{told}");
    }
    let (_, asked) = leader.seen().await;
    assert!(asked.iter().any(|url| url.ends_with("/api/session/events?sessions=true")));
    for tab in &tabs[1..] {
        let (_, asked) = tab.seen().await;
        let streams = asked.iter().filter(|url| url.contains("/api/session/events"));
        assert!(streams.count() <= 1, "{asked:#?}");
    }
    chromium.close().await;
}

#[tokio::test]
async fn a_new_token_in_another_tab_is_no_sign_out() {
    let Some(chromium) = Chromium::start("rotation in another tab").await else { return };
    let server = Server::start();
    let elsewhere = Client::of(&server);
    elsewhere.sign_up(EMAIL).await;
    let tabs = tabs(&chromium, &server, &["/account/remembered", "/reauthenticate"]).await;
    let (open, other) = (&tabs[0], &tabs[1]);
    open.run("window.stays = true").await;

    other.type_into("#password", PASSWORD).await;
    open.run(
        "new BroadcastChannel('anteroom').onmessage = \
         (event) => { if (event.data.kind === 'watching') window.watched = true; }",
    )
    .await;
    other.follow("main form button").await;
    assert_eq!(other.path().await, "/account");
    // The stream is open under the new token before the session ends: a refused one would be an
    // error in the console.
    open.wait_until("window.watched").await;
    assert!(open.value::<bool>("window.stays === true").await, "the page was left");

    end_from_elsewhere(&elsewhere).await;
    for tab in &tabs {
        tab.wait_until(LEFT).await;
    }
    for tab in &tabs {
        tab.was_quiet(&server.url).await;
    }
    chromium.close().await;
}

#[tokio::test]
async fn signing_out_in_one_tab_signs_out_every_tab() {
    let Some(chromium) = Chromium::start("signing out in one tab").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tabs = tabs(&chromium, &server, &["/account/activity", "/account"]).await;

    tabs[1].follow("form[action='/logout'] button").await;

    tabs[0].wait_until(LEFT).await;
    assert!(tabs[0].text().await.contains("You are signed out."));
    chromium.close().await;
}

#[tokio::test]
async fn an_open_list_keeps_up_without_a_reload() {
    let Some(chromium) = Chromium::start("a list that keeps up").await else { return };
    let server = Server::start();
    let elsewhere = Client::of(&server);
    elsewhere.sign_up(EMAIL).await;
    let tabs = tabs(&chromium, &server, &["/account/sessions"]).await;
    let list = &tabs[0];
    let count = |n: u32| format!("document.querySelectorAll('.session').length === {n}");
    list.wait_until(&count(2)).await;
    list.run("window.stays = true").await;
    let own = "[...document.querySelectorAll('.session')] \
        .find(card => card.innerText.includes('This device')).querySelector('button')";
    list.run(&format!("{own}.focus(); window.focused = {own}.id")).await;

    let phone = Client::of(&server);
    assert_eq!(phone.sign_in(EMAIL, PASSWORD).await, 200);
    list.wait_until(&count(3)).await;
    let news = "document.querySelector('[data-live-news]').textContent";
    assert_eq!(list.value::<String>(news).await, "The list of your sessions has changed.");
    assert!(list.value::<bool>("document.activeElement.id === window.focused").await);

    let answer = phone.request(reqwest::Method::DELETE, "/api/session").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    list.wait_until(&count(2)).await;
    assert!(list.value::<bool>("window.stays === true").await, "the page was loaded anew");
    list.was_quiet(&server.url).await;
    chromium.close().await;
}

#[tokio::test]
async fn another_sign_in_in_the_same_browser_shows_every_tab_as_it_is() {
    let Some(chromium) = Chromium::start("another sign-in in the same browser").await else {
        return;
    };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tabs = tabs(&chromium, &server, &["/account", "/"]).await;
    let session = "document.documentElement.dataset.session";
    let before: String = tabs[0].value(session).await;

    // As another person's form would: a sign-in over the present session.
    let fields = format!("email={EMAIL}&password={}", PASSWORD.replace(' ', "+"));
    let sign_in = format!(
        "fetch('/login', {{ method: 'POST', body: new URLSearchParams('{fields}') }}) \
         .then(() => true)"
    );
    assert!(tabs[1].value::<bool>(&sign_in).await);

    for tab in &tabs {
        tab.wait_until(&format!("{session} && {session} !== '{before}'")).await;
        assert!(["/account", "/"].contains(&&*tab.path().await));
    }
    chromium.close().await;
}

#[tokio::test]
async fn deadlines_count_down_and_are_whole_without_a_script() {
    let Some(chromium) = Chromium::start("deadlines counting down").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tabs = tabs(&chromium, &server, &["/account/remembered"]).await;
    let tab = &tabs[0];
    let left = "[...document.querySelectorAll('[data-until]')].map(place => place.textContent)";
    let first: Vec<String> = tab.value(left).await;
    assert_eq!(first.len(), 2);
    let begins = |text: &str, words: [&str; 2]| words.iter().any(|word| text.starts_with(word));
    assert!(begins(&first[0], ["1 hour 0 minutes", "59 minutes"]), "{first:?}");
    assert!(begins(&first[1], ["1 day 0 hours", "23 hours 59 minutes"]), "{first:?}");
    assert!(first.iter().all(|told| told.contains("second")), "{first:?}");
    tab.wait_until(&format!("{left}[0] !== '{}'", first[0])).await;

    tab.without_scripts().await;
    tab.open(&format!("{}/account/remembered", server.url)).await;
    let told: Vec<String> = tab.value(left).await;
    assert!(["1 hour 0 minutes", "59 minutes"].contains(&&*told[0]), "{told:?}");
    chromium.close().await;
}

#[tokio::test]
async fn a_password_is_advised_on_while_it_is_typed_and_goes_nowhere() {
    let Some(chromium) = Chromium::start("advice on passwords").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tabs = tabs(&chromium, &server, &["/account"]).await;
    let tab = &tabs[0];
    assert!(!tab.value::<bool>("document.querySelector('meter').checkVisibility()").await);
    let (_, asked_before) = tab.seen().await;
    let advice = "document.querySelector('.advice output').textContent";
    let strength = "document.querySelector('meter').value";
    let cases = [
        ("velvet", "9 more characters to go.", 1.0..2.0),
        ("ada@example.org ada", "This contains your name", 1.0..1.5),
        ("aaaaaaaaaaaaaaaaaa", "This repeats itself", 1.0..1.5),
        ("velvet otter hum", "Long enough.", 3.0..3.5),
        ("velvet otter hums at nine", "Long and varied", 4.0..4.5),
    ];
    for (typed, words, expected) in cases {
        tab.run("document.querySelector('#new_password').value = ''").await;
        tab.type_into("#new_password", typed).await;
        let told: String = tab.value(advice).await;
        assert!(told.starts_with(words), "{typed}: {told}");
        assert!(expected.contains(&tab.value::<f64>(strength).await), "{typed}");
    }
    let (complaints, asked) = tab.seen().await;
    assert_eq!((complaints, asked), (vec![], asked_before), "something was sent");
    chromium.close().await;
}

#[tokio::test]
async fn an_open_page_outlives_a_restart_of_the_server() {
    let Some(chromium) = Chromium::start("a restart under an open page").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tabs = tabs(&chromium, &server, &["/account"]).await;
    tabs[0].run("window.stays = true").await;
    let address = server.address();

    let place = server.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let server = place.serve_at(address, &[]);
    let elsewhere = Client::of(&server);
    assert_eq!(elsewhere.sign_in(EMAIL, PASSWORD).await, 200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(tabs[0].value::<bool>("window.stays === true").await);

    let answer = elsewhere.request(reqwest::Method::DELETE, "/api/sessions").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    tabs[0].wait_until(LEFT).await;
    chromium.close().await;
}
