//! A real `PostgreSQL`: one for this run of the tests, with a fresh database for whoever asks, and
//! more for tests that stop theirs. Each ends with the process that started it, however that ends.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anteroom::store::{SessionLocation, SqlDatabase};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::left_out;
use super::loopback::free_port;
use super::server::{PATIENCE, Place, send_signal};

/// The role that owns everything, and what no line of a log and no error may say.
pub const OWNER: &str = "owner";
pub const OWNER_PASSWORD: &str = "the-owners-own-word";

/// Durability is for tests that cut the power, and there are none for a server.
const SETTINGS: [&str; 10] = [
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "jit=off",
    "max_connections=400",
    "shared_buffers=32MB",
    "listen_addresses=127.0.0.1",
    "log_line_prefix=%d ",
];

/// Starts the server, and ends it once nobody holds the other end of the pipe any more.
const KEEPER: &str = r#"
program=$1 folder=$2
shift 2
"$program" -D "$folder/data" -k "$folder" "$@" </dev/null >"$folder/log" 2>&1 &
server=$!
read -r over || :
kill -QUIT "$server" 2>/dev/null
wait "$server"
"#;

/// Where the programs are, and a data folder that was made but never served.
struct Installed {
    programs: PathBuf,
    made: TempDir,
    /// As whom a server runs where root may not run it.
    user: Option<(u32, u32)>,
}

static INSTALLED: LazyLock<Option<Installed>> = LazyLock::new(|| {
    let programs = programs()?;
    let made = TempDir::new().unwrap();
    let user = unprivileged_user();
    give_to(made.path(), user);
    let password = made.path().join("password");
    fs::write(&password, OWNER_PASSWORD).unwrap();
    give_to(&password, user);
    let mut initdb = Command::new(programs.join("initdb"));
    initdb
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust"])
        // SCRAM takes the unoptimised client a tenth of a second of work for each connection.
        .args(["--auth-host=password", "--no-sync", "--no-instructions", "-U", OWNER])
        .arg("--pwfile")
        .arg(&password)
        .arg("-D")
        .arg(made.path().join("data"));
    run_as(&mut initdb, user);
    let made_it = initdb.output().unwrap();
    assert!(made_it.status.success(), "{}", String::from_utf8_lossy(&made_it.stderr));
    Some(Installed { programs, made, user })
});

/// In the search path, or where Debian puts them: the newest.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.map(|version| version.unwrap().path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort_by_key(|folder| {
        let version = folder.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        std::cmp::Reverse(version.parse::<u32>().unwrap_or(0))
    });
    let found = std::env::split_paths(&path)
        .chain(folders)
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    if found.is_none() {
        left_out::for_want_of("`initdb` of PostgreSQL", "what is kept in PostgreSQL");
    }
    found
}

/// Nobody, if we are root: the server refuses to run as root.
fn unprivileged_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(of("postgres").or_else(|| of("nobody")).unwrap())
}

