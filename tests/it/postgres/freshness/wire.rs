//! What may be between a server and its database: poolers, and whoever resets a connection.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anteroom::sessions::SessionStore as _;
use anteroom::sessions::cache::{Change, NotFresh};
use anteroom::store::{SessionLocation, SqlDatabase};
use tempfile::TempDir;

use super::super::{fresh_user, start_of};
use super::{ending, eventually, invalidations, said, subscribed};
use crate::harness::app::{Kind, TestApp};
use crate::harness::interloper::Interloper;
use crate::harness::left_out;
use crate::harness::loopback::free_port;
use crate::harness::postgres::{Database, OWNER, OWNER_PASSWORD, is_here};
use crate::harness::server::wait_for;

async fn between() -> Option<(Database, Interloper, SqlDatabase)> {
    let database = Database::fresh().await?;
    let interloper = Interloper::before(database.address()).await;
    let url = database.url_at(interloper.address.port());
    let store = SqlDatabase::open_for_server(&*url, SessionLocation::ThisDatabase).await.unwrap();
    Some((database, interloper, store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_reset_is_found_to_listen_no_more() {
    let Some((_database, interloper, store)) = between().await else { return };
    for reset in ["DISCARD ALL", "UNLISTEN *", "UNLISTEN anteroom_changes"] {
        let mut subscription = subscribed(&store).await;
        subscription.probe().await.unwrap();

        interloper.say(reset).await;

        assert!(subscription.probe().await.is_err(), "{reset}");
        assert!(subscription.probe().await.is_err(), "{reset}: it is over");
        assert!(subscription.changed().await.is_err(), "{reset}: it is over");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_may_be_reset_on_a_connection_that_goes_on_listening() {
    let Some((_database, interloper, store)) = between().await else { return };
    let mut subscription = subscribed(&store).await;

    interloper.say("RESET ALL").await;

    let start = start_of(fresh_user(), anteroom::accounts::Epoch::FIRST, 3);
    store.start(&start).await.unwrap();
    store.end(&ending(start.session.id)).await.unwrap();
    let told = invalidations(&mut *subscription).await;
    assert!(told.contains(&said(Change::Session(start.session.id))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_notification_comes_through_there_is_no_lease_and_every_request_is_answered() {
    if !is_here().await {
        return;
    }
    let database = Database::fresh().await.unwrap();
    let interloper = Interloper::before(database.address()).await;
    interloper.keep_notifications(true);
    let url = database.url_at(interloper.address.port());
    let app = TestApp::start_with(Kind::Postgres, |options| options.database = url.into()).await;
    let sessions = app.anteroom.sessions();

    let (laptop, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    for _ in 0..20 {
        assert!(laptop.is_signed_in().await);
        assert!(sessions.lease().unwrap().left.is_zero());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(laptop.revoke(&phone).await.status, 204);
    assert!(!phone.is_signed_in().await);

    interloper.keep_notifications(false);
    eventually("no lease comes about", async || {
        sessions.lease().is_some_and(|lease| !lease.left.is_zero())
    })
    .await;
    assert!(laptop.is_signed_in().await);
}

/// A real pooler before a database.
struct Bouncer {
    process: Child,
    folder: TempDir,
    port: u16,
    to: (SocketAddr, String),
}

impl Bouncer {
    /// `None`: there is none here.
    fn before(database: &Database) -> Option<Self> {
        let program = left_out::program("pgbouncer", "a pooler between a server and PostgreSQL")?;
        let folder = TempDir::new().unwrap();
        // It does not run as root, and reads this as whoever it is.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (port, to) = (free_port(), (database.address(), database.name.clone()));
        configure(folder.path(), port, &to, "session");
        let mut command = Command::new(program);
        if runs_as_root() {
            command.args(["-u", "nobody"]);
        }
        let process = command
            .arg(folder.path().join("pgbouncer.ini"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bouncer = Self { process, folder, port, to };
        wait_for(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Some(bouncer)
    }

    fn url(&self, database: &Database) -> String {
        database.url_at(self.port)
    }

    /// Lets it give each transaction another connection from now on.
    fn by_transactions(&self) {
        configure(self.folder.path(), self.port, &self.to, "transaction");
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn runs_as_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn configure(folder: &Path, port: u16, (address, database): &(SocketAddr, String), mode: &str) {
    let (host, far) = (address.ip(), address.port());
    let text = format!(
        "[databases]\n\
         {database} = host={host} port={far} dbname={database} user={OWNER} \
         password={OWNER_PASSWORD}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\npool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n"
    );
    fs::write(folder.join("pgbouncer.ini"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_come_through_a_pooler_that_gives_out_sessions_and_through_no_other() {
    let Some(database) = Database::fresh().await else { return };
    let Some(bouncer) = Bouncer::before(&database) else { return };
    let url = bouncer.url(&database);
    let store = SqlDatabase::open_for_server(&*url, SessionLocation::ThisDatabase).await.unwrap();
    let mut subscription = subscribed(&store).await;
    let start = start_of(fresh_user(), anteroom::accounts::Epoch::FIRST, 3);
    store.start(&start).await.unwrap();
    store.end(&ending(start.session.id)).await.unwrap();
    let told = invalidations(&mut *subscription).await;
    assert!(told.contains(&said(Change::Session(start.session.id))), "{told:?}");
    drop(subscription);
    store.close().await;

    let store = SqlDatabase::open(&*url, SessionLocation::ThisDatabase).await.unwrap();
    bouncer.by_transactions();
    let mut why = "";
    eventually("it goes on as before", async || {
        if let Err(NotFresh::Mute(text)) = store.freshness().subscribe().await {
            why = text;
        }
        !why.is_empty()
    })
    .await;
    assert!(why.contains("pool_mode=session"), "{why}");
}
