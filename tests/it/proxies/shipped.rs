//! The files of `deploy` themselves.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{PASSWORD, Stage, shipped};
use crate::harness::balancer::Proxy;
use crate::harness::ground::Keeping;
use crate::harness::left_out::program;
use crate::harness::server::Place;
use crate::house_rules;

/// Names of files are in backquotes. `words` checks that each is the name of a file.
#[test]
fn the_documents_name_every_file_that_is_shipped() {
    let pages = house_rules::files("docs", ".md").into_iter().map(|(_, text)| text);
    let pages = pages.collect::<Vec<_>>().join("\n");
    let named: BTreeSet<&str> = pages.split('`').collect();
    let shipped = house_rules::files("deploy", "").into_iter();
    let mut shipped = shipped.map(|(name, _)| format!("deploy/{name}"));
    let missing = shipped.find(|name| !named.contains(name.as_str()));
    assert_eq!(missing, None, "no page names this file");
}

/// In front of an application this is tried with nginx itself.
#[test]
fn in_front_of_nodes_alone_no_path_leads_elsewhere() {
    for kind in ["sticky", "shared"] {
        let nginx = shipped(&format!("{kind}/nginx.conf"));
        let locations: Vec<_> = nginx
            .lines()
            .filter_map(|line| line.trim().strip_prefix("location ")?.strip_suffix(" {"))
            .collect();
        assert_eq!(locations, ["/", "= /api/session/events"], "{kind}");
        let haproxy = shipped(&format!("{kind}/haproxy.cfg"));
        assert_eq!(haproxy.matches("default_backend nodes\n").count(), 1, "{kind}");
        assert!(!haproxy.contains("use_backend"), "{kind}");
    }
}

#[test]
fn the_shipped_settings_are_understood() {
    for (file, sessions) in [
        ("sticky/anteroom.env", "memory:"),
        ("shared/postgres.env", "database"),
        ("shared/redis.env", "rediss://"),
    ] {
        let place = Place::new().with_file(".env", &shipped(file));
        let outcome = place.run(&["config"]);
        if outcome.stderr.contains("this version keeps") {
            // All mistakes are told at once, and there is no other.
            let told = outcome.stderr.lines().filter(|line| !line.contains("this version keeps"));
            assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{file}");
            continue;
        }
        assert_eq!(outcome.code, Some(0), "{file}: {outcome:?}");
        for wanted in ["https://auth.example.org", "10.0.0.11:8080", "10.0.0.10", sessions] {
            assert!(outcome.stdout.contains(wanted), "{file}: {wanted} in {}", outcome.stdout);
        }
        assert!(!outcome.stdout.contains("CHANGE-ME"), "{file}: a password is shown");
    }
}

#[test]
fn the_unit_of_systemd_is_understood_and_confines_the_program() {
    let Some(analyze) = program("systemd-analyze", "what the unit of systemd says") else { return };
    let unit = shipped("anteroom.service");
    let started = "ExecStart=/usr/local/bin/anteroom serve\n";
    assert_eq!(unit.matches(started).count(), 1);
    let unit = unit.replace("/usr/local/bin/anteroom", env!("CARGO_BIN_EXE_anteroom"));
    let place = Place::new().with_file("anteroom.service", &unit);
    let path = place.path().join("anteroom.service");
    let run = |arguments: &[&str]| {
        let output = Command::new(&analyze).args(arguments).arg(&path).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let (understood, said) = run(&["verify", "--man=no", "--recursive-errors=no"]);
    assert!(understood && said.is_empty(), "{said}");
    let (confined, said) = run(&["security", "--offline=yes", "--no-pager", "--threshold=20"]);
    assert!(confined, "{said}");
}

/// What curl says of a request by HTTP/2: the version, the status and the body.
fn by_http2(stage: &Stage, arguments: &[&str]) -> Option<(String, Value)> {
    let curl = program("curl", "HTTP/2 through the shipped proxies")?;
    let port = stage.balancer.https.port();
    let place = format!("{}:{port}:{}", stage.balancer.name, stage.balancer.https.ip());
    let url = format!("https://{}:{port}/api/session", stage.balancer.name);
    let output = Command::new(curl)
        .args(["--silent", "--show-error", "--http2", "--max-time", "30", "--resolve", &place])
        .arg("--cacert")
        .arg(stage.balancer.certificate())
        .args(["-w", "\n%{http_version} %{http_code}", "-H", "Host: auth.example.org"])
        .args(arguments)
        .arg(url)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (body, how) = said.rsplit_once('\n').unwrap_or_else(|| {
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    });
    Some((how.to_owned(), serde_json::from_str(body).unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_that_speak_http2_are_understood() {
    for (kind, proxy) in [
        ("sticky", Proxy::Haproxy),
        ("sticky", Proxy::Nginx),
        ("shared", Proxy::Haproxy),
        ("shared", Proxy::Nginx),
    ] {
        let stage = Stage::start(kind, proxy, Keeping::Postgres, |place| place).await;
        let Some(stage) = stage else { return };
        let browser = stage.balancer.browser(10);
        browser.sign_up("ada@example.org", PASSWORD).await;
        // Cookies come as headers of their own by HTTP/2.
        let cookies = browser.cookies();
        let Some((how, body)) = by_http2(&stage, &["-H", &format!("Cookie: {cookies}")]) else {
            return;
        };
        assert_eq!(how, "2 200", "{kind} {proxy:?}: {body}");
        assert_eq!(body["user"]["email"], "ada@example.org", "{kind} {proxy:?}");
        assert_eq!(body["session"]["ip_address"], "127.0.0.10", "{kind} {proxy:?}");
    }
}
