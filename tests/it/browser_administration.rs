//! The administration in a real browser.

use crate::browser::{EMAIL, sign_in, tab_to};
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::Server;

const ROOT: &str = "root@example.org";

/// A server with an administrator and somebody else, who has a session outside of any browser.
async fn server() -> Server {
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    Client::of(&server).sign_up(ROOT).await;
    server.command(&["user", "set-role", ROOT, "admin"]);
    server
}

#[tokio::test]
async fn an_administrator_ends_a_session_by_keyboard_alone() {
    let Some(chromium) = Chromium::start("ending a session by keyboard").await else { return };
    let server = server().await;
    let tab = chromium.tab().await;
    tab.without_scripts().await;
    sign_in(&tab, &server, ROOT).await;

    tab_to(&tab, "Administration").await;
    tab.until_next_document(tab.press("Enter")).await;
    assert_eq!(tab.path().await, "/admin");
    tab_to(&tab, "Accounts").await;
    tab.until_next_document(tab.press("Enter")).await;
    assert_eq!(tab.path().await, "/admin/users");
    tab_to(&tab, EMAIL).await;
    tab.until_next_document(tab.press("Enter")).await;
    tab_to(&tab, "End all sessions of this account").await;
    tab.until_next_document(tab.press("Enter")).await;

    assert!(tab.text().await.contains("One session was ended."));
    tab.was_quiet(&server.url).await;
    chromium.close().await;
}

#[tokio::test]
async fn every_page_of_the_administration_leaves_the_console_empty() {
    let Some(chromium) = Chromium::start("an empty console in the administration").await else {
        return;
    };
    let server = server().await;
    let tab = chromium.tab().await;
    sign_in(&tab, &server, ROOT).await;
    for path in [
        "/admin",
        "/admin/users",
        "/admin/sessions",
        "/admin/applications",
        "/admin/audit",
        "/admin/clients",
    ] {
        tab.open(&format!("{}{path}", server.url)).await;
        assert_eq!(tab.path().await, path);
        // Whatever is wider than the window scrolls by itself.
        let fits = "document.documentElement.scrollWidth <= window.innerWidth";
        assert!(tab.value::<bool>(fits).await, "{path}");
    }
    tab.open(&format!("{}/admin", server.url)).await;
    let bars: u32 = tab.value("document.querySelectorAll('.plot rect').length").await;
    assert!(bars >= 2, "{bars}");
    let drawn = "getComputedStyle(document.querySelector('.plot .sign-ins')).fill";
    assert_ne!(tab.value::<String>(drawn).await, "rgb(0, 0, 0)", "the style reaches the drawing");
    tab.was_quiet(&server.url).await;
    chromium.close().await;
}

#[tokio::test]
async fn an_invited_user_signs_in_by_the_link_shown_to_an_administrator() {
    let needs = "an invitation in two browsers";
    let Some(office) = Chromium::start(needs).await else { return };
    let Some(home) = Chromium::start(needs).await else { return };
    let server = server().await;
    let (root, bob) = (office.tab().await, home.tab().await);
    sign_in(&root, &server, ROOT).await;
    root.open(&format!("{}/admin/users", server.url)).await;
    root.type_into("#email", "bob@example.org").await;
    root.follow("form[method=post][action='/admin/users'] button").await;
    let link: String = root.value("document.querySelector('.link').innerText").await;

    bob.open(link.trim()).await;
    bob.type_into("#password", PASSWORD).await;
    bob.follow("main form button").await;
    assert_eq!(bob.path().await, "/account");
    assert!(bob.text().await.contains("bob@example.org"));
    bob.open(link.trim()).await;
    assert!(bob.text().await.contains("This invitation does not work"));
    office.close().await;
    home.close().await;
}

/// The page of somebody's account, found by a search.
async fn open_account(tab: &Tab, server: &Server, email: &str) {
    tab.open(&format!("{}/admin/users", server.url)).await;
    tab.type_into("#query", email).await;
    tab.follow("form[role=search] button").await;
    tab.follow("tbody a").await;
    assert_eq!(tab.value::<String>("document.querySelector('h1').innerText").await, email);
}

#[tokio::test]
async fn every_button_of_an_administrator_works_and_shows_its_result() {
    let Some(chromium) = Chromium::start("the operations of an administrator").await else {
        return;
    };
    let server = server().await;
    let ada = Client::of(&server);
    assert_eq!(ada.sign_in(EMAIL, PASSWORD).await, 200);
    let tab = chromium.tab().await;
    sign_in(&tab, &server, ROOT).await;
    open_account(&tab, &server, EMAIL).await;

    tab.run("document.querySelector('#name').value = ''").await;
    tab.type_into("#name", "Ada Lovelace").await;
    tab.follow("form.narrow button").await;
    assert!(tab.text().await.contains("The account was changed."));
    assert_eq!(tab.value::<String>("document.querySelector('#name').value").await, "Ada Lovelace");
    tab.follow("button[name=status][value=disabled]").await;
    assert!(tab.text().await.contains("Disabled"));
    assert_eq!(ada.reason().await, "account_disabled");
    tab.follow("button[name=status][value=active]").await;
    assert_eq!(ada.sign_in(EMAIL, PASSWORD).await, 200);
    tab.follow("button[name=role][value=admin]").await;
    assert_eq!(ada.reason().await, "role_changed");
    tab.follow("button[name=role][value=user]").await;
    assert_eq!(ada.sign_in(EMAIL, PASSWORD).await, 200);

    tab.open(&format!("{}/admin/sessions", server.url)).await;
    tab.type_into("#device", "no such device").await;
    tab.follow("form[role=search] button").await;
    assert_eq!(tab.value::<u32>("document.querySelectorAll('tbody tr').length").await, 0);
    tab.open(&format!("{}/admin/audit?kind=role_changed", server.url)).await;
    assert_eq!(tab.value::<u32>("document.querySelectorAll('tbody tr').length").await, 3);
    let csv = "fetch(document.querySelector('a[href*=csv]').href).then(file => file.text())";
    let csv: String = tab.value(csv).await;
    assert_eq!(csv.matches("role_changed").count(), 3, "{csv}");

    open_account(&tab, &server, EMAIL).await;
    tab.click("#sure").await;
    tab.follow("form[action$='/delete'] button").await;
    assert_eq!(tab.path().await, "/admin/users");
    assert_eq!(ada.reason().await, "account_deleted");
    open_account(&tab, &server, ROOT).await;
    tab.follow("button[name=role][value=user]").await;
    assert!(tab.text().await.contains("Make somebody else an administrator first"));
    chromium.close().await;
}
