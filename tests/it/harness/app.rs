//! The whole service in this process, on a port of its own, under a clock that tests move.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anteroom::accounts::{Account, Email, HasherOptions, Name, NewUser, Password, Role};
use anteroom::clock::{Clock, ManualClock};
use anteroom::sealing::Sealing;
use anteroom::server::HttpService;
use anteroom::sessions::{Session, Token};
use anteroom::store::{DatabaseAt, SessionLocation, SqlDatabase};
use anteroom::throttle::ThrottleOptions;
use anteroom::use_cases::Check;
use anteroom::{Anteroom, Options, SessionStorage, Stores};
use tempfile::TempDir;
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::browser::Browser;
use super::postgres::Database;
use super::redis::shared_database;

/// Where the sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Database,
    /// With the accounts in `PostgreSQL`.
    Postgres,
    /// In memory, with the accounts in `PostgreSQL`.
    MemoryBesidePostgres,
    Redis,
    /// In Redis, with the accounts in `PostgreSQL`.
    RedisBesidePostgres,
}

impl Kind {
    pub fn sessions_in(self) -> SessionLocation {
        match self {
            Self::Memory | Self::MemoryBesidePostgres => SessionLocation::ServerMemory,
            Self::Database | Self::Postgres => SessionLocation::ThisDatabase,
            Self::Redis | Self::RedisBesidePostgres => SessionLocation::Elsewhere,
        }
    }

    fn is_in_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::MemoryBesidePostgres | Self::RedisBesidePostgres)
    }

    /// Whether the machine has the servers for it. Where it lacks one, that is said once for each
    /// test.
    pub async fn is_here(self, test: &str) -> bool {
        let redis = self.sessions_in() != SessionLocation::Elsewhere || super::redis::is_here(test);
        redis && (!self.is_in_postgres() || super::postgres::is_here().await)
    }
}

/// Writes one test of each rule, over stores of one [`Kind`], in the module that has the macro.
macro_rules! over {
    ($kind:ident, $($rule:path => $name:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let kind = crate::harness::app::Kind::$kind;
                if kind.is_here(concat!(module_path!(), "::", stringify!($name))).await {
                    $rule(kind).await;
                }
            }
        )+
    };
}
pub(crate) use over;

/// For rules that no store can change: about HTTP, pages and texts. The ordinary run has them over
/// `SQLite`, the nightly one over each other store of sessions, too.
macro_rules! on_one_store {
    ($($rule:ident),+ $(,)?) => {
        mod in_the_database {
            crate::harness::app::over!(Database, $(super::$rule => $rule),+);
        }

        mod nightly {
            mod in_memory {
                crate::harness::app::over!(Memory, $(super::super::$rule => $rule),+);
            }

            mod in_redis {
                crate::harness::app::over!(Redis, $(super::super::$rule => $rule),+);
            }
        }
    };
}
pub(crate) use on_one_store;

/// For rules about sessions: with the sessions in memory, in the database, and in Redis.
macro_rules! on_each_store {
    ($($rule:ident),+ $(,)?) => {
        mod in_memory {
            crate::harness::app::over!(Memory, $(super::$rule => $rule),+);
        }

        mod in_the_database {
            crate::harness::app::over!(Database, $(super::$rule => $rule),+);
        }

        mod in_redis {
            crate::harness::app::over!(Redis, $(super::$rule => $rule),+);
        }
    };
}
pub(crate) use on_each_store;

/// For rules about accounts, and about other records of which each store has its own statements: in
/// each of the databases. The nightly run has them with the sessions kept apart, too.
macro_rules! on_each_database {
    ($($rule:ident),+ $(,)?) => {
        mod in_the_database {
            crate::harness::app::over!(Database, $(super::$rule => $rule),+);
        }

        mod in_postgres {
            crate::harness::app::over!(Postgres, $(super::$rule => $rule),+);
        }

        mod nightly {
            mod in_memory {
                crate::harness::app::over!(Memory, $(super::super::$rule => $rule),+);
            }

            mod in_redis {
                crate::harness::app::over!(Redis, $(super::super::$rule => $rule),+);
            }

            mod in_memory_beside_postgres {
                crate::harness::app::over!(MemoryBesidePostgres, $(super::super::$rule => $rule),+);
            }

            mod in_redis_beside_postgres {
                crate::harness::app::over!(RedisBesidePostgres, $(super::super::$rule => $rule),+);
            }
        }
    };
}
pub(crate) use on_each_database;

/// For rules about accounts and sessions together: over each store at least once, and over every
/// pair of stores in the nightly run.
macro_rules! on_every_store {
    ($($rule:ident),+ $(,)?) => {
        mod in_memory {
            crate::harness::app::over!(Memory, $(super::$rule => $rule),+);
        }

        mod in_the_database {
            crate::harness::app::over!(Database, $(super::$rule => $rule),+);
        }

        mod in_postgres {
            crate::harness::app::over!(Postgres, $(super::$rule => $rule),+);
        }

        mod in_redis_beside_postgres {
            crate::harness::app::over!(RedisBesidePostgres, $(super::$rule => $rule),+);
        }

        mod nightly {
            mod in_redis {
                crate::harness::app::over!(Redis, $(super::super::$rule => $rule),+);
            }

            mod in_memory_beside_postgres {
                crate::harness::app::over!(MemoryBesidePostgres, $(super::super::$rule => $rule),+);
            }
        }
    };
}
pub(crate) use on_every_store;

