//! The pages on a desk and on a phone, light and dark, in both languages: nothing sticks out, and
//! axe-core finds nothing that keeps anybody out. `SCREENSHOTS=docs/images/pages` renews the pictures
//! of docs/pages.md and the README; with `ALL_SCREENSHOTS=1` a folder gets every picture.

use std::path::PathBuf;
use std::{env, fs};

use reqwest::Method;
use serde_json::json;

use crate::harness::chance::is_nightly;
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::left_out::for_want_of;
use crate::harness::server::{Place, Server};
use crate::house_rules::root;

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

/// The pictures of docs/pages.md: each language, scheme and screen several times.
const GALLERY: [&str; 12] = [
    "sign-in-desktop-light-en",
    "sign-up-phone-light-ko",
    "account-desktop-light-en",
    "sessions-desktop-light-en",
    "sessions-phone-dark-en",
    "activity-desktop-dark-ko",
    "remembered-desktop-light-en",
    "remembered-phone-dark-en",
    "admin-desktop-light-en",
    "admin-users-desktop-dark-ko",
    "admin-session-desktop-light-en",
    "admin-audit-phone-light-ko",
];

/// Which of them axe-core looks at in an ordinary run. It looks at all of them in the nightly one.
const WITH_AXE: [&str; 2] = ["desktop-light-en", "phone-dark-ko"];

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

/// Finds what keeps people out of pages: axe-core, which `scripts/test` fetches.
fn axe() -> Option<String> {
    let Some(file) = env::var_os("ANTEROOM_TEST_AXE") else {
        for_want_of("axe-core", "what it finds on the pages");
        return None;
    };
    Some(fs::read_to_string(file).unwrap())
}

/// What axe-core finds on the page that is shown, a line each.
async fn found_by(axe: &str, tab: &Tab) -> Vec<String> {
    tab.run(axe).await;
    let look = "axe.run(document, { resultTypes: ['violations'] }).then(found => \
        found.violations.flatMap(rule => rule.nodes.map(node => \
        `${rule.id}: ${node.target} ${node.failureSummary}`)))";
    tab.value(look).await
}

/// How pages are looked at.
struct Look {
    folder: Option<PathBuf>,
    /// Whether every page is drawn, or only the gallery.
    all: bool,
    axe: Option<String>,
}