fn give_to(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

fn run_as(command: &mut Command, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    // Not the folder of the tests, which that user may not read.
    command.current_dir("/").stdin(Stdio::null());
}

/// A server with a data folder of its own.
pub struct Cluster {
    folder: TempDir,
    pub port: u16,
    settings: Vec<String>,
    keeper: Option<Child>,
}

impl Cluster {
    /// Starts one, with these settings beside the usual ones, each `name=value`. `None`: there is
    /// no `PostgreSQL` here.
    pub fn start(settings: &[&str]) -> Option<Self> {
        Self::start_from(|_| {}, settings)
    }

    /// As [`Cluster::start`], after something is done to the data folder.
    pub fn start_from(prepare: impl FnOnce(&Path), settings: &[&str]) -> Option<Self> {
        let installed = INSTALLED.as_ref()?;
        let folder = TempDir::new().unwrap();
        give_to(folder.path(), installed.user);
        let mut copy = Command::new("cp");
        copy.arg("-R").arg(installed.made.path().join("data")).arg(folder.path());
        run_as(&mut copy, installed.user);
        assert!(copy.status().unwrap().success());
        let data = folder.path().join("data");
        prepare(&data);
        for entry in fs::read_dir(data).unwrap() {
            give_to(&entry.unwrap().path(), installed.user);
        }
        let settings = SETTINGS.iter().chain(settings).map(|text| (*text).to_owned()).collect();
        let mut cluster = Self { folder, port: free_port(), settings, keeper: None };
        cluster.resume_service();
        Some(cluster)
    }

    /// Starts the server again, on the same port, once it was stopped.
    pub fn resume_service(&mut self) {
        assert!(self.keeper.is_none(), "it is running");
        let installed = INSTALLED.as_ref().unwrap();
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(installed.programs.join("postgres"));
        keeper.arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        for setting in &self.settings {
            keeper.args(["-c", setting]);
        }
        run_as(&mut keeper, installed.user);
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = fs::remove_file(self.folder.path().join("log"));
        self.keeper = Some(keeper.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains("database system is ready to accept") {
            assert!(Instant::now() < deadline, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server as its machine going down would.
    pub fn stop(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
    }

    /// What it has logged since it was started last.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap_or_default())
            .into_owned()
    }

    /// Where a database is, for the owner.
    pub fn url(&self, database: &str) -> String {
        self.url_of((OWNER, OWNER_PASSWORD), database)
    }

    pub fn url_of(&self, (user, password): (&str, &str), database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Sends a signal to every process of the server, `STOP` for example.
    pub fn signal(&self, name: &str) {
        let pid = fs::read_to_string(self.folder.path().join("data/postmaster.pid"));
        let pid = pid.ok().and_then(|text| text.lines().next()?.parse().ok());
        let Some(pid) = pid else { return };
        let mut pids = children_of(pid);
        pids.push(pid);
        send_signal(name, &pids);
    }

    /// Carries out statements as the owner.
    pub async fn run(&self, database: &str, statements: &str) {
        let mut connection = PgConnection::connect(&self.url(database)).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            self.signal("CONT");
        }
        self.stop();
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| {
            let pid: u32 = process.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            // The name of the program, in parentheses, may hold anything.
            let (_, after_name) = stat.rsplit_once(')')?;
            let of: u32 = after_name.split_whitespace().nth(1)?.parse().ok()?;
            (of == parent).then_some(pid)
        })
        .collect()
}

/// The server of this run.
struct Shared {
    cluster: Cluster,
    orders: mpsc::UnboundedSender<Order>,
}

enum Order {
    Make(String, &'static str, oneshot::Sender<()>),
    Drop(String),
}

const TEMPLATE: &str = "template_migrated";

static SHARED: LazyLock<Option<Shared>> = LazyLock::new(Shared::start);

/// Where no transaction of another test is open, which every transaction of a server can see.
static APART: LazyLock<Option<Shared>> = LazyLock::new(Shared::start);

impl Shared {
    fn start() -> Option<Self> {
        let cluster = Cluster::start(&[])?;
        let (orders, given) = mpsc::unbounded_channel();
        let (maintenance, template) = (cluster.url("postgres"), cluster.url(TEMPLATE));
        std::thread::spawn(move || make_and_drop(&maintenance, &template, given));
        Some(Self { cluster, orders })
    }
}

/// Makes databases and drops them, one at a time, in a thread that no test waits for to end.
fn make_and_drop(maintenance: &str, template: &str, mut orders: mpsc::UnboundedReceiver<Order>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(maintenance).await.unwrap();
        let make = format!("CREATE DATABASE {TEMPLATE}");
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut connection).await.unwrap();
        SqlDatabase::open(template, SessionLocation::ThisDatabase).await.unwrap().close().await;
        while let Some(order) = orders.recv().await {
            let (statement, done) = match order {
                Order::Make(name, template, done) => {
                    (format!("CREATE DATABASE {name} TEMPLATE {template}"), Some(done))
                }
                Order::Drop(name) => (format!("DROP DATABASE {name} WITH (FORCE)"), None),
            };
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            if let Some(done) = done {
                let _ = done.send(());
            }
        }
    });
}

/// Whether there is a `PostgreSQL`. Where there is none, that is said once for each who asks.
pub async fn is_here() -> bool {
    let here = tokio::task::spawn_blocking(|| SHARED.is_some()).await.unwrap();
    if !here {
        programs();
    }
    here
}

/// A migrated, empty database of the server of this run, as long as it is held.
pub struct Database {
    pub url: String,
    pub name: String,
    shared: &'static Shared,
}

impl Database {
    /// `None`: there is no `PostgreSQL` here.
    pub async fn fresh() -> Option<Self> {
        Self::of(&SHARED, TEMPLATE).await
    }

    /// As [`Database::fresh`], of a server that only those have who ask for this.
    pub async fn apart() -> Option<Self> {
        Self::of(&APART, TEMPLATE).await
    }

    /// As [`Database::fresh`], without any tables.
    pub async fn empty() -> Option<Self> {
        Self::of(&SHARED, "template0").await
    }

    async fn of(server: &'static LazyLock<Option<Shared>>, template: &'static str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let shared = tokio::task::spawn_blocking(|| server.as_ref()).await.unwrap()?;
        let name = format!("fresh_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (done, made) = oneshot::channel();
        shared.orders.send(Order::Make(name.clone(), template, done)).ok().unwrap();
        made.await.unwrap();
        Some(Self { url: shared.cluster.url(&name), name, shared })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.shared.cluster.port))
    }

    /// By way of a relay at this port.
    pub fn url_at(&self, port: u16) -> String {
        let direct = format!(":{}/", self.shared.cluster.port);
        format!("{}?sslmode=disable", self.url.replace(&direct, &format!(":{port}/")))
    }

    /// By the socket of the server, without a password.
    pub fn url_at_socket(&self) -> String {
        let cluster = &self.shared.cluster;
        let folder = cluster.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{OWNER}@{folder}:{}/{}", cluster.port, self.name)
    }

    /// As another role.
    pub fn url_of(&self, user: (&str, &str)) -> String {
        self.shared.cluster.url_of(user, &self.name)
    }

    /// How often the server gave up one of two that waited for each other.
    pub fn deadlocks(&self) -> usize {
        let log = self.shared.cluster.log();
        let ours = log.lines().filter(|line| line.split(' ').next() == Some(&*self.name));
        ours.filter(|line| line.contains("deadlock detected")).count()
    }

    /// A folder for the real program, with its accounts here.
    pub fn place(&self) -> Place {
        Place::new().with("ANTEROOM_DATABASE", &self.url)
    }

    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Carries out statements as the owner.
    pub async fn run(&self, statements: &str) {
        self.shared.cluster.run(&self.name, statements).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.shared.orders.send(Order::Drop(self.name.clone()));
    }
}
