//! A mail server of others: aiosmtpd, within TLS and without, and ones that misbehave.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::command_line::{done, refused};
use crate::harness::balancer::certify;
use crate::harness::left_out;
use crate::harness::loopback::free_port;
use crate::harness::program::Program;
use crate::harness::server::{Outcome, Place, wait_for};

const WHY: &str = "mail is accepted by a mail server of others";

/// A mail server in a separate process.
struct MailServer {
    _program: Program,
    folder: TempDir,
    port: u16,
}

impl MailServer {
    /// With a certificate for this name.
    fn start(mode: &str, name: &str) -> Option<Self> {
        let aiosmtpd = left_out::program("aiosmtpd", WHY)?;
        let folder = TempDir::new().unwrap();
        certify(folder.path(), &[name]);
        let port = free_port();
        let script = crate::house_rules::root().join("tests/it/mail/server.py");
        let said = File::create(folder.path().join("said")).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let python = aiosmtpd.with_file_name("python3");
        let program = Program::start(python.to_str().unwrap(), WHY, address, |command| {
            command.arg(script).args([&port.to_string(), mode, "cert.pem", "key.pem"]);
            command.current_dir(folder.path()).env("PYTHONDONTWRITEBYTECODE", "1").stdout(said);
        })?;
        Some(Self { _program: program, folder, port })
    }

    fn messages(&self) -> Vec<Value> {
        let said = fs::read_to_string(self.folder.path().join("said")).unwrap();
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn certificate(&self) -> String {
        self.folder.path().join("cert.pem").to_str().unwrap().to_owned()
    }
}

/// The answer of `anteroom mail test` with this mail server and these certificates.
fn test(url: &str, certificates: Option<&str>, address: &str) -> Outcome {
    let place = Place::new()
        .with("ANTEROOM_MAIL", url)
        .with("ANTEROOM_MAIL_FROM", "Example <no-reply@example.org>");
    let place = match certificates {
        Some(path) => place.with("SSL_CERT_FILE", path),
        None => place,
    };
    done(&place.run(&["migrate"]));
    place.run(&["mail", "test", address])
}

#[test]
fn mail_9_a_server_of_others_takes_mail_within_tls() {
    for (mode, scheme) in [("starttls", "smtp"), ("tls", "smtps")] {
        let Some(server) = MailServer::start(mode, "localhost") else { return };
        let port = server.port;
        let url = format!("{scheme}://ann:hunter2@localhost:{port}");
        let trusted = server.certificate();

        let told = test(&url, Some(&trusted), "ada@example.org");

        assert!(done(&told).contains("250 kept"), "{told:?}");
        let messages = wait_for(|| Some(server.messages()).filter(|seen| !seen.is_empty()));
        let [message] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!(message["to"], serde_json::json!(["ada@example.org"]));
        assert_eq!(message["encrypted"], true, "{mode}");
        let raw = message["raw"].as_str().unwrap();
        assert!(raw.contains("Auto-Submitted: auto-generated"), "{raw}");

        // Nobody vouches for it, or it is another one.
        let line = refused_by(&url, None);
        assert!(line.contains("TLS"), "{line}");
        let other = format!("{scheme}://ann:hunter2@127.0.0.1:{port}");
        let line = refused_by(&other, Some(&trusted));
        assert!(line.contains("TLS"), "{line}");
        // It wants another password, and does not know everybody.
        let wrong = format!("{scheme}://ann:hunter3@localhost:{port}");
        let line = refused_by(&wrong, Some(&trusted));
        assert!(line.contains("535") && !line.contains("hunter3"), "{line}");
        let outcome = test(&url, Some(&trusted), "refused@example.org");
        let line = refused(&outcome, 1);
        assert!(line.contains("550") && line.contains("5.1.1 no such mailbox"), "{line}");
        assert_eq!(server.messages().len(), 1);
    }
}

fn refused_by(url: &str, certificates: Option<&str>) -> String {
    let outcome = test(url, certificates, "ada@example.org");
    let line = refused(&outcome, 1).to_owned();
    assert!(!line.contains("hunter2"), "{line}");
    line
}

#[test]
fn mail_9_a_server_without_tls_gets_nothing() {
    let Some(server) = MailServer::start("plain", "localhost") else { return };
    let url = format!("smtp://ann:hunter2@localhost:{}", server.port);
    let line = refused_by(&url, Some(&server.certificate()));
    assert!(line.contains("STARTTLS"), "{line}");
    assert!(server.messages().is_empty());
    // Within this machine it may be allowed.
    let url = format!("smtp://127.0.0.1:{}?tls=off", server.port);
    done(&test(&url, None, "ada@example.org"));
    wait_for(|| Some(server.messages()).filter(|seen| seen.len() == 1));
}

#[test]
fn a_server_that_cuts_the_conversation_or_is_not_there_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // It goes away after each of these lines.
    let lines = ["", "220 here\r\n", "220 here\r\n250-x\r\n250 y\r\n", "not a reply at all\r\n"];
    let cutting = thread::spawn(move || {
        for line in lines {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(line.as_bytes()).unwrap();
            if line.is_empty() {
                continue;
            }
            let mut read = [0; 100];
            let _ = stream.read(&mut read);
        }
    });
    let url = format!("smtp://127.0.0.1:{port}?tls=off");
    for line in lines {
        let outcome = test(&url, None, "ada@example.org");
        let told = refused(&outcome, 1);
        assert!(told.len() > "anteroom: ".len(), "{line:?}");
    }
    cutting.join().unwrap();
    let outcome = test(&url, None, "ada@example.org");
    assert!(refused(&outcome, 1).contains("no connection to the mail server"), "{outcome:?}");
    let outcome = Place::new().run(&["mail", "test", "nobody"]);
    refused(&outcome, 1);
    let place = Place::new();
    done(&place.run(&["migrate"]));
    let outcome = place.run(&["mail", "test", "ada@example.org"]);
    assert!(refused(&outcome, 1).contains("ANTEROOM_MAIL"), "{outcome:?}");
}

#[test]
fn without_a_mail_server_the_test_prints_the_message() {
    let told = test("log", None, "ada@example.org");
    let said = done(&told);
    assert!(said.contains("To: ada@example.org") && said.contains("Subject: "), "{told:?}");
    assert!(said.contains("nothing is sent"), "{told:?}");
}
