//! Ten thousand open pages: what each takes of a server, straight and behind nginx, and how soon
//! those whose session ends are told.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::client::{Answer, Connection, ask, request};
use crate::databases::free_port;
use crate::figures::print_table;
use crate::memory::resident_of;
use crate::servers::{self, Process, Server, account, cpu_seconds_of, credentials};

/// People, sessions of each, and streams of each session.
const PEOPLE: usize = 25;
const SESSIONS: usize = 20;
const STREAMS: usize = 20;
/// Of a proxy each takes two files, of which a process may have 20,000 in most places.
const BEHIND_A_PROXY: usize = 10;
/// For how long nothing happens but that they are open.
const IDLE: Duration = Duration::from_secs(20);
/// How many sessions end, one after the other.
const ENDS: usize = 20;

/// The cost of ten thousand streams on one way to the server.
struct Taken {
    way: &'static str,
    kilobytes: f64,
    proxy_kilobytes: f64,
    /// Of a core, while nothing happens.
    cpu_percent: f64,
    /// From the request to the last word at a stream of the session, the longest of all ends.
    told_milliseconds: f64,
    told: usize,
    streams: usize,
}

/// The messages of the streams, by the number of the session.
#[derive(Clone)]
struct Ears {
    open: Arc<AtomicUsize>,
    heard: mpsc::UnboundedSender<(usize, Instant)>,
}

async fn listen(address: SocketAddr, asking: String, session: usize, ears: Ears) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(asking.as_bytes()).await.unwrap();
    let (mut read, mut buffer) = (Vec::new(), [0; 512]);
    let mut is_open = false;
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        read.extend_from_slice(&buffer[..count]);
        if !is_open && read.starts_with(b"HTTP/1.1 200") {
            is_open = true;
            ears.open.fetch_add(1, Ordering::Relaxed);
        }
        if read.windows(12).any(|part| part == b"event: ended") {
            let _ = ears.heard.send((session, Instant::now()));
            return;
        }
    }
}

fn server() -> Server {
    let settings = [
        ("ANTEROOM_MAX_CONNECTIONS", "15000"),
        ("ANTEROOM_MAX_CONNECTIONS_PER_NETWORK", "15000"),
        ("ANTEROOM_THROTTLE_SIGNUP", "off"),
        ("ANTEROOM_TRUSTED_PROXIES", "127.0.0.1/32"),
        ("ANTEROOM_LOG", "error"),
    ];
    servers::anteroom("streams", &settings)
}

fn cookies(server: &Server) -> Vec<String> {
    let person = |number: usize| {
        let email = format!("person{number}@example.org");
        assert_eq!(ask(server.address, "POST /api/signup", &[], &account(&email)).status, 201);
        let again = credentials(&email);
        let signed_in = (0..SESSIONS).map(move |_| {
            let answer = ask(server.address, "POST /api/session", &[], &again);
            assert_eq!(answer.status, 200);
            Answer::cookie(&answer)
        });
        signed_in.collect::<Vec<_>>()
    };
    (0..PEOPLE).flat_map(person).collect()
}

/// nginx as `deploy` has it, as far as streams are concerned.
fn nginx(to: SocketAddr, folder: &TempDir) -> (Process, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let path = folder.path().display();
    let text = format!(
        "daemon off; master_process off; pid {path}/pid; error_log {path}/error;\n\
         events {{ worker_connections 30000; }}\n\
         http {{ access_log off; server {{ listen {address}; location / {{\n\
         proxy_pass http://{to}; proxy_http_version 1.1; proxy_set_header Connection '';\n\
         proxy_set_header Host $http_host; proxy_buffering off; proxy_read_timeout 90s; }} }} }}\n"
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, text).unwrap();
    let mut command = std::process::Command::new("nginx");
    command.args(["-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(&file);
    let process = Process(command.stdin(Stdio::null()).spawn().unwrap());
    while std::net::TcpStream::connect(address).is_err() {
        thread::sleep(Duration::from_millis(20));
    }
    (process, address)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn each(before: u64, after: u64, all: usize) -> f64 {
    after.saturating_sub(before) as f64 / all as f64 / 1000.0
}

fn measure(way: &'static str, behind_nginx: bool) -> Taken {
    let of_each = if behind_nginx { BEHIND_A_PROXY } else { STREAMS };
    let all = PEOPLE * SESSIONS * of_each;
    eprintln!("streams: {all} {way}");
    let (server, folder) = (server(), TempDir::new().unwrap());
    let cookies = cookies(&server);
    let proxy = behind_nginx.then(|| nginx(server.address, &folder));
    let at = proxy.as_ref().map_or(server.address, |(_, address)| *address);
    let proxy_memory = || proxy.as_ref().map_or(0, |(one, _)| resident_of(one.0.id()));
    let memory = || (resident_of(server.process_id()), proxy_memory());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let ears = Ears { open: Arc::default(), heard };
    let before = memory();
    for (number, cookie) in cookies.iter().enumerate() {
        let asking = request(
            server.address,
            "GET /api/session/events?sessions=true",
            &[("Cookie", cookie)],
            "",
        );
        for _ in 0..of_each {
            runtime.spawn(listen(at, asking.clone(), number, ears.clone()));
        }
        // As they come, not all in the same instant.
        thread::sleep(Duration::from_millis(10));
    }
    let begun = Instant::now();
    while ears.open.load(Ordering::Relaxed) < all {
        assert!(begun.elapsed() < Duration::from_mins(1), "they do not open");
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_secs(2));
    let after = memory();
    let cpu = || cpu_seconds_of(server.process_id()).unwrap();
    let cpu_before = cpu();
    thread::sleep(IDLE);
    let cpu_percent = (cpu() - cpu_before) / IDLE.as_secs_f64() * 100.0;
    let (mut told, mut longest) = (0, 0.0_f64);
    for (ended, cookie) in cookies.iter().take(ENDS).enumerate() {
        let out = request(server.address, "DELETE /api/session", &[("Cookie", &**cookie)], "");
        let begun = Instant::now();
        assert_eq!(Connection::open(server.address).send(&out).status, 204);
        thread::sleep(Duration::from_secs(1));
        while let Ok((session, at)) = hearing.try_recv() {
            assert_eq!(session, ended, "the stream of another session was told");
            longest = longest.max((at - begun).as_secs_f64() * 1000.0);
            told += 1;
        }
    }
    Taken {
        way,
        kilobytes: each(before.0, after.0, all),
        proxy_kilobytes: each(before.1, after.1, all),
        cpu_percent,
        told_milliseconds: longest,
        told,
        streams: all,
    }
}

pub fn run() {
    let all = [measure("straight", false), measure("behind nginx", true)];
    let rows = all.iter().map(|of| {
        vec![
            format!("{} {}", of.streams, of.way),
            format!("{:.1}", of.kilobytes),
            if of.proxy_kilobytes > 0.0 {
                format!("{:.1}", of.proxy_kilobytes)
            } else {
                "–".into()
            },
            format!("{:.1}", of.cpu_percent),
            format!("{} of {}", of.told, ENDS * of.streams / (PEOPLE * SESSIONS)),
            format!("{:.1}", of.told_milliseconds),
        ]
    });
    let what =
        format!("Of {} sessions; {ENDS} of them end, one after the other:", PEOPLE * SESSIONS);
    let head = [
        "",
        "kB of the server, each",
        "kB of nginx, each",
        "% of a core while idle",
        "told",
        "ms until the last was told, at most",
    ];
    print_table("streams", &what, &head, &rows.collect::<Vec<_>>());
}
