//! A log that nobody reads any more is no reason to stop.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Ends with the test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
