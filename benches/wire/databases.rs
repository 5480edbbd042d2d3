//! Redis and `PostgreSQL` for the servers that share their sessions: started on free ports, beside
//! the load and not beside the servers, and ended with this process.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::load::LOAD_CORE;
use crate::servers::cpu_seconds_of;

/// Redis and `PostgreSQL`, empty at first.
pub struct Databases {
    pub redis: Redis,
    pub postgres: Postgres,
}

impl Databases {
    pub fn start() -> Self {
        Self { redis: Redis::start(), postgres: Postgres::start() }
    }

    /// The processor time that both have used so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        self.redis.cpu_seconds() + self.postgres.cpu_seconds()
    }
}

pub struct Redis {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    /// Without persistence: the load only reads, and what a peer writes at each request is not to
    /// be slowed by a disk.
    pub fn start() -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let process = beside_the_load("redis-server".as_ref())
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
            .args(["--loglevel", "warning", "--dir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(port);
        Self { process, port, _folder: folder }
    }

    /// One of its databases.
    pub fn url(&self, number: u32) -> String {
        format!("redis://127.0.0.1:{}/{number}", self.port)
    }

    /// The processor time that it has used so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds_of(self.process.id()).unwrap()
    }

    /// The bytes that it has allocated for what it keeps.
    pub fn used_memory(&self) -> f64 {
        self.info("memory", "used_memory:")
    }

    /// How often it has read from a connection: as often as it was asked, where whoever asks
    /// waits for the answer.
    pub fn reads(&self) -> f64 {
        self.info("stats", "total_reads_processed:")
    }

    fn info(&self, section: &str, mark: &str) -> f64 {
        let mut connection = redis::Client::open(self.url(0)).unwrap().get_connection().unwrap();
        let info: String = redis::cmd("INFO").arg(section).query(&mut connection).unwrap();
        number_after(&info, mark)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn number_after(text: &str, mark: &str) -> f64 {
    let rest = text.split(mark).nth(1).unwrap();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

pub struct Postgres {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Postgres {
    pub fn start() -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let user = unprivileged();
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let programs = programs();
        let data = folder.path().join("data");
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "anteroom", "-D"]);
        let made = run_as(&mut initdb, user).arg(&data).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = beside_the_load(&programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(folder.path());
        postgres.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        let process = run_as(&mut postgres, user)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(port);
        Self { process, port, _folder: folder }
    }

    /// The database that is there at the start.
    pub fn url(&self) -> String {
        format!("postgres://anteroom@127.0.0.1:{}/postgres", self.port)
    }

    /// A new one.
    pub fn url_of_another(&self) -> String {
        runtime().block_on(async {
            let mut connection = PgConnection::connect(&self.url()).await.unwrap();
            sqlx::query("CREATE DATABASE another").execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
        format!("postgres://anteroom@127.0.0.1:{}/another", self.port)
    }

    /// How many statements it has carried out, each a transaction of its own and a round trip.
    /// Ten seconds may pass before one is counted.
    pub fn transactions(&self) -> f64 {
        let count = "SELECT SUM(xact_commit + xact_rollback)::BIGINT FROM pg_stat_database";
        self.number(count)
    }

    /// The result of a query that answers one number.
    pub fn number(&self, query: &'static str) -> f64 {
        let number: i64 = runtime().block_on(async {
            let mut connection = PgConnection::connect(&self.url()).await.unwrap();
            let number = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            number
        });
        f64::from(u32::try_from(number).unwrap())
    }

    fn cpu_seconds(&self) -> f64 {
        let of = self.process.id();
        let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let parent: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            (parent == of).then_some(id)
        });
        children.filter_map(cpu_seconds_of).sum()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast end, after which nothing of it is left in shared memory.
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn beside_the_load(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE]).arg(program);
    command
}

/// Where Debian puts them, the newest, or the search path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin")).max();
    newest.unwrap_or_default()
}

/// Whom a server may run as that root may not run.
fn unprivileged() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).unwrap();
    let ids: Vec<u32> = line.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
    Some((ids[0], ids[1]))
}

fn run_as(command: &mut Command, user: Option<(u32, u32)>) -> &mut Command {
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command.current_dir("/").stdin(Stdio::null())
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "a database does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    // It listens a moment before it lets anybody in.
    std::thread::sleep(Duration::from_secs(1));
}
