//! The servers that are compared: each a process of its own, on the first core.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::client::{self, Answer, ask};
use crate::peers::{self, Keys, Template};

/// The core of the servers; the load has the next one.
pub const SERVER_CORE: &str = "0";

/// Another build of the program, measured as well where this names it: what a change brings.
const BEFORE: &str = "ANTEROOM_BENCH_BEFORE";
/// Where a peer finds the answers that it imitates.
const ANSWERS: &str = "ANTEROOM_BENCH_ANSWERS";
/// Where a peer finds its Redis.
pub const REDIS: &str = "ANTEROOM_BENCH_REDIS";
/// `benches/run` says here where the peers are.
pub const EXPRESS: &str = "ANTEROOM_BENCH_EXPRESS";
pub const TOWER_SESSIONS: &str = "ANTEROOM_BENCH_TOWER_SESSIONS";

/// The two that verify a token instead of looking a session up.
pub const HS256: &str = "JWT, HS256";
pub const EDDSA: &str = "JWT, EdDSA";

const PASSWORD: &str = "velvet otter hums at nine";

/// A server that runs, until this is dropped.
pub struct Server {
    pub name: &'static str,
    pub address: SocketAddr,
    pub session_header: (String, String),
    pub verify_header: (String, String),
    process: Process,
    _folder: Option<TempDir>,
}

/// A process that ends when this is dropped.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// A request of whoever is signed in there.
    pub fn request(&self, line: &str) -> String {
        let (name, value) = &self.session_header;
        client::request(self.address, line, &[(name, value)], "")
    }

    pub fn process_id(&self) -> u32 {
        self.process.0.id()
    }

    /// The processor time that it has used so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds_of(self.process.0.id()).unwrap()
    }
}

/// The processor time of a process so far, in seconds; `None` once it has ended.
pub fn cpu_seconds_of(process: u32) -> Option<f64> {
    // As on every Linux that is in use.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    // The fields `utime` and `stime`: 14 and 15, the first of these being the third.
    let ticks = |place: usize| fields[place].parse::<u32>().unwrap();
    Some(f64::from(ticks(11) + ticks(12)) / TICKS_PER_SECOND)
}

fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER_CORE]).arg(program);
    command
}

fn first_line(process: &mut Process) -> String {
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Where the program is.
pub fn program() -> &'static Path {
    env!("CARGO_BIN_EXE_anteroom").as_ref()
}

/// The program itself with these settings, and somebody signed in. Whatever is not set has its
/// default.
pub fn anteroom(name: &'static str, settings: &[(&str, &str)]) -> Server {
    signed_up(launch(program(), name, settings))
}

/// One more over the same stores, which knows the same session.
pub fn another_node(of: &Server, settings: &[(&str, &str)]) -> Server {
    let mut node = launch(program(), of.name, settings);
    node.session_header = of.session_header.clone();
    node.verify_header = of.verify_header.clone();
    node
}

/// The build to compare with, if any, in both ways to keep sessions.
pub fn before() -> Vec<Server> {
    let Some(path) = env::var_os(BEFORE) else { return Vec::new() };
    let before =
        |name, sessions| signed_up(launch(path.as_ref(), name, &[("ANTEROOM_SESSIONS", sessions)]));
    vec![before("before, memory", "memory:"), before("before, SQLite", "database")]
}

/// The program on the core of the servers, with its settings, its folder and nothing else of ours.
pub fn command(program: &Path, folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = pinned(program);
    command
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap())
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.join("log")).unwrap());
    command
}

/// Starts it on a free port. Nobody is known there yet.
fn launch(program: &Path, name: &'static str, settings: &[(&str, &str)]) -> Server {
    let folder = TempDir::new().unwrap();
    let mut command = command(program, folder.path(), settings);
    let mut process = Process(command.args(["--listen", "127.0.0.1:0"]).spawn().unwrap());
    let line = first_line(&mut process);
    let port = line.rsplit(':').next().unwrap().parse().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let nothing = (String::new(), String::new());
    Server {
        name,
        address,
        session_header: nothing.clone(),
        verify_header: nothing,
        process,
        _folder: Some(folder),
    }
}

