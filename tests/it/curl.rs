//! Sessions with curl and its cookie jar, by JSON and by form.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::client::PASSWORD;
use crate::harness::left_out::program;
use crate::harness::server::Server;

/// curl in one folder, with one cookie jar.
struct Curl<'a> {
    program: PathBuf,
    folder: &'a Path,
    server: &'a Server,
}

impl Curl<'_> {
    /// The status and the body of the answer.
    fn run(&self, arguments: &[&str], path: &str) -> (String, String) {
        let output = Command::new(&self.program)
            .args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*"])
            .args(["--cookie", "jar", "--cookie-jar", "jar", "--write-out", "\n%{http_code}"])
            .args(arguments)
            .arg(format!("{}{path}", self.server.url))
            .current_dir(self.folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> (String, String) {
        let body = body.to_string();
        let header = "Content-Type: application/json";
        self.run(&["--request", method, "--header", header, "--data", &body], path)
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> (String, String) {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let arguments: Vec<&str> =
            fields.iter().flat_map(|field| ["--data-urlencode", field]).collect();
        self.run(&arguments, path)
    }
}

#[test]
fn curl_signs_up_in_and_out_by_json() {
    let Some(program) = program("curl", "signing up, in and out by JSON with curl") else { return };
    let server = Server::start();
    let folder = tempfile::TempDir::new().unwrap();
    let curl = Curl { program, folder: folder.path(), server: &server };
    let account = json!({ "email": "ada@example.org", "password": PASSWORD });

    assert_eq!(curl.run(&[], "/api/session").0, "401");
    assert_eq!(curl.json("POST", "/api/signup", &account).0, "201");
    let (status, body) = curl.run(&[], "/api/session");
    assert_eq!(status, "200");
    let who: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(who["user"]["email"], "ada@example.org");
    assert_eq!(who["session"]["device"].as_str().unwrap().to_lowercase(), "curl");
    assert_eq!(curl.run(&["--request", "DELETE"], "/api/session"), ("204".into(), String::new()));
    assert_eq!(curl.run(&[], "/api/session").0, "401");
    assert_eq!(curl.json("POST", "/api/session", &account).0, "200");
    assert_eq!(curl.run(&["--head"], "/auth/verify").0, "200");
    let jar = std::fs::read_to_string(folder.path().join("jar")).unwrap();
    assert!(jar.contains("#HttpOnly_localhost"), "{jar}");
}

#[test]
fn curl_signs_up_in_and_out_by_form() {
    let Some(program) = program("curl", "signing up, in and out by form with curl") else { return };
    let server = Server::start();
    let folder = tempfile::TempDir::new().unwrap();
    let curl = Curl { program, folder: folder.path(), server: &server };
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];

    assert_eq!(curl.form("/signup", &fields).0, "303");
    let (status, page) = curl.run(&[], "/account");
    assert_eq!(status, "200");
    assert!(page.contains("ada@example.org"), "{page}");
    assert_eq!(curl.form("/logout", &[]).0, "200", "without a field curl sends GET, which asks");
    assert_eq!(curl.run(&["--request", "POST"], "/logout").0, "303");
    assert_eq!(curl.run(&[], "/account").0, "303");
    let wrong = [("email", "ada@example.org"), ("password", "not the right one")];
    assert_eq!(curl.form("/login", &wrong).0, "401");
    assert_eq!(curl.form("/login", &fields).0, "303");
    assert_eq!(curl.run(&[], "/account").0, "200");
}
