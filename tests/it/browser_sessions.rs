//! Two browsers of one person: each sees the other, and ends it.

use crate::browser::{EMAIL, sign_in};
use crate::harness::chromium::Chromium;
use crate::harness::client::Client;
use crate::harness::server::Server;

#[tokio::test]
async fn a_session_ended_elsewhere_is_over_and_says_why() {
    let needs = "ending the session of another browser";
    let Some(laptop) = Chromium::start(needs).await else { return };
    let Some(phone) = Chromium::start(needs).await else { return };
    let server = Server::start();
    Client::of(&server).sign_up("someone.else@example.org").await;
    Client::of(&server).sign_up(EMAIL).await;
    let (on_laptop, on_phone) = (laptop.tab().await, phone.tab().await);
    sign_in(&on_laptop, &server, EMAIL).await;
    sign_in(&on_phone, &server, EMAIL).await;

    on_laptop.follow("nav a[href='/account/sessions']").await;
    let cards: Vec<String> = on_laptop
        .value("[...document.querySelectorAll('.session')].map(card => card.innerText)")
        .await;
    // The third is that of the sign-up, outside of any browser.
    assert_eq!(cards.len(), 3, "{cards:#?}");
    assert_eq!(cards.iter().filter(|card| card.contains("This device")).count(), 1);
    assert_eq!(cards.iter().filter(|card| card.contains("Chrom")).count(), 2, "{cards:#?}");
    on_laptop
        .run(
            "[...document.querySelectorAll('.session')].find(card => \
             card.innerText.includes('Chrom') && !card.innerText.includes('This device')) \
             .querySelector('button').dataset.pressed = 'next'",
        )
        .await;
    on_laptop.follow("[data-pressed=next]").await;
    assert!(on_laptop.text().await.contains("The session was ended."));

    // An open page leaves by itself.
    on_phone.wait_until("location.pathname === '/login'").await;
    on_phone.wait_until("document.readyState === 'complete'").await;
    let told = on_phone.text().await;
    assert!(told.contains("This session was ended from another of your devices."), "{told}");
    on_laptop.follow("nav a[href='/account']").await;
    assert_eq!(on_laptop.path().await, "/account");
    for tab in [&on_laptop, &on_phone] {
        tab.was_quiet(&server.url).await;
    }
    laptop.close().await;
    phone.close().await;
}

#[tokio::test]
async fn cache_4_attack_42_going_back_after_signing_out_shows_nothing_private() {
    let Some(chromium) = Chromium::start("going back after signing out").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    sign_in(&tab, &server, EMAIL).await;
    assert!(tab.text().await.contains(EMAIL));
    tab.follow("nav a[href='/account/sessions']").await;
    tab.follow("form[action='/logout'] button").await;
    assert_eq!(tab.path().await, "/login");

    for _ in 0..2 {
        tab.until_next_document(async { tab.run("history.back()").await }).await;
        let text = tab.text().await;
        assert!(!text.contains(EMAIL), "{text}");
        assert_eq!(tab.path().await, "/login", "{text}");
        assert!(text.contains("You are signed out.") || text.contains("Sign in"), "{text}");
    }
    chromium.close().await;
}

#[tokio::test]
async fn no_script_sees_the_cookie_and_without_remember_me_it_goes_with_the_browser() {
    let Some(chromium) = Chromium::start("the two kinds of cookie").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;

    sign_in(&tab, &server, EMAIL).await;

    let cookies = tab.page.get_cookies().await.unwrap();
    let cookie = cookies.iter().find(|cookie| cookie.name == "anteroom").unwrap();
    assert!(cookie.session && cookie.http_only, "{cookie:?}");
    assert!(!tab.value::<String>("document.cookie").await.contains("anteroom"));
    chromium.close().await;
}
