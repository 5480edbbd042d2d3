//! The programs of the page about the API, each taken from the page and run.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::harness::browser::Browser;
use crate::harness::client::PASSWORD;
use crate::harness::left_out::program;
use crate::harness::loopback::free_port;
use crate::harness::server::{Server, wait_for};
use crate::house_rules::root;

/// The first block of code in this language.
fn code(language: &str) -> String {
    let page = fs::read_to_string(root().join("docs/api/README.md")).unwrap();
    let (_, code) = page.split_once(&format!("\n```{language}\n")).unwrap();
    code.split_once("\n```\n").unwrap().0.to_owned()
}

/// A program that runs. However the test ends, it does not outlive it.
struct Program {
    process: Child,
    address: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Program {
    fn start(name: &str, arguments: &[&str], server: &Server) -> Option<Self> {
        let program = program(name, "a program of the page about the API")?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let process = Command::new("/usr/bin/setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(arguments)
            .env("ANTEROOM", &server.url)
            .env("PORT", address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self { process, address };
        wait_for(|| TcpStream::connect(address).ok());
        Some(this)
    }

    /// The status and the body of its answer to a browser with these cookies.
    async fn answer(&self, cookies: &str) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://{}/", self.address)).header("Cookie", cookies);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

async fn knows_who_is_signed_in(name: &str, arguments: &[&str]) {
    let server = Server::start();
    let Some(program) = Program::start(name, arguments, &server) else { return };

    let browser = Browser::of(server.address(), &server.url);
    assert_eq!(program.answer("").await, (401, "Sign in first.".to_owned()));
    browser.sign_up("ada@example.org", PASSWORD).await;
    let cookies = browser.cookies();
    assert_eq!(program.answer(&cookies).await, (200, "ada@example.org".to_owned()));
    assert_eq!(browser.delete("/api/session").await.status, 204);
    assert_eq!(program.answer(&cookies).await, (401, "Sign in first.".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_python_knows_who_is_signed_in() {
    knows_who_is_signed_in("python3", &["-c", &code("python")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_node_knows_who_is_signed_in() {
    knows_who_is_signed_in("node", &["-e", &code("javascript")]).await;
}
