//! The description and the server agree. [Schemathesis] calls every operation of `/openapi.json`
//! with values that the description permits and with others, and compares each response with it.
//!
//! [Schemathesis]: https://schemathesis.readthedocs.io

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::app::{Kind, TestApp};
use crate::harness::chance::chosen_operations;
use crate::harness::left_out;
use crate::harness::server::Place;
use crate::house_rules::root;

fn schemathesis() -> Option<PathBuf> {
    left_out::program("schemathesis", "the description of the API holds of the server")
}

fn file(name: &str) -> PathBuf {
    root().join("tests/it/schemathesis").join(name)
}

/// How far a run goes.
struct Length {
    phases: &'static str,
    /// For each operation.
    examples: u32,
    seed: u32,
}

const ORDINARY: Length = Length { phases: "examples,coverage,fuzzing", examples: 1, seed: 1 };

/// Runs it as nobody, a user or an administrator, and fails with its report where it finds
/// anything. Gives the operations that succeeded at least once.
fn run(role: &str, length: &Length, place: &Place) -> Option<BTreeSet<String>> {
    let program = schemathesis()?;
    let server = place.serve(&[]);
    let succeeded = server.place.path().join("succeeded");
    // However the test ends, it does not outlive it.
    let output = Command::new("/usr/bin/setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program)
        .args(["run", &format!("{}/openapi.json", server.url), "--no-color", "--warnings", "off"])
        .args(["--checks", "all", "--exclude-checks", "positive_data_acceptance"])
        .args(["--phases", length.phases, "--max-examples", &length.examples.to_string()])
        .args(chosen_operations().iter().flat_map(|parts| ["--include-path-regex", parts]))
        .args(["--seed", &length.seed.to_string(), "--generation-database", "none"])
        .current_dir(server.place.path())
        .env("SCHEMATHESIS_HOOKS", file("hooks.py"))
        .env("ANTEROOM_URL", &server.url)
        .env("ANTEROOM_ROLE", role)
        .env("ANTEROOM_PROGRAM", env!("CARGO_BIN_EXE_anteroom"))
        .env("ANTEROOM_SUCCEEDED", &succeeded)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "as {role}, with seed {}:\n{report}", length.seed);
    let succeeded = fs::read_to_string(succeeded).unwrap_or_default();
    Some(succeeded.lines().map(str::to_owned).collect())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn without_throttles() -> Place {
    Place::new().without_throttles()
}

async fn description() -> Value {
    TestApp::start(Kind::Memory).await.browser().get("/openapi.json").await.json()
}

#[tokio::test]
async fn the_description_is_valid_and_so_is_every_example() {
    let Some(program) = schemathesis() else { return };
    let mut python = Command::new(program.with_file_name("python"))
        .arg(file("validate.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(description().await.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn nobody_gets_a_response_that_is_not_described() {
    run("nobody", &ORDINARY, &without_throttles());
}

#[test]
fn a_user_gets_no_response_that_is_not_described() {
    run("user", &ORDINARY, &without_throttles().with("ANTEROOM_MAIL", "log"));
}

/// Operations that succeed with a code of an authenticator app, of a mailed link or of a browser that
/// signs in, or where there is one, and those that need an authenticator.
const NEED_A_PROOF: &[&str] = &[
    "POST /api/account/passkeys",
    "PATCH /api/account/passkeys/{id}",
    "DELETE /api/account/passkeys/{id}",
    "POST /api/session/passkey",
    "POST /api/session/passkey/options",
    "DELETE /api/account/applications/{id}",
    "POST /oauth/token",
    "GET /oauth/userinfo",
    "POST /oauth/userinfo",
    "POST /api/account/email/verification",
    "POST /api/email/verify",
    "POST /api/recovery",
    "POST /api/recovery/confirm",
    "POST /api/account/recovery-codes",
    "DELETE /api/account/totp",
    "POST /api/account/totp/confirm",
    "POST /api/session/second-factor",
];

#[tokio::test]
async fn an_administrator_succeeds_with_every_operation_as_it_is_described() {
    let Some(succeeded) = run("administrator", &ORDINARY, &without_throttles()) else { return };
    let mut failed = Vec::new();
    for (path, methods) in description().await["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            failed.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    failed.retain(|operation| {
        !succeeded.contains(operation) && !NEED_A_PROOF.contains(&operation.as_str())
    });
    // It calls every operation but the one that it has the description from.
    assert_eq!(failed, ["GET /openapi.json"]);
}

mod nightly {
    use super::{Length, Place, run, without_throttles};

    /// Also calls operations one after another, with what the one before answered.
    fn long(seed: u32) -> Length {
        Length { phases: "examples,coverage,fuzzing,stateful", examples: 200, seed }
    }

    #[test]
    fn nobody_gets_a_response_that_is_not_described() {
        for seed in 11..14 {
            run("nobody", &long(seed), &without_throttles());
        }
    }

    #[test]
    fn a_user_gets_no_response_that_is_not_described() {
        for seed in 21..24 {
            run("user", &long(seed), &without_throttles());
        }
    }

    #[test]
    fn an_administrator_gets_no_response_that_is_not_described() {
        for seed in 31..34 {
            run("administrator", &long(seed), &without_throttles());
        }
    }

    #[test]
    fn too_many_attempts_get_the_response_that_is_described() {
        let place = Place::new().with("ANTEROOM_THROTTLE_NETWORK", "2/1h");
        run("nobody", &long(41), &place);
    }
}
