//! Clients of others sign in: openid-client on Node, Authlib on Python, and Apache with
//! `mod_auth_openidc`. They check what the specification has a client check.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::header::{CONTENT_TYPE, LOCATION, ORIGIN};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::form_urlencoded::Serializer;

use super::CALLBACK;
use crate::command_line::done;
use crate::harness::client::PASSWORD;
use crate::harness::left_out::{for_want_of, program};
use crate::harness::loopback::free_address;
use crate::harness::program::Program;
use crate::harness::server::{PATIENCE, Place, Server};
use crate::house_rules::root;
use crate::tokens::Registered;

const EMAIL: &str = "ada@example.org";
const WHY: &str = "clients of others sign in";
/// Where Debian puts the modules of Apache.
const MODULES: &str = "/usr/lib/apache2/modules";

fn file(name: &str) -> PathBuf {
    root().join("tests/it/code_flow/clients").join(name)
}

/// A server with an account, and the id of the account.
fn server_with_ada() -> (Server, String) {
    let place = Place::new();
    let line = ["user", "add", EMAIL, "--password-stdin"];
    done(&place.run_with_input(&line, &format!("{PASSWORD}\n")));
    let users: Value = serde_json::from_str(done(&place.run(&["user", "list", "--json"]))).unwrap();
    let id = users[0]["id"].as_str().unwrap().to_owned();
    (place.serve(&[]), id)
}

fn register(server: &Server, name: &str, redirect_uri: &str, more: &[&str]) -> Registered {
    let line = ["client", "add", name, "--redirect-uri", redirect_uri, "--json"];
    let added = server.command(&[&line, more].concat());
    let added: Value = serde_json::from_str(done(&added)).unwrap();
    let text = |name: &str| added[name].as_str().unwrap_or_default().to_owned();
    Registered { id: text("client_id"), secret: text("client_secret") }
}

/// Runs a client that is its own browser, and gives what it prints.
fn sign_in(program: &Path, script: &Path, server: &Server, client: &Registered) -> Value {
    // However the test ends, it does not outlive it.
    let output = Command::new("/usr/bin/setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .args([program, script])
        .env("ANTEROOM_URL", &server.url)
        .env("CLIENT_ID", &client.id)
        .env("CLIENT_SECRET", &client.secret)
        .env("REDIRECT_URI", CALLBACK)
        .env("EMAIL", EMAIL)
        .env("PASSWORD", PASSWORD)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [printed, errors] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}: {printed}{errors}", script.display());
    serde_json::from_str(&printed).unwrap()
}

/// What `scripts/test` has installed.
fn installed(variable: &str, name: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).filter(|path| !path.is_empty());
    if path.is_none() {
        for_want_of(name, WHY);
    }
    path.map(PathBuf::from)
}

#[test]
fn openid_client_signs_in_with_a_secret_and_without() {
    let Some(packages) = installed("ANTEROOM_TEST_OPENID_CLIENT", "openid-client") else { return };
    let Some(node) = program("node", WHY) else { return };
    // Node looks for packages beside the script.
    let folder = TempDir::new().unwrap();
    let packages = packages.canonicalize().unwrap();
    symlink(packages, folder.path().join("node_modules")).unwrap();
    let script = folder.path().join("openid_client.mjs");
    fs::copy(file("openid_client.mjs"), &script).unwrap();
    let (server, id) = server_with_ada();
    let expected = json!({ "sub": id, "email": EMAIL, "acr": "1" });

    // This one is not trusted, so that consent is asked for on the way.
    let confidential = register(&server, "Notes", CALLBACK, &[]);
    assert_eq!(sign_in(&node, &script, &server, &confidential), expected);
    let public = register(&server, "Phone", CALLBACK, &["--trusted", "--public"]);
    assert_eq!(public.secret, "");
    assert_eq!(sign_in(&node, &script, &server, &public), expected);
}

#[test]
fn authlib_signs_in() {
    let Some(python) = installed("ANTEROOM_TEST_AUTHLIB", "Authlib") else { return };
    let (server, id) = server_with_ada();
    let client = register(&server, "Notes", CALLBACK, &["--trusted"]);
    let told = sign_in(&python, &file("authlib_client.py"), &server, &client);
    assert_eq!(told, json!({ "sub": id, "email": EMAIL, "acr": "1" }));
}

