//! The whole service in this process, on a port of its own, under a clock that tests move.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anteroom::accounts::{Account, Email, HasherOptions, Name, NewUser, Password, Role};
use anteroom::clock::{Clock, ManualClock};
use anteroom::sessions::Session;
use anteroom::throttle::ThrottleOptions;
use anteroom::{Anteroom, Options, SessionsKept, Stores};
use axum::Router;
use tempfile::TempDir;
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::browser::Browser;

/// Where the sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Database,
}

/// Makes two tests of each rule: one with the sessions in memory, one with them in the database.
macro_rules! on_each_store {
    ($($rule:ident),+ $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    super::$rule(crate::harness::app::Kind::Memory).await;
                }
            )+
        }

        mod in_the_database {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    super::$rule(crate::harness::app::Kind::Database).await;
                }
            )+
        }
    };
}
pub(crate) use on_each_store;

/// The password of everybody whom [`TestApp`] adds.
pub const PASSWORD: &str = "velvet otter hums at nine";
/// Another that is good enough to be set.
pub const OTHER_PASSWORD: &str = "granite kite under seven moons";

pub const MINUTE: Duration = Duration::from_mins(1);
pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);

pub struct TestApp {
    pub anteroom: Anteroom,
    pub clock: ManualClock,
    pub address: SocketAddr,
    pub public_url: String,
    pub database: PathBuf,
    pub folder: TempDir,
    serving: JoinHandle<()>,
}

impl TestApp {
    pub async fn start(kind: Kind) -> Self {
        Self::start_with(kind, |_| ()).await
    }

    /// With other settings than the default.
    pub async fn start_with(kind: Kind, set: impl FnOnce(&mut Options)) -> Self {
        Self::start_around(kind, set, Anteroom::router).await
    }

    /// With a router that `mount` makes.
    pub async fn start_around(
        kind: Kind,
        set: impl FnOnce(&mut Options),
        mount: impl FnOnce(&Anteroom) -> Router,
    ) -> Self {
        Self::start_over(kind, set, mount, |stores| stores).await
    }

    /// Over stores that `wrap` makes of the usual ones.
    pub async fn start_over(
        kind: Kind,
        set: impl FnOnce(&mut Options),
        mount: impl FnOnce(&Anteroom) -> Router,
        wrap: impl FnOnce(Stores) -> Stores + Send,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("anteroom.db");
        let clock = ManualClock::at(datetime!(2026-11-21 09:00 UTC));
        let mut options = Options::new(&database, format!("http://localhost:{}", address.port()));
        options.clock = Clock::from(&clock);
        options.hashing = HasherOptions { queue: 1000, ..HasherOptions::cheap_for_tests() };
        // Tests of other things get passwords wrong as often as they like.
        options.throttles = ThrottleOptions::off();
        if kind == Kind::Memory {
            options.sessions = SessionsKept::InMemory(10_000);
        }
        set(&mut options);
        let public_url = options.public_url.clone();
        let anteroom = Anteroom::start_around(options, wrap).await.unwrap();
        let router = mount(&anteroom);
        let serving = tokio::spawn(anteroom::http::serve(listener, router, std::future::pending()));
        Self { anteroom, clock, address, public_url, database, folder, serving }
    }

    /// Lets time pass; what was noted before is written.
    pub async fn pass(&self, time: Duration) {
        self.anteroom.sessions().flush().await.unwrap();
        self.clock.advance(time);
    }

    pub async fn add(&self, email: &str, role: Role) -> Account {
        let new = NewUser {
            email: Email::parse(email).unwrap(),
            email_verified: true,
            name: Name::parse("Ada").unwrap(),
            role,
            password: Password::from_typed(PASSWORD),
        };
        self.anteroom.accounts().create(new, false).await.unwrap()
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::of(self.address, &self.public_url)
    }

    /// A browser in which somebody is signed in; the account is made if there is none.
    pub async fn signed_in(&self, email: &str) -> Browser {
        self.signed_in_as(email, Role::User, false).await
    }

    pub async fn administrator(&self, email: &str) -> Browser {
        self.signed_in_as(email, Role::Admin, false).await
    }

    pub async fn signed_in_as(&self, email: &str, role: Role, remember_me: bool) -> Browser {
        let known = Email::parse(email).unwrap();
        if self.anteroom.accounts().find_by_email(&known).await.unwrap().is_none() {
            self.add(email, role).await;
        }
        let browser = self.browser();
        let answer = browser.try_to_sign_in(email, PASSWORD, remember_me).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        browser
    }

    /// Every live session, of visitors too.
    pub async fn live_sessions(&self) -> Vec<Session> {
        self.anteroom.sessions().list_all(None, 200).await.unwrap().0
    }

    /// The host that browsers name.
    pub fn host(&self) -> &str {
        self.public_url.split_once("://").unwrap().1
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