fn signed_up(mut server: Server) -> Server {
    let body = account("ada@example.org");
    let answer = ask(server.address, "POST /api/signup", &[], &body);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let header = ("Cookie".to_owned(), answer.cookie());
    server.session_header = header.clone();
    server.verify_header = header;
    server
}

/// The request that signs somebody up.
pub fn account(email: &str) -> String {
    format!(r#"{{"email":"{email}","name":"Ada Lovelace","password":"{PASSWORD}"}}"#)
}

/// The request that signs them in.
pub fn credentials(email: &str) -> String {
    format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#)
}

/// The answers of a server, in a file for the peers.
pub fn keep_answers(of: &Server, folder: &TempDir) -> String {
    let parts = |answer: &Answer| {
        let headers = answer.headers.iter();
        let headers: Vec<_> = headers.map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        (serde_json::to_value(headers).unwrap(), String::from_utf8(answer.body.clone()).unwrap())
    };
    let header = (of.session_header.0.as_str(), of.session_header.1.as_str());
    let session = ask(of.address, "GET /api/session", &[header], "");
    let verify = ask(of.address, "GET /auth/verify", &[header], "");
    assert_eq!((session.status, verify.status), (200, 200));
    let path = folder.path().join("answers.json");
    fs::write(&path, serde_json::to_vec(&[parts(&session), parts(&verify)]).unwrap()).unwrap();
    path.to_string_lossy().into_owned()
}

/// One of the others.
pub fn peer(name: &'static str, answers: &str) -> Server {
    start_peer(
        name,
        pinned(&env::current_exe().unwrap()).args(["serve", name]).env(ANSWERS, answers),
    )
}

/// A program of its own that keeps its sessions in this Redis, or by itself. `benches/run` builds
/// it, and says in the environment where it is.
pub fn peer_program(
    name: &'static str,
    program: &[&str],
    redis: Option<&str>,
    answers: &str,
) -> Server {
    let mut command = pinned(program[0].as_ref());
    command.args(&program[1..]).env(ANSWERS, answers).env_remove(REDIS);
    command.envs(redis.map(|redis| (REDIS, redis)));
    start_peer(name, &mut command)
}

/// Where `benches/run` says that a peer is.
pub fn path_of_peer(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: benches/run sets it"))
}

/// Starts a peer that says how to be known there.
fn start_peer(name: &'static str, command: &mut Command) -> Server {
    let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut process = Process(process);
    let line = first_line(&mut process);
    let (address, session_header, verify_header) = serde_json::from_str(&line).unwrap();
    Server { name, address, session_header, verify_header, process, _folder: None }
}

/// Runs a peer in this process, until it is killed, and says how to be known there.
pub fn serve(peer: &str) {
    type Parts = (Vec<(String, String)>, String);
    let answers = fs::read(env::var_os(ANSWERS).unwrap()).unwrap();
    let [session, verify]: [Parts; 2] = serde_json::from_slice(&answers).unwrap();
    let headers = |parts: &Parts| {
        parts.0.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    };
    let template = Template::learn((&headers(&session), session.1.as_bytes()), &headers(&verify));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let peer = match peer {
            "bare" => peers::bare(template),
            HS256 => peers::json_web_token(template, Keys::hs256()),
            EDDSA => peers::json_web_token(template, Keys::eddsa()),
            "tower-sessions" => peers::tower_sessions(template).await,
            other => panic!("there is no peer {other}"),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = (address, &peer.session_header, &peer.verify_header);
        println!("{}", serde_json::to_string(&told).unwrap());
        anteroom::server::serve(listener, peer.router, std::future::pending()).await;
    });
}
