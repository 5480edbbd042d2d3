//! Guessing passwords and making accounts is limited, and nobody is kept out for good by it.

use std::sync::Arc;
use std::time::Duration;

use anteroom::accounts::{Email, HasherOptions, Password, PasswordCheck, PasswordCheckError, Role};
use anteroom::failure::StoreError;
use anteroom::throttle::{
    AccountKey, Counter, Network, Rate, Refusal, Release, ThrottleOptions, ThrottleStore,
};
use anteroom::{Anteroom, Options, Stores};
use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sqlx::Row as _;
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::harness::app::{DAY, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};

pub const ADA: &str = "ada@example.org";
/// An address of Ada's home, and one of somebody else's.
pub const HOME: &str = "198.51.100.7";
pub const ELSEWHERE: &str = "203.0.113.9";

/// With the limits that are the default, behind a proxy that names the clients.
pub async fn guarded() -> TestApp {
    guarded_with(|_| ()).await
}

pub async fn guarded_with(set: impl FnOnce(&mut Options)) -> TestApp {
    TestApp::start_with(Kind::Database, |options| {
        options.throttles = ThrottleOptions::default();
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        set(options);
    })
    .await
}

/// Somebody with a browser at an address.
pub struct Person<'a> {
    pub browser: Browser,
    address: &'a str,
}

impl<'a> Person<'a> {
    pub fn at(app: &TestApp, address: &'a str) -> Self {
        Self { browser: app.browser(), address }
    }

    fn from(&self) -> impl FnOnce(RequestBuilder) -> RequestBuilder {
        let address = self.address.to_owned();
        move |request| request.header("X-Forwarded-For", address)
    }

    async fn send(&self, method: Method, path: &str, body: serde_json::Value) -> Answer {
        let from = self.from();
        self.browser.ask(method, path, |request| from(request).json(&body)).await
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let body = form.extend_pairs(fields).finish();
        let from = self.from();
        let kind = "application/x-www-form-urlencoded";
        let shape = |request| from(request).header("Content-Type", kind).body(body);
        self.browser.ask(Method::POST, path, shape).await
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.send(Method::POST, "/api/session", body).await
    }

    /// The status of a wrong password.
    pub async fn guess(&self, email: &str) -> u16 {
        self.sign_in(email, "wrong").await.status
    }

    /// How many wrong passwords were looked at until one was refused, at most so many.
    pub async fn guess_until_refused(&self, email: &str, most: usize) -> usize {
        for n in 0..most {
            match self.guess(email).await {
                401 => {}
                429 => return n,
                other => panic!("{other}"),
            }
        }
        most
    }

    async fn sign_up(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.send(Method::POST, "/api/signup", body).await
    }

    pub async fn change_password(&self, current: &str) -> Answer {
        let body = json!({ "current_password": current, "new_password": OTHER_PASSWORD });
        self.send(Method::PUT, "/api/account/password", body).await
    }

    /// Offers a password in one of the ways there are.
    async fn offer(&self, way: usize, password: &str) -> Answer {
        let new = ("new_password", OTHER_PASSWORD);
        match way {
            0 => self.sign_in(ADA, password).await,
            1 => self.form("/login", &[("email", ADA), ("password", password)]).await,
            2 => {
                let body = json!({ "password": password });
                self.send(Method::POST, "/api/session/reauthenticate", body).await
            }
            3 => self.form("/reauthenticate", &[("password", password)]).await,
            4 => self.change_password(password).await,
            _ => self.form("/account/password", &[("current_password", password), new]).await,
        }
    }
}

/// So many addresses, each of a network of its own.
pub fn addresses(count: u32) -> Vec<String> {
    (0..count).map(|n| std::net::Ipv4Addr::from_bits(0x0A00_0000 + n).to_string()).collect()
}

/// How many rows there are of counters and of known networks.
pub async fn rows(app: &TestApp) -> (i64, i64) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&app.database);
    let pool = sqlx::SqlitePool::connect_with(options.read_only(true)).await.unwrap();
    let sql = "SELECT (SELECT COUNT(*) FROM throttle_counters), \
               (SELECT COUNT(*) FROM known_networks)";
    let row = sqlx::query(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    (row.get(0), row.get(1))
}

