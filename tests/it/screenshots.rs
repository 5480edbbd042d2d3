//! The pages on a desk and on a phone, light and dark, in both languages: nothing sticks out.
//! With `SCREENSHOTS=folder` their pictures are kept there, those of the README among them.

use std::path::PathBuf;
use std::{env, fs};

use reqwest::Method;
use serde_json::json;

use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::{Place, Server};

const EMAIL: &str = "ada@example.org";
const DEVICES: [(&str, &str); 2] = [
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
         (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "2001:db8:7:2::4a",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "198.51.100.23",
    ),
];

/// A size in points, and how many pixels a point has.
struct Screen {
    name: &'static str,
    size: (i64, i64),
    density: f64,
}

const SCREENS: [Screen; 2] = [
    Screen { name: "desktop", size: (1280, 800), density: 1.0 },
    Screen { name: "phone", size: (390, 844), density: 2.0 },
];

/// Ada, signed in on her phone and at work.
async fn ada_elsewhere(server: &Server) {
    let account = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace" });
    for (number, (user_agent, address)) in DEVICES.into_iter().enumerate() {
        let path = if number == 0 { "/api/signup" } else { "/api/session" };
        let mut body = account.clone();
        if number > 0 {
            body = json!({ "email": EMAIL, "password": PASSWORD, "remember_me": true });
        }
        let request = Client::with_user_agent(server, user_agent).request(Method::POST, path);
        let answer = request.header("X-Forwarded-For", address).json(&body).send().await.unwrap();
        assert!(answer.status().is_success());
    }
}

async fn speak(tab: &Tab, server: &Server, language: &str) {
    let cookie = chromiumoxide::cdp::browser_protocol::network::CookieParam::builder()
        .name("lang")
        .value(language)
        .url(server.url.clone());
    tab.page.set_cookie(cookie.build().unwrap()).await.unwrap();
}

/// Every screen, scheme and language of one page.
async fn look_at(tab: &Tab, server: &Server, (path, name): (&str, &str), folder: Option<&PathBuf>) {
    for Screen { name: screen, size, density } in SCREENS {
        tab.screen(size, density, screen == "phone").await;
        for scheme in ["light", "dark"] {
            tab.prefer_scheme(scheme).await;
            for language in ["en", "ko"] {
                speak(tab, server, language).await;
                tab.open(&format!("{}{path}", server.url)).await;
                assert_eq!(tab.path().await, path);
                let width: i64 = tab.value("document.documentElement.scrollWidth").await;
                assert!(width <= size.0, "{name} is {width} wide on a {screen} in {language}");
                if let Some(folder) = folder {
                    let file = format!("{name}-{screen}-{scheme}-{language}.png");
                    fs::write(folder.join(file), tab.picture().await).unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn pages_fit_every_screen_in_every_language() {
    let Some(chromium) = Chromium::start("pages on every screen").await else { return };
    let folder = env::var_os("SCREENSHOTS").map(PathBuf::from);
    if let Some(folder) = &folder {
        fs::create_dir_all(folder).unwrap();
    }
    let server = Place::new().serve(&["--trusted-proxies", "127.0.0.1/32"]);
    ada_elsewhere(&server).await;
    let tab = chromium.tab().await;
    tab.with_header("X-Forwarded-For", "203.0.113.7").await;

    look_at(&tab, &server, ("/login", "sign-in"), folder.as_ref()).await;
    look_at(&tab, &server, ("/signup", "sign-up"), folder.as_ref()).await;
    crate::browser::sign_in(&tab, &server, EMAIL).await;
    look_at(&tab, &server, ("/account", "account"), folder.as_ref()).await;
    look_at(&tab, &server, ("/account/sessions", "sessions"), folder.as_ref()).await;

    tab.was_quiet(&server.url).await;
    chromium.close().await;
}
