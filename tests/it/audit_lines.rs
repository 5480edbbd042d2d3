//! The audit trail on standard output.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::audit::FIELDS;
use crate::harness::client::Client;
use crate::harness::server::{PATIENCE, Place, wait_for};

/// The real program with its output in pipes, ended with the test.
struct Piped {
    child: Child,
    url: String,
    folder: TempDir,
}

impl Piped {
    fn start() -> Self {
        Self::start_on(Stdio::piped())
    }

    fn start_on(stdout: Stdio) -> Self {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_anteroom"))
            .args(["serve", "--listen", "127.0.0.1:0", "--audit-log", "stdout"])
            .args(["--throttle-account", "off", "--throttle-network", "off"])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let url = wait_for(|| {
            assert!(
                child.try_wait().unwrap().is_none(),
                "{}",
                std::fs::read_to_string(&log).unwrap()
            );
            let text = std::fs::read_to_string(&log).unwrap();
            let line = text.lines().find(|line| line.contains("listening on "))?;
            line.split_whitespace().last().map(str::to_owned)
        });
        Self { child, url, folder }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Tries to sign in, from a program that calls itself so.
    async fn knock(&self, agent: &str) {
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let fields = serde_json::json!({ "email": "ada@example.org", "password": "wrong" });
        let request = client.post(format!("{}/api/session", self.url)).json(&fields);
        let answer = request.header("User-Agent", agent).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }

    fn stops(&mut self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        let begun = Instant::now();
        wait_for(|| self.child.try_wait().unwrap());
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_3_every_event_is_one_line_of_json_on_stdout_and_nothing_else_is() {
    let mut server = Piped::start();
    let mut stdout = server.child.stdout.take().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        tell.send(text).unwrap();
    });

    server.knock("plain").await;
    server.knock("\"},{\"kind\":\"login\",\"a\":\"\\\\").await;
    server.knock("evil\u{a0}\u{2028}{}\t").await;
    server.stops();

    let text = told.recv_timeout(PATIENCE).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(text.ends_with('\n') && text.matches('\n').count() == 3, "{text}");
    assert!(text.bytes().all(|byte| byte == b'\n' || (byte >= b' ' && byte != 0x7f)), "{text:?}");
    for event in &events {
        let names: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(names, FIELDS);
        assert_eq!(event["kind"], "login_failed");
    }
    assert!(server.log().contains("/setup?token="), "the link is for people: {}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_7_audit_lines_that_nobody_reads_hold_nobody_up() {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe takes: the first line finds no room.
    writer.write_all(&b"\n".repeat(64 * 1024)).unwrap();
    let mut server = Piped::start_on(writer.into());
    let begun = Instant::now();
    for n in 0..5 {
        server.knock(&format!("agent {n}")).await;
    }
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());

    // Somebody reads again: nothing that waited is lost.
    let lines = BufReader::new(&mut reader).lines().map(Result::unwrap);
    let told: Vec<String> = lines.filter(|line| !line.is_empty()).take(5).collect();
    for (n, line) in told.iter().enumerate() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["user_agent"], format!("agent {n}"));
    }
    drop(reader);
    server.knock("nobody is there").await;
    server.knock("nobody is there").await;
    server.stops();
    let log = server.log();
    assert!(log.contains("dropped audit lines"), "{log}");
    assert!(log.contains("lines=2"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_7_a_server_whose_audit_lines_are_stuck_stops_all_the_same() {
    let (_reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&b"\n".repeat(64 * 1024)).unwrap();
    let mut server = Piped::start_on(writer.into());
    server.knock("nobody listens").await;

    server.stops();
}

#[tokio::test]
async fn without_the_setting_stdout_has_what_it_always_had() {
    let server = Place::new().serve(&[]);
    Client::of(&server).sign_up("ada@example.org").await;

    let stdout = server.stdout();
    assert!(stdout.starts_with("Anteroom is listening on "), "{stdout}");
    assert!(!stdout.contains('{'), "{stdout}");
}
