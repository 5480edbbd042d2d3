//! Rules about the code itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which room may import which. `cli` and `anteroom` put the others together and may import all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("entropy", &["clock"]),
    ("failure", &["entropy"]),
    ("telemetry", &[]),
    ("throttle", &["clock"]),
    ("accounts", &["clock", "entropy", "failure"]),
    ("sessions", &["accounts", "clock", "entropy", "failure"]),
    ("flows", &["accounts", "sessions", "failure"]),
    ("store", &["accounts", "sessions", "clock", "failure"]),
    ("http", &["accounts", "sessions", "flows", "clock", "entropy", "failure", "throttle"]),
    ("config", &["sessions", "http", "telemetry"]),
    ("fuzzing", &["accounts", "config", "http", "sessions"]),
    ("cli", &["*"]),
    ("anteroom", &["accounts", "sessions", "store", "http", "clock", "entropy", "failure"]),
    ("main", &[]),
    ("lib", &[]),
];

/// Where a library may be named, as beginnings of paths under `src`.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store/"]),
    ("axum", &["http/", "anteroom.rs", "lib.rs"]),
    ("hyper", &["http/"]),
    ("tower_sessions", &["http/tower_session.rs", "lib.rs"]),
    ("argon2", &["accounts/"]),
    ("governor", &["throttle.rs"]),
    ("clap", &["cli/"]),
];

const LONGEST_FILE: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder that ends in `ending`, by its path from that folder.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root().join(folder)).unwrap();
                found.push((
                    name.to_string_lossy().into_owned(),
                    fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no {ending} below {folder}");
    found
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

/// The room of a file: its first folder, or its own name.
fn room_of(name: &str) -> &str {
    name.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The code of a file, without comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn rooms_imported(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let words: String = match after.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap().to_owned(),
            None => after.to_owned(),
        };
        let listed = after.starts_with('{');
        for word in words.split(',') {
            let word = word.trim();
            let room: String =
                word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if room.chars().next().is_some_and(char::is_lowercase) {
                rooms.insert(room);
            }
            if !listed {
                break;
            }
        }
    }
    rooms
}

#[test]
fn import_arrows_point_one_way() {
    for (name, text) in files("src", ".rs").into_iter().filter(|(name, _)| !is_test(name)) {
        let room = room_of(&name);
        let allowed = MAY_IMPORT.iter().find(|(known, _)| *known == room);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name}: what may `{room}` import?"));
        for imported in rooms_imported(&code(&text)) {
            let known = imported == room || allowed.contains(&"*") || allowed.contains(&&*imported);
            assert!(known, "src/{name} may not import `{imported}`");
        }
    }
}

#[test]
fn a_library_is_named_only_in_the_room_that_hides_it() {
    for (name, text) in files("src", ".rs").into_iter().filter(|(name, _)| !is_test(name)) {
        let code = code(&text);
        for (library, places) in NAMED_ONLY_IN {
            let named =
                code.contains(&format!("{library}::")) || code.contains(&format!("use {library};"));
            let allowed = places.iter().any(|place| name.starts_with(place));
            assert!(!named || allowed, "src/{name} names `{library}`");
        }
    }
}

#[test]
fn no_flow_calls_another() {
    let flows = ["Check", "Login", "Signup", "Reauthenticate", "ChangePassword", "RevokeSessions"];
    for (name, text) in files("src/flows", ".rs").into_iter().filter(|(name, _)| name != "mod.rs") {
        for flow in flows {
            let own = text.contains(&format!("pub struct {flow} "));
            let names = code(&text).contains(&format!("{flow}::new"));
            assert!(own || !names, "src/flows/{name} calls {flow}");
        }
    }
}

#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    for (name, text) in files("src", ".rs").into_iter().filter(|(name, _)| !is_test(name)) {
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE || name == "http/router.rs", "src/{name}: {lines} lines");
    }
}

#[test]
fn no_name_says_nothing() {
    for (name, _) in files("src", ".rs").into_iter().chain(files("tests", ".rs")) {
        for word in ["util", "helper", "common", "misc", "manager"] {
            assert!(!name.contains(word), "{name} could hold anything");
        }
    }
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    // Written apart, so that this file does not find itself.
    let marks =
        [["FIX", "ME"], ["XX", "X"], ["todo", "!("], ["unimpl", "emented!("], ["#[ig", "nore"]];
    for (name, text) in files("src", ".rs").into_iter().chain(files("tests", ".rs")) {
        for mark in marks {
            let in_the_example_of_a_doc_test = name.ends_with("conformance/mod.rs");
            let found = code(&text).contains(&mark.concat());
            assert!(!found || in_the_example_of_a_doc_test, "{name} has {}", mark.concat());
        }
        assert!(!text.contains(&["#[al", "low("].concat()), "{name}: write #[expect(…, reason)]");
    }
}

#[test]
fn every_migration_says_when_and_what() {
    for (name, text) in files("migrations", ".sql") {
        let (when, what) = name.split_once('_').unwrap();
        assert!(when.len() == 14 && when.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
        assert!(what.split('_').count() >= 2, "{name}: a verb and an object");
        assert!(text.starts_with("-- "), "{name} begins with what it is for");
    }
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut checked = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let beginnings = ["src/", "tests/", "migrations/", "docs/", "examples/", "scripts/"];
        if beginnings.iter().any(|beginning| quoted.starts_with(beginning)) {
            let path: PathBuf = root().join(quoted);
            assert!(path.exists(), "ARCHITECTURE.md names {quoted}");
            checked += 1;
        }
    }
    assert!(checked >= 12, "only {checked} paths were found: has the way to quote them changed?");
}

#[test]
fn every_room_is_in_the_architecture() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (name, _) in files("src", ".rs") {
        let room = name.split('/').next().unwrap();
        assert!(text.contains(&format!("src/{room}")), "ARCHITECTURE.md does not name src/{room}");
    }
}
