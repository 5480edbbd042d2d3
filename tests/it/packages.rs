//! The files by which Anteroom is installed and watched: each name in them exists.
//! `scripts/check-packages` builds the packages and runs the program in them.

use std::collections::BTreeSet;
use std::fs;

use anteroom::accounts::Role;
use serde_json::Value;

use crate::harness::app::{Kind, TestApp};
use crate::harness::server::Place;
use crate::house_rules::{files, root};
use crate::metrics::{counted, text_of};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words of a text that begin with `beginning`, followed by letters of names only.
fn names(text: &str, beginning: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(beginning))
        .map(ToOwned::to_owned)
        .collect()
}

/// The service `name` of the Compose file: its lines, up to the next line that is not deeper.
fn service(compose: &str, name: &str) -> String {
    let mut lines = compose.lines().skip_while(|line| *line != format!("  {name}:")).skip(1);
    let mut found = String::new();
    for line in lines.by_ref().take_while(|line| line.is_empty() || line.starts_with("   ")) {
        found.push_str(line);
        found.push('\n');
    }
    assert!(!found.is_empty(), "deploy/compose.yaml has no service {name}");
    found
}

/// The variables of a service, as `NAME: value`.
fn environment(service: &str) -> Vec<(String, String)> {
    service
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .filter(|(name, _)| name.starts_with("ANTEROOM_"))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

#[test]
fn every_setting_that_a_package_names_exists() {
    let known = names(&read(".env.example"), "ANTEROOM_");
    for file in ["Dockerfile", "deploy/compose.yaml", "deploy/debian/anteroom.env"] {
        let named = names(&read(file), "ANTEROOM_");
        assert!(!named.is_empty(), "{file} names no setting");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn the_settings_of_the_packages_are_understood() {
    let debian = Place::new().with_file(".env", &read("deploy/debian/anteroom.env"));
    let shown = debian.run(&["config"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("sqlite:/var/lib/anteroom/anteroom.db"), "{}", shown.stdout);

    let place = Place::new();
    let secret = |name: &str, text: &str| {
        fs::write(place.path().join(name), text).unwrap();
        place.path().join(name).to_string_lossy().into_owned()
    };
    let database = secret("database", "postgres://anteroom:0123@postgres/anteroom");
    let sessions = secret("sessions", "redis://:0123@valkey/");
    let mut compose = place.clone();
    // First the variables of the image, which those of the service replace.
    let image = read("Dockerfile").replace(" \\", "").replace('=', ": ");
    let of_compose = environment(&service(&read("deploy/compose.yaml"), "anteroom"));
    assert!(of_compose.len() >= 5, "{of_compose:?}");
    for (name, value) in environment(&image).into_iter().chain(of_compose) {
        let value = match value.strip_prefix("/run/secrets/anteroom-") {
            Some("database") => &database,
            Some("sessions") => &sessions,
            _ => &value,
        };
        compose = compose.with(&name, value);
    }
    let shown = compose.run(&["config"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for wanted in ["postgres://anteroom:***@postgres/anteroom", "@valkey/", "0.0.0.0:8080"] {
        assert!(shown.stdout.contains(wanted), "{wanted}: {}", shown.stdout);
    }
}

#[test]
fn every_service_of_compose_is_confined_and_checked() {
    let compose = read("deploy/compose.yaml");
    for name in ["anteroom", "postgres", "valkey"] {
        let service = service(&compose, name);
        for wanted in [
            "    user: ",
            "    read_only: true\n",
            "    cap_drop: [ALL]\n",
            "no-new-privileges:true",
            "    healthcheck:\n",
            "    secrets: [",
        ] {
            assert!(service.contains(wanted), "{name} lacks {wanted:?}");
        }
        assert!(!service.contains("    user: root") && !service.contains("privileged"), "{name}");
    }
    // Only the server is reachable, and only from this machine.
    assert_eq!(compose.matches("    ports: ").count(), 1);
    assert!(compose.contains("    ports: [\"127.0.0.1:8080:8080\"]\n"));
    // Each secret that a service asks for is declared, and the comment at the top creates it.
    let (head, body) = compose.split_once("\nservices:\n").unwrap();
    let (services, declared) = body.split_once("\nsecrets:\n").unwrap();
    let asked = services.lines().filter_map(|line| line.trim().strip_prefix("secrets: ["));
    let asked: BTreeSet<&str> =
        asked.flat_map(|list| list.trim_end_matches(']').split(", ")).collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    for secret in asked {
        assert!(declared.contains(&format!("  {secret}: {{ file: ./secrets/{secret} }}\n")));
        assert!(head.contains(&format!("> secrets/{secret}\n")), "nothing creates {secret}");
    }
}

#[test]
fn the_image_runs_without_root_and_checks_itself() {
    let dockerfile = read("Dockerfile");
    let (build, image) = dockerfile.split_once("\nFROM scratch\n").unwrap();
    assert!(build.contains("\nRUN scripts/image-root /image\n"));
    for line in [
        "USER 65532:65532",
        "VOLUME /data",
        "    CMD [\"/usr/bin/anteroom\", \"healthcheck\"]",
        "ENTRYPOINT [\"/usr/bin/anteroom\"]",
    ] {
        assert!(image.lines().any(|known| known == line), "the image lacks {line}");
    }
    assert!(!image.contains("\nRUN "), "there is no shell in the image");
}

#[test]
fn files_that_the_debian_package_takes_exist() {
    let manifest = read("Cargo.toml");
    let (_, deb) = manifest.split_once("\n[package.metadata.deb]\n").unwrap();
    let deb = deb.split("\n[").next().unwrap();
    let assets: Vec<&str> =
        deb.lines().filter_map(|line| line.strip_prefix("    [\"")?.split('"').next()).collect();
    assert!(assets.len() >= 5, "{assets:?}");
    for asset in assets.into_iter().filter(|asset| !asset.starts_with("target/")) {
        assert!(root().join(asset).is_file(), "{asset}");
    }
    assert!(deb.contains("[\"deploy/debian/anteroom.env\", \"etc/anteroom/\", \"600\"]"));
    for script in ["postinst", "postrm"] {
        let text = read(&format!("deploy/debian/{script}"));
        assert!(text.starts_with("#!/bin/sh\nset -e\n") && text.contains("\n#DEBHELPER#\n"));
    }
    let unit = read("deploy/anteroom.service");
    // scripts/package-deb replaces these two lines.
    for line in ["ExecStart=/usr/local/bin/anteroom serve", "DynamicUser=yes"] {
        assert_eq!(unit.lines().filter(|known| *known == line).count(), 1, "{line}");
    }
}

/// Every query of a dashboard.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "expr" || name == "query" => {
                        found.push(text.clone());
                    }
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_dashboard_exists_and_none_is_left_out() {
    let app = TestApp::start_with(Kind::Memory, counted).await;
    app.signed_in_as("ada@example.org", Role::User, false).await;
    let published = text_of(&app.anteroom).await;
    let families: BTreeSet<(&str, &str)> = published
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let mut series = BTreeSet::new();
    for (name, kind) in &families {
        let endings: &[&str] = match *kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        series.extend(endings.iter().map(|ending| format!("{name}{ending}")));
    }
    assert!(series.len() > 20, "{published}");

    let dashboard: Value = serde_json::from_str(&read("deploy/grafana-dashboard.json")).unwrap();
    let mut asked = Vec::new();
    queries(&dashboard, &mut asked);
    let asked = asked.join("\n");
    let mut shown = names(&asked, "anteroom_");
    shown.extend(names(&asked, "process_"));
    let unknown: Vec<_> = shown.difference(&series).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for (name, _) in families {
        let is_shown = shown.iter().any(|known| known.starts_with(name));
        assert!(is_shown, "deploy/grafana-dashboard.json does not show {name}");
    }
}

#[test]
fn every_action_of_a_workflow_is_pinned_to_a_commit() {
    let mut pinned = 0;
    for (name, text) in files(".github/workflows", ".yml") {
        for line in text.lines().filter(|line| line.contains("uses: ")) {
            let (_, version) = line.split_once('@').unwrap_or_else(|| panic!("{name}: {line}"));
            let commit = version.split(' ').next().unwrap();
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit, "{name}: {line}");
            pinned += 1;
        }
        assert!(text.contains("permissions:\n  contents: read\n"), "{name} may write by default");
    }
    assert!(pinned >= 5, "only {pinned} actions were found");
}
