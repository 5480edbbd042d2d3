//! A log that nobody reads any more is no reason to stop; one that somebody may read again is one
//! to wait.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::server::PATIENCE;

/// Ends with the test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn log_7_a_log_that_nobody_reads_holds_requests_up_until_somebody_does() {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_anteroom"))
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "trace"])
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = child.stderr.take().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let _killed = Killed(child);
    let first = stdout.lines().next().unwrap().unwrap();
    let url = first.split_whitespace().last().unwrap().to_owned();
    let ask = async |patience| {
        let client = reqwest::Client::builder().timeout(patience).build().unwrap();
        client.get(format!("{url}/login")).send().await.map(|answer| answer.status().as_u16())
    };

    // A pipe takes 64 KiB.
    let mut held_up = false;
    for _ in 0..1000 {
        held_up = ask(Duration::from_secs(1)).await.is_err();
        if held_up {
            break;
        }
    }
    assert!(held_up, "what cannot be logged is answered");

    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    assert_eq!(ask(PATIENCE).await.unwrap(), 200);
}

#[tokio::test]
async fn a_server_whose_log_cannot_be_written_goes_on() {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_anteroom"))
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "trace"])
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let _killed = Killed(child);
    let first = stdout.lines().next().unwrap().unwrap();
    let url = first.split_whitespace().last().unwrap();

    for _ in 0..3 {
        let answer = reqwest::get(format!("{url}/login")).await.unwrap();

        assert_eq!(answer.status(), 200);
    }
}