pub fn proof(password: &str) -> PasswordCheck {
    PasswordCheck { password: Password::from_typed(password), from: None }
}

#[test]
fn thr_1_the_manual_says_how_each_limit_works_and_whom_it_cannot_lock_out() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("docs/how-it-works/throttling.md");
    let page = std::fs::read_to_string(page).unwrap();
    let words = ["ACCOUNT", "NETWORK", "SIGNUP"].map(|name| format!("ANTEROOM_THROTTLE_{name}"));
    for word in words.iter().map(String::as_str).chain(["Retry-After", "decisions/0005"]) {
        assert!(page.contains(word), "the page about throttling does not name {word}");
    }
    assert!(page.contains("lock"), "the page does not say who can lock whom out");
    let reason = std::fs::read_to_string(root.join("docs/decisions/0005-throttling.md")).unwrap();
    assert!(reason.contains("63B") && reason.contains("OWASP"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_2_a_hundred_wrong_passwords_a_day_are_looked_at_and_no_more() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let attackers = addresses(20);
    let mut looked_at = 0;
    for hour in 0..24 {
        for address in &attackers {
            looked_at += Person::at(&app, address).guess_until_refused(ADA, 4).await;
        }
        if hour == 0 {
            assert_eq!(looked_at, 50, "half of the day's at once");
            let right = Person::at(&app, ELSEWHERE).sign_in(ADA, PASSWORD).await;
            assert_eq!(right.status, 429, "even a right one is not looked at");
        }
        app.clock.advance(60 * MINUTE);
    }
    assert!((90..=100).contains(&looked_at), "{looked_at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_3_every_spelling_of_an_address_shares_one_counter() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let attacker = Person::at(&app, ELSEWHERE);
    let spellings =
        [ADA, "ADA@EXAMPLE.ORG", " ada@example.org ", "ａｄａ@example.org", "Ada＠Example.org"];
    for n in 0..10 {
        assert_eq!(attacker.guess(spellings[n % 5]).await, 401);
    }
    for spelling in spellings {
        assert_eq!(attacker.guess(spelling).await, 429, "{spelling}");
    }
    assert_eq!(attacker.guess("bob@example.org").await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_4_a_network_is_one_ipv4_address_or_an_ipv6_64_and_a_48_of_them_has_a_limit() {
    let app = guarded_with(|options| options.throttles.account = None).await;
    let guess = async |address: &str, times: usize| {
        Person::at(&app, address).guess_until_refused(ADA, times).await
    };
    assert_eq!(guess("192.0.2.1", 20).await, 20);
    assert_eq!(guess("::ffff:192.0.2.1", 20).await, 10, "the same in the clothes of IPv6");
    assert_eq!(guess("192.0.2.2", 1).await, 1);

    assert_eq!(guess("2001:db8:1:2::1", 20).await, 20);
    assert_eq!(guess("2001:db8:1:2:ffff::9", 20).await, 10);
    let mut of_the_site = 30;
    for n in 3..20 {
        of_the_site += guess(&format!("2001:db8:1:{n}::1"), 30).await;
    }
    assert_eq!(of_the_site, 300, "ten times as many for all of the /48");
    assert_eq!(guess("2001:db8:2:1::1", 1).await, 1, "another /48");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_5_every_way_to_test_a_password_uses_the_same_counters() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let ada = Person::at(&app, HOME);
    assert_eq!(ada.sign_in(ADA, PASSWORD).await.status, 200);
    let token = ada.browser.token();
    for n in 0..10 {
        let way = n % 6;
        let expected = if way < 2 { 401 } else { 403 };
        assert_eq!(ada.offer(way, "wrong").await.status, expected, "way {way}");
    }
    for way in 0..6 {
        for password in ["wrong", PASSWORD] {
            let answer = ada.offer(way, password).await;
            assert_eq!(answer.status, 429, "way {way}: {}", answer.text);
            assert_eq!(answer.header("retry-after"), "60");
            let is_form = way % 2 == 1;
            assert_eq!(answer.text.contains("Try again in 60 seconds."), is_form, "way {way}");
            assert_eq!(answer.set_cookies().len(), 0);
        }
    }
    assert!(ada.browser.is_signed_in().await && ada.browser.token() == token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_6_parallel_guesses_cannot_outrun_the_limit() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let attackers: Vec<Person> = (0..200).map(|_| Person::at(&app, ELSEWHERE)).collect();
    let answers = join_all(attackers.iter().map(|attacker| attacker.guess(ADA))).await;
    let of = |status| answers.iter().filter(|answer| **answer == status).count();
    // On a very slow machine some are told that it is busy.
    assert_eq!((of(401), of(429) + of(503)), (10, 190));
    assert!(of(429) > 0);

    let networks = addresses(100);
    let attackers: Vec<Person> = networks.iter().map(|a| Person::at(&app, a)).collect();
    let answers = join_all(attackers.iter().map(|attacker| attacker.guess(ADA))).await;
    let looked_at = answers.iter().filter(|answer| **answer == 401).count();
    assert_eq!(looked_at, 40, "with the ten before, the fifty that all networks have at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_6_many_right_passwords_at_once_are_no_guessing() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let people: Vec<Person> = (0..200).map(|_| Person::at(&app, HOME)).collect();
    let answers = join_all(people.iter().map(|person| person.sign_in(ADA, PASSWORD))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");

    // With a queue as short as that of a small machine, most of them are sent away at once.
    let app = guarded_with(|options| {
        let threads = std::num::NonZeroUsize::MIN;
        options.hashing = HasherOptions { threads, queue: 8, ..HasherOptions::default() };
    })
    .await;
    app.add(ADA, Role::User).await;
    let people: Vec<Person> = (0..200).map(|_| Person::at(&app, HOME)).collect();
    let answers = join_all(people.iter().map(|person| person.sign_in(ADA, PASSWORD))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    assert_eq!(Person::at(&app, HOME).guess_until_refused(ADA, 20).await, 10, "something leaked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_7_the_owner_gets_in_while_the_account_is_hammered() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let home = Person::at(&app, HOME);
    assert_eq!(home.sign_in(ADA, PASSWORD).await.status, 200);

    // One network, for a day: Ada signs in from any other at once.
    let attacker = Person::at(&app, ELSEWHERE);
    for _ in 0..48 {
        attacker.guess_until_refused(ADA, 20).await;
        app.clock.advance(30 * MINUTE);
    }
    assert!(attacker.guess_until_refused(ADA, 20).await <= 1);
    let on_the_way = Person::at(&app, "192.0.2.77");
    assert_eq!(on_the_way.sign_in(ADA, PASSWORD).await.status, 200);

    // A hundred networks: from one that she has not been at lately she has to wait, at home not.
    for address in addresses(100) {
        Person::at(&app, &address).guess_until_refused(ADA, 3).await;
    }
    let abroad = Person::at(&app, "192.0.2.88");
    let refused = abroad.sign_in(ADA, PASSWORD).await;
    assert_eq!(refused.status, 429);
    for person in [&home, &on_the_way] {
        let answer = person.sign_in(ADA, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    // Once they leave off she gets in everywhere, and nobody had to help.
    app.clock.advance(Duration::from_secs(refused.header("retry-after").parse().unwrap()));
    assert_eq!(abroad.sign_in(ADA, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_7_where_an_account_was_made_its_owner_is_known() {
    let app = guarded().await;
    let home = Person::at(&app, HOME);
    assert_eq!(home.sign_up(ADA, PASSWORD).await.status, 201);
    for address in addresses(30) {
        Person::at(&app, &address).guess_until_refused(ADA, 3).await;
    }
    assert_eq!(Person::at(&app, "192.0.2.88").sign_in(ADA, PASSWORD).await.status, 429);
    assert_eq!(home.sign_in(ADA, PASSWORD).await.status, 200);

    // What is known of a network is forgotten after a month without a sign-in from there.
    app.clock.advance(31 * DAY);
    for address in addresses(30) {
        Person::at(&app, &address).guess_until_refused(ADA, 3).await;
    }
    assert_eq!(home.sign_in(ADA, PASSWORD).await.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_7_people_behind_one_trusted_proxy_do_not_share_a_limit() {
    let app = guarded().await;
    for address in addresses(40) {
        let person = Person::at(&app, &address);
        assert_eq!(person.guess_until_refused("bob@example.org", 1).await, 1, "{address}");
        let own = format!("{}@example.org", address.replace('.', "-"));
        assert_eq!(person.guess_until_refused(&own, 5).await, 5, "{address}");
    }
    // Whoever is not behind the proxy cannot name an address.
    let direct = guarded_with(|options| options.trusted_proxies = Vec::new()).await;
    let mut looked_at = 0;
    for address in addresses(40) {
        looked_at += Person::at(&direct, &address).guess_until_refused(ADA, 1).await;
    }
    assert_eq!(looked_at, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_8_a_success_forgets_the_mistakes_of_the_owner_and_not_those_of_the_network() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    app.add("mallory@example.org", Role::User).await;
    let home = Person::at(&app, HOME);
    for _ in 0..3 {
        assert_eq!(home.guess_until_refused(ADA, 9).await, 9);
        assert_eq!(home.sign_in(ADA, PASSWORD).await.status, 200);
    }
    // Mallory guesses at Ada's password and pleases the limiter with a right one of her own.
    let mallory = Person::at(&app, ELSEWHERE);
    let mut looked_at = 0;
    for n in 0..60 {
        let one = mallory.guess(&format!("{n}@example.org")).await;
        looked_at += usize::from(one == 401);
        mallory.sign_in("mallory@example.org", PASSWORD).await;
    }
    assert_eq!(looked_at, 30);
}

/// An Anteroom without a door, under the clock of the system.
async fn opened(folder: &TempDir, wrap: impl FnOnce(Stores) -> Stores + Send) -> Anteroom {
    let database = folder.path().join("anteroom.db");
    let mut options = Options::new(database, "http://localhost:8080");
    options.hashing = HasherOptions::cheap_for_tests();
    options.throttles.account = Some(Rate { count: 10, per: Duration::from_hours(10) });
    Anteroom::start_around(options, wrap).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_9_counters_survive_a_restart() {
    let folder = TempDir::new().unwrap();
    let ada = Email::parse(ADA).unwrap();
    let wrong = proof("wrong");
    for n in 0..12 {
        let anteroom = opened(&folder, |stores| stores).await;
        let outcome = anteroom.accounts().authenticate(&ada, &wrong).await;
        let outcome = outcome.map_err(|failed| failed.error);
        match outcome {
            Err(PasswordCheckError::Refused) => assert!(n < 10, "the {n}th was looked at"),
            Err(PasswordCheckError::Throttled(_)) => assert!(n >= 10, "the {n}th was not"),
            other => panic!("{other:?}"),
        }
        anteroom.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_9_without_an_address_of_the_client_the_account_alone_counts() {
    let folder = TempDir::new().unwrap();
    let anteroom = opened(&folder, |stores| stores).await;
    for n in 0..45 {
        let somebody = Email::parse(&format!("{n}@example.org")).unwrap();
        let outcome = anteroom.accounts().authenticate(&somebody, &proof("wrong")).await;
        let outcome = outcome.map_err(|failed| failed.error);
        assert!(matches!(outcome, Err(PasswordCheckError::Refused)), "{outcome:?}");
    }
    let ada = Email::parse(ADA).unwrap();
    for n in 0..12 {
        let outcome = anteroom.accounts().authenticate(&ada, &proof("wrong")).await;
        let outcome = outcome.map_err(|failed| failed.error);
        let is_throttled = matches!(outcome, Err(PasswordCheckError::Throttled(_)));
        assert_eq!(is_throttled, n >= 10, "{outcome:?}");
    }
    anteroom.stop().await;
}

/// A throttle store that does not answer.
struct Silent;

#[async_trait]
impl ThrottleStore for Silent {
    async fn refusal(
        &self,
        _: &[Counter],
        _: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        Ok(None)
    }

    async fn reserve(
        &self,
        _: &[Counter],
        _: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        Err(StoreError::Full)
    }

    async fn release(&self, _: &Release, _: OffsetDateTime) -> Result<(), StoreError> {
        Err(StoreError::Full)
    }

    async fn is_known(
        &self,
        _: &AccountKey,
        _: Network,
        _: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn sweep(
        &self,
        _: OffsetDateTime,
        _: OffsetDateTime,
        _: u32,
    ) -> Result<bool, StoreError> {
        Err(StoreError::Full)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_10_a_store_that_fails_is_no_freedom_to_guess() {
    let folder = TempDir::new().unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let anteroom = opened(&folder, |stores| Stores { throttle: Arc::new(Silent), ..stores }).await;
    let serving =
        tokio::spawn(anteroom::server::serve(listener, anteroom.front(), std::future::pending()));

    let browser = Browser::of(address, "http://localhost:8080");
    for _ in 0..3 {
        let answer = browser.try_to_sign_in(ADA, PASSWORD, false).await;
        assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()));
        assert_eq!(browser.sign_up(ADA, PASSWORD).await.status, 503);
    }
    let fields = [("email", ADA), ("password", PASSWORD)];
    assert_eq!(browser.post_form("/login", &fields).await.status, 503);
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_11_one_password_for_many_accounts_is_stopped_by_the_network() {
    let app = guarded().await;
    let sprayer = Person::at(&app, ELSEWHERE);
    let mut looked_at = 0;
    for n in 0..50 {
        looked_at += sprayer.guess_until_refused(&format!("{n}@example.org"), 1).await;
    }
    assert_eq!(looked_at, 30);
    assert_eq!(Person::at(&app, HOME).guess("1@example.org").await, 401);
    // Many passwords for one account from many networks are stopped by the account: THR-2.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_12_a_retry_after_the_stated_wait_passes_and_reveals_nothing_else() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let attacker = Person::at(&app, ELSEWHERE);
    attacker.guess_until_refused(ADA, 10).await;
    app.clock.advance(Duration::from_millis(12_345));
    for _ in 0..5 {
        let refused = attacker.sign_in(ADA, "wrong").await;
        assert_eq!(refused.refusal(), (429, "too_many_attempts".to_owned()));
        assert_eq!(refused.header("retry-after"), "48", "rounded up, and refusals do not count");
        // The request's id is chance, and may spell anything.
        let told = refused.text.replace(refused.header("x-request-id"), "").to_lowercase();
        for word in ["account", "network", "lock", "ada"] {
            assert!(!told.contains(word), "{told}");
        }
    }
    let form = attacker.form("/login", &[("email", ADA), ("password", "<wrong>")]).await;
    assert_eq!((form.status, form.header("retry-after")), (429, "48"));
    assert!(form.text.contains("Too many attempts. Try again in 48 seconds."), "{}", form.text);
    assert!(form.text.contains(ADA) && !form.text.contains("&lt;wrong"));
    let korean = attacker.browser.request(Method::POST, "/login");
    let korean = attacker.from()(korean)
        .header("Accept-Language", "ko")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("email={ADA}&password=wrong"));
    let korean = Answer::read(korean.send().await.unwrap()).await;
    assert_eq!(korean.status, 429);
    assert!(korean.text.contains("48초 뒤에 다시 시도해 주세요"), "{}", korean.text);

    app.clock.advance(Duration::from_secs(48));
    assert_eq!(attacker.guess(ADA).await, 401);
    assert_eq!(attacker.guess(ADA).await, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_14_sign_ups_are_limited_per_network() {
    let app = guarded().await;
    let home = Person::at(&app, HOME);
    for n in 0..10 {
        // What says nothing about an address does not count.
        assert_eq!(home.sign_up("no address", PASSWORD).await.status, 422);
        assert_eq!(home.sign_up("new@example.org", "short").await.status, 422);
        let answer = home.sign_up(&format!("{n}@example.org"), PASSWORD).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let answer = home.sign_up(&format!("{n}@example.org"), PASSWORD).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
    }
    for email in ["new@example.org", "1@example.org"] {
        let answer = home.sign_up(email, PASSWORD).await;
        assert_eq!(answer.refusal(), (429, "too_many_attempts".to_owned()));
        assert_eq!(answer.header("retry-after"), "180");
        let form = home.form("/signup", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!((form.status, form.header("retry-after")), (429, "180"));
        assert!(form.text.contains("Try again in 3 minutes."), "{}", form.text);
    }
    let elsewhere = Person::at(&app, ELSEWHERE);
    assert_eq!(elsewhere.sign_up("new@example.org", PASSWORD).await.status, 201);
    // The first administrator is not kept out by those who sign up before.
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    let token = link.split_once("token=").unwrap().1;
    let fields = [("token", token), ("email", "root@example.org"), ("password", PASSWORD)];
    assert_eq!(home.form("/setup", &fields).await.status, 303);
    app.clock.advance(3 * MINUTE);
    assert_eq!(home.sign_up("late@example.org", PASSWORD).await.status, 201);
    assert_eq!(home.sign_up("later@example.org", PASSWORD).await.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thr_14_parallel_sign_ups_cannot_outrun_the_limit() {
    let app = guarded().await;
    let people: Vec<Person> = (0..60).map(|_| Person::at(&app, HOME)).collect();
    let all = people.iter().enumerate().map(async |(n, person)| {
        let password = if n % 3 == 0 { "short" } else { PASSWORD };
        person.sign_up(&format!("{n}@example.org"), password).await.status
    });
    let answers = join_all(all).await;
    let of = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!(of(201), 20, "{answers:?}");
    assert_eq!(of(201) + of(422) + of(429) + of(503), 60, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_off_lets_everything_through_and_the_other_goes_on() {
    let app = guarded_with(|options| options.throttles.account = None).await;
    assert_eq!(Person::at(&app, HOME).guess_until_refused(ADA, 50).await, 30);
    let app = guarded_with(|options| options.throttles.network = None).await;
    for n in 0..5 {
        let email = format!("{n}@example.org");
        assert_eq!(Person::at(&app, HOME).guess_until_refused(&email, 50).await, 10);
    }
    let app = guarded_with(|options| options.throttles = ThrottleOptions::off()).await;
    assert_eq!(Person::at(&app, HOME).guess_until_refused(ADA, 50).await, 50);
    assert_eq!(rows(&app).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_leaves_nothing_and_a_new_address_takes_the_counts_along() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let home = Person::at(&app, HOME);
    assert_eq!(home.sign_in(ADA, PASSWORD).await.status, 200);
    let attacker = Person::at(&app, ELSEWHERE);
    assert_eq!(attacker.guess_until_refused(ADA, 20).await, 10);

    let new = json!({ "email": "lovelace@example.org" });
    assert_eq!(home.send(Method::PATCH, "/api/account", new).await.status, 200);
    assert_eq!(attacker.guess("lovelace@example.org").await, 429);
    for address in addresses(30) {
        Person::at(&app, &address).guess_until_refused("lovelace@example.org", 3).await;
    }
    let answer = home.sign_in("lovelace@example.org", PASSWORD).await;
    assert_eq!(answer.status, 200, "the network is not known under the new address");

    let (before, known) = rows(&app).await;
    assert_eq!(known, 1);
    assert_eq!(home.browser.delete("/api/account").await.status, 204);
    let (after, known) = rows(&app).await;
    assert!(after < before && known == 0, "{before} rows, then {after}");
    assert_eq!(attacker.guess("lovelace@example.org").await, 401, "counts stayed");
}
