//! The pages of one's own account by keyboard alone, to a screen reader, and without scripts.

use chromiumoxide::cdp::browser_protocol::accessibility::GetFullAxTreeParams;

use crate::browser::{EMAIL, sign_in, tab_to};
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::Server;

/// The nodes that a screen reader gets: role and name, in order.
async fn accessible_nodes(tab: &Tab) -> Vec<(String, String)> {
    let tree = tab.page.execute(GetFullAxTreeParams::default()).await.unwrap();
    let text = |value: &Option<chromiumoxide::cdp::browser_protocol::accessibility::AxValue>| {
        let value = value.as_ref().and_then(|value| value.value.as_ref());
        value.and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let nodes = tree.nodes.iter().filter(|node| !node.ignored);
    nodes.map(|node| (text(&node.role), text(&node.name))).collect()
}

fn of_role(nodes: &[(String, String)], role: &str) -> Vec<String> {
    nodes.iter().filter(|(of, _)| of == role).map(|(_, name)| name.clone()).collect()
}

#[tokio::test]
async fn a_session_is_ended_by_keyboard_alone() {
    let Some(chromium) = Chromium::start("ending a session by keyboard").await else { return };
    let server = Server::start();
    let elsewhere = Client::with_user_agent(
        &server,
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    );
    elsewhere.sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    sign_in(&tab, &server, EMAIL).await;

    tab_to(&tab, "Sessions").await;
    tab.until_next_document(tab.press("Enter")).await;
    assert_eq!(tab.path().await, "/account/sessions");
    tab_to(&tab, "End session Firefox on Linux").await;
    tab.until_next_document(tab.press("Enter")).await;

    assert!(tab.text().await.contains("The session was ended."));
    assert!(!elsewhere.is_signed_in().await);
    chromium.close().await;
}

#[tokio::test]
async fn an_account_is_deleted_by_keyboard_alone() {
    let Some(chromium) = Chromium::start("leaving by keyboard").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    sign_in(&tab, &server, EMAIL).await;

    tab_to(&tab, "Delete your account").await;
    tab.until_next_document(tab.press("Enter")).await;
    tab_to(&tab, "confirm").await;
    tab.press(" ").await;
    tab_to(&tab, "Delete account").await;
    tab.until_next_document(tab.press("Enter")).await;

    assert_eq!(tab.path().await, "/login");
    assert!(tab.text().await.contains("This account was deleted."));
    chromium.close().await;
}

#[tokio::test]
async fn every_page_and_button_has_a_name_for_screen_readers() {
    let Some(chromium) = Chromium::start("what a screen reader is nodes").await else { return };
    let server = Server::start();
    let elsewhere = Client::of(&server);
    elsewhere.sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    sign_in(&tab, &server, EMAIL).await;

    for (path, heading) in [
        ("/account", "Your account"),
        ("/account/profile", "Your name and address"),
        ("/account/sessions", "Where you are signed in"),
        ("/account/activity", "What happened to your account"),
        ("/account/remembered", "What the server remembers"),
        ("/account/delete", "Delete your account?"),
    ] {
        tab.open(&format!("{}{path}", server.url)).await;
        let nodes = accessible_nodes(&tab).await;
        assert_eq!(of_role(&nodes, "heading")[0], heading);
        for landmark in ["banner", "navigation", "main", "contentinfo"] {
            assert_eq!(of_role(&nodes, landmark).len(), 1, "{path}: {landmark}");
        }
        for role in ["button", "link", "textbox", "checkbox"] {
            assert!(of_role(&nodes, role).iter().all(|name| !name.is_empty()), "{path}: {role}");
        }
        // Two buttons of one name are one riddle: whose session would it end?
        let mut buttons = of_role(&nodes, "button");
        buttons.sort();
        let count = buttons.len();
        buttons.dedup();
        assert_eq!(buttons.len(), count, "{path}: {buttons:?}");
    }
    chromium.close().await;
}

#[tokio::test]
async fn every_page_of_an_account_works_without_scripts() {
    let Some(chromium) = Chromium::start("an account without scripts").await else { return };
    let server = Server::start();
    let elsewhere = Client::of(&server);
    elsewhere.sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    tab.without_scripts().await;
    sign_in(&tab, &server, EMAIL).await;

    tab.follow("a[href='/account/profile']").await;
    tab.type_into("#name", "Ada Lovelace").await;
    tab.follow("main form button").await;
    assert!(tab.text().await.contains("Your profile was changed."));
    tab.follow("nav a[href='/account/activity']").await;
    assert!(tab.text().await.contains("Signed in"));
    tab.follow("nav a[href='/account/remembered']").await;
    tab.follow("form[action='/account/sessions/revoke-others'] button").await;
    assert!(tab.text().await.contains("One other session was ended."));
    assert!(!elsewhere.is_signed_in().await);
    // Before the end, of which the browser says in its console that it clears its cache.
    tab.was_quiet(&server.url).await;
    tab.follow("form[action='/account/sessions/revoke-all'] button").await;
    assert!(tab.text().await.contains("You are signed out."));
    assert_eq!(elsewhere.sign_in(EMAIL, PASSWORD).await, 200);
    chromium.close().await;
}
