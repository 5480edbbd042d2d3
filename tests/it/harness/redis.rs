//! Real Redis servers, or Valkey ones where `ANTEROOM_TEST_REDIS_SERVER` names the program: started
//! on free ports, and stopped by their ids even where a test dies.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue};
use tempfile::TempDir;

use super::left_out;
use super::loopback::free_port;
use super::server::{PATIENCE, send_signal, wait_for};

/// How many tests may each have a database of the shared server at once.
const DATABASES: u32 = 10_000;

/// Writes every change to the disk before it is acknowledged.
pub const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// A server of a test's own.
pub struct RedisServer {
    process: Process,
    pub port: u16,
    folder: TempDir,
    options: Vec<String>,
}

/// A process, and another that ends it when this one is gone.
struct Process {
    child: Child,
    watcher: Child,
}

impl Process {
    fn start(mut program: Command) -> Self {
        let child = program.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let watch = format!("cat >/dev/null; kill -KILL {}", child.id());
        let watcher =
            Command::new("/bin/sh").args(["-c", &watch]).stdin(Stdio::piped()).spawn().unwrap();
        Self { child, watcher }
    }

    fn signal(&self, name: &str) {
        send_signal(name, &[self.child.id()]);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for child in [&mut self.watcher, &mut self.child] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn program(what_needs_it: &str) -> Option<PathBuf> {
    match env::var_os("ANTEROOM_TEST_REDIS_SERVER") {
        Some(program) => Some(program.into()),
        None => left_out::program("redis-server", what_needs_it),
    }
}

/// Whether the machine has Redis.
pub fn is_here(what_needs_it: &str) -> bool {
    program(what_needs_it).is_some()
}

fn launch(program: &Path, folder: &Path, port: u16, options: &[String]) -> Process {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    command.args(["--loglevel", "warning", "--logfile", "log", "--dir"]).arg(folder).args(options);
    Process::start(command)
}

/// Waits until it answers; `false`: it has ended instead.
fn answers(process: &mut Process, url: &str) -> bool {
    let client = redis::Client::open(url).unwrap();
    wait_for(|| {
        if process.child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        let mut connection = client.get_connection_with_timeout(PATIENCE).ok()?;
        connection.set_read_timeout(Some(PATIENCE)).ok()?;
        // Whoever is asked for a password answers, too.
        match redis::cmd("PING").query::<String>(&mut connection) {
            Ok(_) => Some(true),
            Err(error) => (error.code() == Some("NOAUTH")).then_some(true),
        }
    })
}

impl RedisServer {
    /// With these options beside the usual ones; `None` where the machine has no Redis.
    pub fn start(options: &[&str], what_needs_it: &str) -> Option<Self> {
        let program = program(what_needs_it)?;
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        // The port was free, and may have been taken since.
        for _ in 0..10 {
            let (folder, port) = (TempDir::new().unwrap(), free_port());
            let mut process = launch(&program, folder.path(), port, &options);
            if answers(&mut process, &format!("redis://127.0.0.1:{port}")) {
                return Some(Self { process, port, folder, options });
            }
        }
        panic!("{} does not start with {options:?}", program.display());
    }

    /// A Sentinel with these lines in its configuration.
    pub fn sentinel(lines: &str, what_needs_it: &str) -> Option<Self> {
        let program = program(what_needs_it)?;
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let configuration = folder.path().join("sentinel.conf");
        std::fs::write(&configuration, format!("port {port}\nbind 127.0.0.1\n{lines}")).unwrap();
        let mut command = Command::new(program);
        command.arg(configuration).arg("--sentinel");
        let mut process = Process::start(command);
        assert!(answers(&mut process, &format!("redis://127.0.0.1:{port}")));
        Some(Self { process, port, folder, options: Vec::new() })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Gone at once, as in a power cut.
    pub fn kill(&mut self) {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
    }

    /// Back at the same place, with what it had written.
    pub fn start_again(&mut self) {
        let program = program("starting a server again").unwrap();
        self.process = launch(&program, self.folder.path(), self.port, &self.options);
        let url = self.url();
        assert!(answers(&mut self.process, &url), "Redis does not start again");
    }

    pub async fn connect(&self) -> MultiplexedConnection {
        connect(&self.url()).await
    }

    /// Asks it something, as its operator.
    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        command(words).query_async(&mut self.connect().await).await.unwrap()
    }

    /// Waits until `INFO section` contains `text`. A Sentinel ends the connections of a server
    /// whose role it changes, so a question that gets no answer is asked again.
    pub fn reports(&self, section: &str, text: &str) {
        let client = redis::Client::open(self.url()).unwrap();
        wait_for(|| {
            let mut connection = client.get_connection_with_timeout(PATIENCE).ok()?;
            connection.set_read_timeout(Some(PATIENCE)).ok()?;
            let answer: String = command(&["INFO", section]).query(&mut connection).ok()?;
            answer.contains(text).then_some(())
        });
    }
}

pub async fn connect(url: &str) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

pub fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}

struct Shared {
    _process: Process,
    port: u16,
    next: AtomicU32,
}

/// An empty database of the server that the tests share; `None` where the machine has no Redis.
pub async fn shared_database(what_needs_it: &str) -> Option<String> {
    static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let options = ["--databases", &DATABASES.to_string()];
        let RedisServer { process, port, folder, .. } =
            RedisServer::start(&options, what_needs_it)?;
        // Nothing is written there.
        drop(folder);
        Some(Shared { _process: process, port, next: AtomicU32::new(1) })
    });
    let Shared { port, next, .. } = shared.as_ref()?;
    let number = next.fetch_add(1, Ordering::Relaxed) % DATABASES;
    let url = format!("redis://127.0.0.1:{port}/{number}");
    let _: () = command(&["FLUSHDB"]).query_async(&mut connect(&url).await).await.unwrap();
    Some(url)
}
