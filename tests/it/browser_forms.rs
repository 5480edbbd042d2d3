//! Forms and times of the pages in a real browser.

use crate::browser::{EMAIL, sign_in};
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::Server;

/// How many live sessions the person has.
async fn sessions(of: &Client) -> usize {
    let answer = of.get("/api/sessions").await;
    let body: serde_json::Value = answer.json().await.unwrap();
    body["sessions"].as_array().unwrap().len()
}

async fn fill_in(tab: &Tab, server: &Server) {
    tab.open(&format!("{}/login?next=/account/sessions", server.url)).await;
    tab.type_into("#email", EMAIL).await;
    tab.type_into("#password", PASSWORD).await;
}

#[tokio::test]
async fn two_clicks_sign_in_once_and_times_are_those_of_the_reader() {
    let Some(chromium) = Chromium::start("two clicks on a button").await else { return };
    let server = Server::start();
    let other = Client::of(&server);
    other.sign_up(EMAIL).await;
    let (tab, plain) = (chromium.tab().await, chromium.tab().await);
    tab.page.emulate_timezone("Asia/Seoul").await.unwrap();
    plain.without_scripts().await;
    for (tab, told, not_told) in [(&tab, "GMT+9", "UTC"), (&plain, "UTC", "GMT+9")] {
        fill_in(tab, &server).await;
        let twice = "const it = document.querySelector('main form button'); it.click(); it.click()";
        tab.until_next_document(tab.run(twice)).await;
        assert_eq!(tab.path().await, "/account/sessions");
        assert_eq!(sessions(&other).await, 2, "one, and that of the sign-up");
        let times = tab.text().await;
        assert!(times.contains(told) && !times.contains(not_told), "{times}");
        tab.follow("form[action='/logout'] button").await;
    }
    chromium.close().await;
}

#[tokio::test]
async fn a_page_that_leaves_and_a_fragment_come_back_after_signing_in() {
    let Some(chromium) = Chromium::start("coming back after signing in").await else { return };
    let server = Server::start();
    let other = Client::of(&server);
    other.sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    sign_in(&tab, &server, EMAIL).await;
    tab.open(&format!("{}/account/activity?cursor=x", server.url)).await;
    other.request(reqwest::Method::DELETE, "/api/sessions").send().await.unwrap();
    tab.wait_until("location.pathname === '/login' && document.readyState === 'complete'").await;
    let next = "document.querySelector('main input[name=next]').value";
    assert_eq!(tab.value::<String>(next).await, "/account/activity?cursor=x");

    // A browser carries the fragment of an address over to where it is sent.
    tab.open(&format!("{}/account/sessions#/part/7", server.url)).await;
    assert_eq!(tab.value::<String>(next).await, "/account/sessions#/part/7");
    tab.run("document.querySelector('#email').value = '홍길동@example.kr'").await;
    tab.type_into("#password", "x").await;
    tab.follow("main form button").await;
    assert!(tab.value::<String>("document.title").await.starts_with("Error: "));
    assert_eq!(tab.focus().await, "problems");
    chromium.close().await;
}
