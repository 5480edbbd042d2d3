//! The programs of the page about the API, each taken from the page and run.

use std::fs;
use std::net::SocketAddr;

use crate::harness::browser::Browser;
use crate::harness::client::PASSWORD;
use crate::harness::loopback::free_port;
use crate::harness::program::Program;
use crate::harness::server::Server;
use crate::house_rules::root;

/// The first block of code in this language.
fn code(language: &str) -> String {
    let page = fs::read_to_string(root().join("docs/api/README.md")).unwrap();
    let (_, code) = page.split_once(&format!("\n```{language}\n")).unwrap();
    code.split_once("\n```\n").unwrap().0.to_owned()
}

fn start(name: &str, arguments: &[&str], server: &Server) -> Option<Program> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    Program::start(name, "a program of the page about the API", address, |command| {
        command.args(arguments).env("ANTEROOM", &server.url);
        command.env("PORT", address.port().to_string());
    })
}

/// The status and the body of its answer to a browser with these cookies.
async fn answer(program: &Program, cookies: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("http://{}/", program.address)).header("Cookie", cookies);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn knows_who_is_signed_in(name: &str, arguments: &[&str]) {
    let server = Server::start();
    let Some(program) = start(name, arguments, &server) else { return };

    let browser = Browser::of(server.address(), &server.url);
    assert_eq!(answer(&program, "").await, (401, "Sign in first.".to_owned()));
    browser.sign_up("ada@example.org", PASSWORD).await;
    let cookies = browser.cookies();
    assert_eq!(answer(&program, &cookies).await, (200, "ada@example.org".to_owned()));
    assert_eq!(browser.delete("/api/session").await.status, 204);
    assert_eq!(answer(&program, &cookies).await, (401, "Sign in first.".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_python_knows_who_is_signed_in() {
    knows_who_is_signed_in("python3", &["-c", &code("python")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_node_knows_who_is_signed_in() {
    knows_who_is_signed_in("node", &["-e", &code("javascript")]).await;
}