/// What an empty `SQLite` database holds once it has every table. Each test copies it, for migrating
/// takes a fifth of a second.
pub async fn migrated_file() -> &'static [u8] {
    static FILE: OnceCell<Vec<u8>> = OnceCell::const_new();
    FILE.get_or_init(async || {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("anteroom.db");
        SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap().close().await;
        std::fs::read(path).unwrap()
    })
    .await
}

/// A key file that every server gets a copy of: some share a database.
fn shared_key() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let entropy = anteroom::entropy::Entropy::operating_system();
        Sealing::with(folder.path().join("anteroom.key"), entropy).create().unwrap();
        folder
    });
    folder.path().join("anteroom.key")
}

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
    /// The file of the kinds that have one.
    pub database: PathBuf,
    /// Where the accounts are.
    pub accounts_at: DatabaseAt,
    pub folder: TempDir,
    /// Where its sessions are, if in Redis.
    pub redis: Option<String>,
    serving: JoinHandle<()>,
    /// The database of the kinds that have one.
    pub postgres: Option<Database>,
}

impl TestApp {
    pub async fn start(kind: Kind) -> Self {
        Self::start_with(kind, |_| ()).await
    }

    /// With other settings than the default.
    pub async fn start_with(kind: Kind, set: impl FnOnce(&mut Options)) -> Self {
        Self::start_around(kind, set, Anteroom::front).await
    }

    /// With a service that `mount` makes.
    pub async fn start_around<S: HttpService>(
        kind: Kind,
        set: impl FnOnce(&mut Options),
        mount: impl FnOnce(&Anteroom) -> S,
    ) -> Self {
        Self::start_over(kind, set, mount, |stores| stores).await
    }

    /// Over stores that `wrap` makes of the usual ones.
    ///
    /// It is the only server, so that nobody waits for the leases of others.
    pub async fn start_over<S: HttpService>(
        kind: Kind,
        set: impl FnOnce(&mut Options),
        mount: impl FnOnce(&Anteroom) -> S,
        wrap: impl FnOnce(Stores) -> Stores + Send,
    ) -> Self {
        let alone = |stores| {
            let mut stores = wrap(stores);
            stores.leases.sessions_elsewhere = false;
            stores.leases.users_elsewhere = false;
            stores
        };
        Self::start_among_others(kind, set, mount, alone).await
    }

    /// One of several servers, if the stores may have several: what ends sessions here waits until
    /// the leases of the others have run out.
    pub async fn one_of_several(kind: Kind, set: impl FnOnce(&mut Options)) -> Self {
        Self::start_among_others(kind, set, Anteroom::front, |stores| stores).await
    }

    /// As [`TestApp::one_of_several`], with a service of its own over stores of its own.
    pub async fn start_among_others<S: HttpService>(
        kind: Kind,
        set: impl FnOnce(&mut Options),
        mount: impl FnOnce(&Anteroom) -> S,
        wrap: impl FnOnce(Stores) -> Stores + Send,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("anteroom.db");
        let clock = ManualClock::at(datetime!(2026-11-21 09:00 UTC));
        let postgres =
            if kind.is_in_postgres() { Some(Database::fresh().await.unwrap()) } else { None };
        let accounts_at = match &postgres {
            Some(postgres) => DatabaseAt::from(&*postgres.url),
            None => DatabaseAt::from(&database),
        };
        if postgres.is_none() {
            std::fs::write(&database, migrated_file().await).unwrap();
        }
        let public_url = format!("http://localhost:{}", address.port());
        let mut options = Options::new(accounts_at.clone(), public_url);
        options.clock = Clock::from(&clock);
        // Not of the working directory, where a developer may have run the program.
        options.key_file = folder.path().join("anteroom.key");
        std::fs::copy(shared_key(), &options.key_file).unwrap();
        options.hashing = HasherOptions { queue: 1000, ..HasherOptions::cheap_for_tests() };
        // Tests of other things get passwords wrong as often as they like.
        options.throttles = ThrottleOptions::off();
        let mut redis = None;
        match kind.sessions_in() {
            SessionLocation::ThisDatabase => {}
            SessionLocation::ServerMemory => {
                options.sessions = SessionStorage::Memory { limit: 10_000 }
            }
            SessionLocation::Elsewhere => {
                let url = shared_database("sessions in Redis").await.unwrap();
                options.sessions = SessionStorage::Redis { url: url.as_str().into() };
                redis = Some(url);
            }
        }
        set(&mut options);
        let public_url = options.public_url.clone();
        let anteroom = Anteroom::start_around(options, wrap).await.unwrap();
        let service = mount(&anteroom);
        let serving = anteroom::server::serve(listener, service, std::future::pending());
        let serving = tokio::spawn(serving);
        Self {
            anteroom,
            clock,
            address,
            public_url,
            database,
            accounts_at,
            folder,
            redis,
            serving,
            postgres,
        }
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

    /// Waits until checks of this browser are answered from memory, by what is given.
    pub async fn remembers(&self, browser: &Browser) -> Check {
        let token = Token::parse(browser.token().as_bytes()).unwrap();
        let anteroom = &self.anteroom;
        let check = Check::new(anteroom.accounts().clone(), anteroom.sessions().clone());
        for _ in 0..400 {
            if check.who(&token).await.unwrap().under_lease {
                return check;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("there is no lease: {:?}", anteroom.sessions().lease());
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
