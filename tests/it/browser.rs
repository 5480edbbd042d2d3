//! What a person sees and does in a real browser.

use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::Server;

pub const EMAIL: &str = "ada@example.org";

/// Signs in by the form.
pub async fn sign_in(tab: &Tab, server: &Server, email: &str) {
    tab.open(&format!("{}/login", server.url)).await;
    tab.type_into("#email", email).await;
    tab.type_into("#password", PASSWORD).await;
    tab.follow("main form button").await;
    assert_eq!(tab.path().await, "/account");
}

/// Far more than any page has places to go.
const MOST_STEPS: usize = 80;

/// Goes on by the Tab key until something of this name has the focus. Every step has to be seen.
pub async fn tab_to(tab: &Tab, name: &str) {
    let named = "(() => { const at = document.activeElement; \
        const by = (at.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean); \
        return by.map(id => document.getElementById(id).innerText).join(' ') || \
        at.innerText.trim() || at.id })()";
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    let mut seen = Vec::new();
    for _ in 0..MOST_STEPS {
        tab.press("Tab").await;
        let at: String = tab.value(named).await;
        assert_ne!(tab.value::<String>(outline).await, "none", "the focus is not seen: {at}");
        if at == name {
            return;
        }
        seen.push(at);
    }
    panic!("{name} is not reached: {seen:#?}");
}

#[tokio::test]
async fn a_person_signs_up_by_the_form_and_finds_the_way_around() {
    let Some(chromium) = Chromium::start("signing up in a browser").await else { return };
    let server = Server::start();
    let tab = chromium.tab().await;

    tab.open(&server.url).await;
    tab.follow("a[href='/signup']").await;
    tab.type_into("#email", EMAIL).await;
    tab.type_into("#name", "Ada Lovelace").await;
    tab.type_into("#password", "passwordpassword").await;
    tab.run("document.querySelector('main form').noValidate = true").await;
    tab.follow("main form button").await;

    assert_eq!(tab.path().await, "/signup");
    assert_eq!(tab.value::<String>("document.querySelector('#email').value").await, EMAIL);
    assert_eq!(tab.value::<String>("document.querySelector('#password').value").await, "");
    tab.type_into("#password", PASSWORD).await;
    tab.follow("main form button").await;
    assert_eq!(tab.path().await, "/account");
    assert!(tab.text().await.contains("Ada Lovelace"));

    for (link, path) in [("/account/sessions", "/account/sessions"), ("/account", "/account")] {
        tab.follow(&format!("nav a[href='{link}']")).await;
        assert_eq!(tab.path().await, path);
    }
    tab.follow("form[action='/logout'] button").await;
    assert_eq!(tab.path().await, "/login");
    chromium.close().await;
}

#[tokio::test]
async fn every_page_leaves_the_console_empty_and_asks_nobody_else() {
    let Some(chromium) = Chromium::start("an empty console on every page").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;

    for path in ["/", "/signup", "/login", "/account"] {
        tab.open(&format!("{}{path}", server.url)).await;
    }
    sign_in(&tab, &server, EMAIL).await;
    for path in ["/", "/account", "/account/sessions", "/reauthenticate", "/logout"] {
        tab.open(&format!("{}{path}", server.url)).await;
        assert_eq!(tab.path().await, path);
        // A page whose style was refused would be the same text.
        let rules: u32 = tab.value("document.styleSheets[0].cssRules.length").await;
        assert!(rules > 10, "{path}");
    }

    tab.was_quiet(&server.url).await;
    chromium.close().await;
}

#[tokio::test]
async fn the_sign_in_form_needs_no_mouse() {
    let Some(chromium) = Chromium::start("signing in by keyboard").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    tab.open(&format!("{}/login", server.url)).await;

    let mut order = Vec::new();
    while order.last().is_none_or(|last| last != "Sign in") && order.len() < 20 {
        tab.press("Tab").await;
        order.push(tab.focus().await);
        let text = match order.last().unwrap().as_str() {
            "email" => EMAIL,
            "password" => PASSWORD,
            _ => continue,
        };
        for letter in text.chars() {
            tab.press(&letter.to_string()).await;
        }
    }

    assert_eq!(order[0], "Skip to content");
    let fields = order.iter().position(|focus| focus == "email").unwrap();
    assert_eq!(order[fields..], ["email", "password", "remember_me", "Sign in"]);
    tab.run("document.querySelector('#remember_me').focus()").await;
    tab.press(" ").await;
    assert!(tab.value::<bool>("document.querySelector('#remember_me').checked").await);
    tab.until_next_document(tab.press("Enter")).await;
    assert_eq!(tab.path().await, "/account");
    let remembered = tab.page.get_cookies().await.unwrap();
    let cookie = remembered.iter().find(|cookie| cookie.name == "anteroom").unwrap();
    assert!(!cookie.session && cookie.http_only, "{cookie:?}");
    chromium.close().await;
}

#[tokio::test]
async fn theme_and_language_are_chosen_without_scripts() {
    let Some(chromium) = Chromium::start("theme and language without scripts").await else {
        return;
    };
    let server = Server::start();
    let tab = chromium.tab().await;
    tab.without_scripts().await;
    let login = format!("{}/login?next=/account/sessions", server.url);
    tab.open(&login).await;
    let background = "getComputedStyle(document.body).backgroundColor";
    tab.follow("button[value='light']").await;
    let light: String = tab.value(background).await;

    tab.follow("button[value='dark']").await;
    let dark: String = tab.value(background).await;
    tab.follow("button[value='ko']").await;

    assert_ne!(light, dark);
    assert_eq!(tab.value::<String>(background).await, dark, "the theme stays");
    assert_eq!(tab.value::<String>("document.documentElement.lang").await, "ko");
    assert_eq!(tab.value::<String>("location.href").await, login, "one is where one was");
    assert!(tab.text().await.contains("로그인"));
    tab.was_quiet(&server.url).await;
    chromium.close().await;
}