/// Apache in front of a page that prints what the module says of the user.
struct Apache {
    program: Program,
    folder: TempDir,
}

impl Apache {
    /// `None` where it is missing, which has been said then.
    fn start(server: &Server) -> Option<Self> {
        program("apache2", WHY)?;
        if !Path::new(MODULES).join("mod_auth_openidc.so").is_file() {
            for_want_of("libapache2-mod-auth-openidc", WHY);
            return None;
        }
        let folder = TempDir::new().unwrap();
        // It may run as another user.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("site")).unwrap();
        fs::write(folder.path().join("site/index.html"), "<!--#printenv -->").unwrap();
        let address = free_address();
        let callback = format!("http://{address}/callback");
        let client = register(server, "Site", &callback, &["--trusted"]);
        let mut text = fs::read_to_string(file("apache.conf")).unwrap();
        for (word, here) in [
            ("FOLDER", &*folder.path().display().to_string()),
            ("MODULES", MODULES),
            ("APACHE", &address.to_string()),
            ("ANTEROOM", &server.url),
            ("CLIENT_ID", &client.id),
            ("CLIENT_SECRET", &client.secret),
        ] {
            text = text.replace(word, here);
        }
        let path = folder.path().join("apache.conf");
        fs::write(&path, text).unwrap();
        let program = Program::start("apache2", WHY, address, |command| {
            // One process, which ends with the test.
            command.args(["-X", "-f"]).arg(&path);
        })?;
        Some(Self { program, folder })
    }

    fn url(&self) -> String {
        format!("http://{}/", self.program.address)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

fn location(answer: &Response) -> &str {
    answer.headers().get(LOCATION).map_or("", |location| location.to_str().unwrap())
}

/// Completes the form of the sign-in page, and gives the page where the browser ends.
async fn sign_in_by_form(browser: &Client, server: &Server, page: Response) -> Response {
    let address = page.url().clone();
    assert_eq!(address.path(), "/login", "{address}");
    let (_, next) = address.query_pairs().find(|(name, _)| name == "next").unwrap();
    let text = page.text().await.unwrap();
    let form = text.split("type=\"hidden\" name=\"form\" value=\"").nth(1).unwrap();
    let form = form.split('"').next().unwrap();
    let fields = [("form", form), ("next", &*next), ("email", EMAIL), ("password", PASSWORD)];
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = browser.post(format!("{}/login", server.url)).header(ORIGIN, &server.url);
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apache_with_mod_auth_openidc_signs_people_in_to_a_page() {
    let (server, id) = server_with_ada();
    let Some(apache) = Apache::start(&server) else { return };
    let browser = |policy: Policy| {
        let builder = Client::builder().cookie_store(true).redirect(policy);
        builder.no_proxy().timeout(PATIENCE).build().unwrap()
    };
    let answer = browser(Policy::none()).get(apache.url()).send().await.unwrap();
    let authorize = format!("{}/oauth/authorize?", server.url);
    assert_eq!(answer.status(), 302, "{}", apache.log());
    assert!(location(&answer).starts_with(&authorize), "{}", location(&answer));
    assert!(!answer.text().await.unwrap().contains("REMOTE_USER"));

    let ada = browser(Policy::default());
    let page = ada.get(apache.url()).send().await.unwrap();
    let page = sign_in_by_form(&ada, &server, page).await;
    assert_eq!(page.url().as_str(), apache.url(), "{}", apache.log());
    let text = page.text().await.unwrap();
    for line in [
        format!("REMOTE_USER={EMAIL}"),
        format!("OIDC_CLAIM_sub={id}"),
        format!("OIDC_CLAIM_email={EMAIL}"),
        format!("OIDC_CLAIM_iss={}", server.url),
        "OIDC_CLAIM_acr=1".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
    }
    // From then on its own session counts.
    let again = ada.get(apache.url()).send().await.unwrap();
    assert_eq!(again.url().as_str(), apache.url());
}