impl Look {
    fn new() -> Self {
        let folder = env::var_os("SCREENSHOTS").map(PathBuf::from);
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).unwrap();
        }
        let all = env::var_os("ALL_SCREENSHOTS").is_some_and(|value| !value.is_empty());
        Self { folder, all, axe: axe() }
    }

    /// The page that is shown, which no address leads to.
    async fn here(&self, tab: &Tab, shown: &str) {
        if let Some(folder) = self.folder.as_ref().filter(|_| self.all) {
            fs::write(folder.join(format!("{shown}.webp")), tab.picture().await).unwrap();
        }
        if let Some(axe) = &self.axe {
            assert_eq!(found_by(axe, tab).await, Vec::<String>::new(), "{shown}");
        }
    }

    /// Every screen, scheme and language of one page.
    async fn at(&self, tab: &Tab, server: &Server, (path, name): (&str, &str)) {
        for Screen { name: screen, size, density } in SCREENS {
            tab.screen(size, density, screen == "phone").await;
            for scheme in ["light", "dark"] {
                tab.prefer_scheme(scheme).await;
                for language in ["en", "ko"] {
                    speak(tab, server, language).await;
                    tab.open(&format!("{}{path}", server.url)).await;
                    assert_eq!(Some(&*tab.path().await), path.split('?').next());
                    let shown = format!("{name}-{screen}-{scheme}-{language}");
                    let width: i64 = tab.value("document.documentElement.scrollWidth").await;
                    assert!(width <= size.0, "{shown} is {width} wide");
                    let is_drawn = self.all || GALLERY.contains(&&*shown);
                    if let Some(folder) = self.folder.as_ref().filter(|_| is_drawn) {
                        let picture = tab.picture().await;
                        fs::write(folder.join(format!("{shown}.webp")), picture).unwrap();
                    }
                    let is_tried = is_nightly() || WITH_AXE.iter().any(|way| shown.ends_with(way));
                    if let Some(axe) = self.axe.as_ref().filter(|_| is_tried) {
                        let found = found_by(axe, tab).await;
                        assert!(found.is_empty(), "{shown}: {found:#?}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_gallery_is_what_the_documents_show() {
    let kept = fs::read_dir(root().join("docs/images/pages")).unwrap();
    let mut kept: Vec<_> =
        kept.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    kept.sort();
    let mut gallery = GALLERY.map(|name| format!("{name}.webp"));
    gallery.sort();
    assert_eq!(kept, gallery);
    let document = fs::read_to_string(root().join("docs/pages.md")).unwrap();
    for name in gallery {
        assert!(document.contains(&format!("(images/pages/{name})")), "{name}");
    }
}

#[tokio::test]
async fn pages_fit_every_screen_in_every_language() {
    let Some(chromium) = Chromium::start("pages on every screen").await else { return };
    let look = Look::new();
    let server = Place::new().serve(&["--trusted-proxies", "127.0.0.1/32"]);
    ada_elsewhere(&server).await;
    let tab = chromium.tab().await;
    tab.with_header("X-Forwarded-For", "203.0.113.7").await;

    for page in [("/", "landing"), ("/login", "sign-in"), ("/signup", "sign-up")] {
        look.at(&tab, &server, page).await;
    }
    crate::browser::sign_in(&tab, &server, EMAIL).await;
    for page in [
        ("/account", "account"),
        ("/account/profile", "profile"),
        ("/account/sessions", "sessions"),
        ("/account/activity", "activity"),
        ("/account/remembered", "remembered"),
        ("/account/delete", "delete"),
        ("/reauthenticate", "reauthenticate"),
        ("/logout", "sign-out"),
    ] {
        look.at(&tab, &server, page).await;
    }

    tab.was_quiet(&server.url).await;
    chromium.close().await;
}

#[tokio::test]
async fn a_failed_hand_over_fits_every_screen_in_every_language() {
    let Some(chromium) = Chromium::start("a failed hand-over on every screen").await else {
        return;
    };
    let server = Place::new().serve(&[]);
    let tab = chromium.tab().await;
    Look::new().at(&tab, &server, ("/auth/continue", "hand-over-failed")).await;
    chromium.close().await;
}

/// Where the first link of a page leads that begins like this.
async fn first_link(tab: &Tab, server: &Server, page: &str, beginning: &str) -> String {
    tab.open(&format!("{}{page}", server.url)).await;
    tab.value(&format!("document.querySelector(\"main a[href^='{beginning}']\").pathname")).await
}

#[tokio::test]
async fn the_administration_fits_every_screen_in_every_language() {
    let Some(chromium) = Chromium::start("the administration on every screen").await else {
        return;
    };
    let look = Look::new();
    let server = Place::new().serve(&["--trusted-proxies", "127.0.0.1/32"]);
    ada_elsewhere(&server).await;
    for name in ["grace", "이아름", "edsger"] {
        Client::of(&server).sign_up(&format!("{name}@example.org")).await;
    }
    let root = "root@example.org";
    assert_eq!(Client::of(&server).set_up(&server, root).await.status(), 303);
    Client::of(&server).sign_in(EMAIL, "not her password at all").await;
    let tab = chromium.tab().await;
    tab.with_header("X-Forwarded-For", "203.0.113.7").await;
    crate::browser::sign_in(&tab, &server, root).await;

    for page in [
        ("/admin", "admin"),
        ("/admin/users", "admin-users"),
        ("/admin/sessions", "admin-sessions"),
        ("/admin/audit", "admin-audit"),
    ] {
        look.at(&tab, &server, page).await;
    }
    let user = first_link(&tab, &server, "/admin/users?query=ada", "/admin/users/").await;
    look.at(&tab, &server, (&user, "admin-user")).await;
    let session = first_link(&tab, &server, &user, "/admin/sessions/").await;
    look.at(&tab, &server, (&session, "admin-session")).await;

    tab.was_quiet(&server.url).await;
    chromium.close().await;
}

mod nightly {
    use anteroom::clock::Clock;

    use super::*;
    use crate::harness::server::wait_for;
    use crate::second_factors::Authenticator;

    /// The path and the token of the last link of this kind that was mailed.
    fn mailed(server: &Server, path: &str) -> String {
        let beginning = format!("{path}?token=");
        wait_for(|| {
            let log = server.stderr();
            let (_, after) = log.rsplit_once(&beginning)?;
            Some(beginning.clone() + after.get(..43)?)
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn pages_of_mail_and_factors_fit_every_screen_in_every_language() {
        let Some(chromium) = Chromium::start("mail and factors on every screen").await else {
            return;
        };
        let look = Look::new();
        let place = Place::new().with("ANTEROOM_MAIL", "log");
        let server = place.with("ANTEROOM_MAIL_FROM", "anteroom@example.org").serve(&[]);
        let ada = Client::of(&server);
        ada.sign_up(EMAIL).await;
        let tab = chromium.tab().await;
        look.at(&tab, &server, ("/recover", "recover")).await;
        let asked = ada.post_json("/api/recovery", &json!({ "email": EMAIL })).await;
        assert_eq!(asked.status(), 202);
        let link = tokio::task::block_in_place(|| mailed(&server, "/recover/confirm"));
        look.at(&tab, &server, (&link, "recover-confirm")).await;
        let link = tokio::task::block_in_place(|| mailed(&server, "/verify-email"));
        look.at(&tab, &server, (&link, "verify-email")).await;
        let token = json!({ "token": link.split_once('=').unwrap().1 });
        assert_eq!(ada.post_json("/api/email/verify", &token).await.status(), 204);

        crate::browser::sign_in(&tab, &server, EMAIL).await;
        look.at(&tab, &server, ("/account/second-factor", "factors-none")).await;
        let set_up = "/account/second-factor/set-up";
        look.at(&tab, &server, (set_up, "set-up-begin")).await;
        tab.follow("main form:not([data-passkey]) button").await;
        look.at(&tab, &server, (set_up, "set-up")).await;
        let uri = "new URL(document.querySelector(\"a[href^='otpauth:']\").href)";
        let key: String = tab.value(&format!("{uri}.searchParams.get('secret')")).await;
        let code = Authenticator::of(&key).code_at(Clock::system().now());
        tab.type_into("#code", &code).await;
        tab.follow("main form:not([data-passkey]) button").await;
        let codes = tab.text().await;
        if let Some(axe) = &look.axe {
            assert_eq!(found_by(axe, &tab).await, Vec::<String>::new(), "recovery codes");
        }
        look.at(&tab, &server, ("/account/second-factor", "factors")).await;
        look.at(&tab, &server, ("/reauthenticate", "reauthenticate-by-code")).await;

        tab.open(&format!("{}/account", server.url)).await;
        tab.follow("form.leave button").await;
        tab.type_into("#email", EMAIL).await;
        tab.type_into("#password", PASSWORD).await;
        tab.follow("main form button").await;
        look.at(&tab, &server, ("/login/second-factor", "second-step")).await;
        let code = codes.split_whitespace().find(|word| word.matches('-').count() > 1);
        tab.type_into("#code", code.unwrap_or_else(|| panic!("no code: {codes}"))).await;
        tab.follow("main form:not([data-passkey]) button").await;
        assert_eq!(tab.path().await, "/account");

        tab.was_quiet(&server.url).await;
        // The browser logs its status, 410, as an error.
        look.at(&tab, &server, ("/recover/confirm?token=gone", "link-gone")).await;
        chromium.close().await;
    }

    #[tokio::test]
    async fn the_administration_of_mail_fits_every_screen_in_every_language() {
        let Some(chromium) = Chromium::start("administration of mail").await else { return };
        let place = Place::new().with("ANTEROOM_MAIL", "log");
        let server = place.with("ANTEROOM_MAIL_FROM", "anteroom@example.org").serve(&[]);
        let root = "root@example.org";
        assert_eq!(Client::of(&server).set_up(&server, root).await.status(), 303);
        let tab = chromium.tab().await;
        crate::browser::sign_in(&tab, &server, root).await;
        Look::new().at(&tab, &server, ("/admin/mail", "admin-mail")).await;
        tab.was_quiet(&server.url).await;
        chromium.close().await;
    }

    #[tokio::test]
    async fn the_administration_of_clients_fits_every_screen_in_every_language() {
        let Some(chromium) = Chromium::start("administration of clients").await else { return };
        let server = Place::new().serve(&[]);
        let root = "root@example.org";
        assert_eq!(Client::of(&server).set_up(&server, root).await.status(), 303);
        let tab = chromium.tab().await;
        crate::browser::sign_in(&tab, &server, root).await;
        let look = Look::new();
        look.at(&tab, &server, ("/admin/clients", "admin-clients-none")).await;
        tab.type_into("#name", "Orders").await;
        tab.type_into("#audiences", "https://api.example.org/a-path-that-is/long orders").await;
        tab.type_into("#scopes", "orders:read orders:write").await;
        tab.follow("form[action='/admin/clients'] button").await;
        look.here(&tab, "admin-clients-made").await;
        look.at(&tab, &server, ("/admin/clients", "admin-clients")).await;
        let client = first_link(&tab, &server, "/admin/clients", "/admin/clients/").await;
        look.at(&tab, &server, (&client, "admin-client")).await;
        tab.follow("form[action$='/secret'] button").await;
        look.here(&tab, "admin-client-rotated").await;
        tab.was_quiet(&server.url).await;
        chromium.close().await;
    }
}
