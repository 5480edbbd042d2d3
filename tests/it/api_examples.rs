//! The programs of the page about the API, each taken from the page and run.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::client::PASSWORD;
use crate::harness::left_out::{for_want_of, program};
use crate::harness::loopback::free_port;
use crate::harness::program::Program;
use crate::harness::server::Server;
use crate::house_rules::root;

const PURPOSE: &str = "a program of the page about the API";

/// A program of the page.
struct Example {
    /// How the page marks its block. Later blocks of the language are excerpts.
    language: &'static str,
    /// The file that it is written to.
    file: &'static str,
    /// Commands beforehand, which have to succeed and to print nothing.
    build: &'static [&'static [&'static str]],
    /// The command that runs it. A path is one in the folder of the file.
    run: &'static [&'static str],
}

const PYTHON: Example = Example {
    language: "python",
    file: "application.py",
    build: &[],
    run: &["python3", "application.py"],
};
const NODE: Example = Example {
    language: "javascript",
    file: "application.js",
    build: &[],
    run: &["node", "application.js"],
};
/// The same file as the example that cargo builds.
const RUST: Example =
    Example { language: "rust,ignore", file: "ask.rs", build: &[], run: &["./ask"] };
const GO: Example = Example {
    language: "go",
    file: "main.go",
    build: &[
        &["gofmt", "-l", "main.go"],
        &["go", "vet", "main.go"],
        &["go", "build", "-o", "application", "main.go"],
    ],
    run: &["./application"],
};
const PHP: Example = Example {
    language: "php",
    file: "index.php",
    build: &[],
    run: &["php", "-S", "127.0.0.1:{port}", "index.php"],
};

/// The first block of code in this language.
fn code(language: &str) -> String {
    let page = fs::read_to_string(root().join("docs/api/README.md")).unwrap();
    let (_, code) = page.split_once(&format!("\n```{language}\n")).unwrap();
    code.split_once("\n```\n").unwrap().0.to_owned() + "\n"
}

/// Puts the example that cargo built into the folder. `false` where it is missing or stale.
fn has_built(folder: &Path) -> bool {
    let built = Path::new(env!("CARGO_BIN_EXE_anteroom")).with_file_name("examples/ask");
    let modified = |path: &Path| Some(fs::metadata(path).ok()?.modified().unwrap());
    let is_current = modified(&built) >= modified(&root().join("examples/ask.rs"));
    if is_current {
        symlink(built, folder.join("ask")).unwrap();
    } else {
        for_want_of("the built example `ask` (`cargo build --example ask`)", PURPOSE);
    }
    is_current
}

/// A program that runs, and its folder. `None` where something is missing, which has been said then.
fn start(example: &Example, anteroom: &str) -> Option<(Program, TempDir)> {
    let folder = TempDir::new().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    fs::write(folder.path().join(example.file), code(example.language)).unwrap();
    if example.language == RUST.language && !has_built(folder.path()) {
        return None;
    }
    let prepare = |command: &mut Command, arguments: &[&str]| {
        let port = address.port().to_string();
        command
            .args(arguments.iter().map(|argument| argument.replace("{port}", &port)))
            .current_dir(folder.path())
            .env("ANTEROOM", anteroom)
            .env("PORT", &port)
            .envs([("NO_PROXY", "*"), ("no_proxy", "*")])
            .env("GOCACHE", folder.path().join("cache"))
            .env("GOPATH", folder.path().join("path"));
    };
    for line in example.build {
        let mut command = Command::new(program(line[0], PURPOSE)?);
        prepare(&mut command, &line[1..]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{line:?}: {output:?}");
    }
    let name = match example.run[0].strip_prefix("./") {
        Some(built) => folder.path().join(built).display().to_string(),
        None => example.run[0].to_owned(),
    };
    let arguments = &example.run[1..];
    let program = Program::start(&name, PURPOSE, address, |command| prepare(command, arguments))?;
    Some((program, folder))
}

/// The status and the text of its answer to a browser with these cookies.
async fn answer(program: &Program, cookies: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("http://{}/", program.address)).header("Cookie", cookies);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap().trim_end().to_owned())
}

async fn knows_who_is_signed_in(example: &Example) {
    let server = Server::start();
    let Some((program, _folder)) = start(example, &server.url) else { return };

    let browser = Browser::of(server.address(), &server.url);
    assert_eq!(answer(&program, "").await, (401, "Sign in first.".to_owned()));
    browser.sign_up("ada@example.org", PASSWORD).await;
    let cookies = browser.cookies();
    assert_eq!(answer(&program, &cookies).await, (200, "ada@example.org".to_owned()));
    let among_others = format!("theme=dark; {cookies}; draft=7");
    assert_eq!(answer(&program, &among_others).await, (200, "ada@example.org".to_owned()));
    assert_eq!(browser.delete("/api/session").await.status, 204);
    assert_eq!(answer(&program, &cookies).await, (401, "Sign in first.".to_owned()));
    server.kill();
    assert_eq!(answer(&program, &cookies).await, (503, "Try again.".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_python_knows_who_is_signed_in() {
    knows_who_is_signed_in(&PYTHON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_node_knows_who_is_signed_in() {
    knows_who_is_signed_in(&NODE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_rust_knows_who_is_signed_in() {
    knows_who_is_signed_in(&RUST).await;
}

#[test]
fn the_program_in_rust_is_the_example() {
    let example = fs::read_to_string(root().join("examples/ask.rs")).unwrap();
    assert_eq!(code(RUST.language), example);
}

/// With heavy runtimes, or with waiting for a timeout.
mod nightly {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::{GO, NODE, PHP, PYTHON, RUST, answer, knows_who_is_signed_in, start};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_program_in_go_knows_who_is_signed_in() {
        knows_who_is_signed_in(&GO).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_program_in_php_knows_who_is_signed_in() {
        knows_who_is_signed_in(&PHP).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_program_waits_five_seconds_for_an_answer() {
        // It accepts connections and never answers.
        let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        for example in [&PYTHON, &NODE, &RUST, &GO, &PHP] {
            let Some((program, _folder)) = start(example, &url) else { continue };
            let asked_at = Instant::now();
            let answer = answer(&program, "").await;
            let took = asked_at.elapsed();
            assert_eq!(answer, (503, "Try again.".to_owned()), "{}", example.language);
            let expected = Duration::from_millis(4900)..Duration::from_secs(15);
            assert!(expected.contains(&took), "{}: {took:?}", example.language);
        }
    }
}
