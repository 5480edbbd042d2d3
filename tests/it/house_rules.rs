//! Rules about the code itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which room may import which. `cli` and `app` put the others together and may import all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("entropy", &["clock"]),
    ("failure", &["entropy"]),
    ("outbound", &[]),
    ("queue", &["failure"]),
    ("sealing", &["entropy"]),
    ("telemetry", &["outbound"]),
    ("text", &[]),
    ("duration", &[]),
    ("rules", &["accounts", "duration"]),
    ("metrics", &["clock"]),
    ("detached", &["failure", "telemetry"]),
    ("throttle", &["clock", "detached", "failure"]),
    (
        "accounts",
        &["clock", "detached", "entropy", "failure", "metrics", "telemetry", "text", "throttle"],
    ),
    ("sessions", &["accounts", "clock", "entropy", "failure", "text"]),
    ("tokens", &["accounts", "clock", "entropy", "failure", "sessions"]),
    ("audit", &["accounts", "sessions", "clock", "entropy", "failure", "throttle"]),
    ("webhook", &["audit", "clock", "entropy", "failure", "metrics", "outbound", "queue"]),
    (
        "mail",
        &[
            "accounts",
            "audit",
            "clock",
            "entropy",
            "failure",
            "metrics",
            "outbound",
            "queue",
            "telemetry",
        ],
    ),
    (
        "use_cases",
        &[
            "accounts", "sessions", "audit", "detached", "entropy", "failure", "mail", "metrics",
            "throttle", "tokens",
        ],
    ),
    ("network", &["sessions"]),
    ("server", &["network", "throttle"]),
    (
        "store",
        &[
            "accounts",
            "sessions",
            "audit",
            "clock",
            "entropy",
            "failure",
            "mail",
            "metrics",
            "sealing",
            "telemetry",
            "text",
            "throttle",
            "tokens",
            "webhook",
        ],
    ),
    (
        "http",
        &[
            "accounts",
            "sessions",
            "audit",
            "use_cases",
            "clock",
            "detached",
            "entropy",
            "failure",
            "mail",
            "metrics",
            "network",
            "rules",
            "server",
            "telemetry",
            "text",
            "throttle",
            "tokens",
            "webhook",
        ],
    ),
    (
        "config",
        &[
            "accounts",
            "audit",
            "sessions",
            "duration",
            "http",
            "mail",
            "network",
            "outbound",
            "rules",
            "store",
            "telemetry",
            "throttle",
            "webhook",
        ],
    ),
    ("fuzzing", &["accounts", "config", "http", "rules", "sessions", "tokens"]),
    ("testing", &["accounts", "clock", "failure", "sessions"]),
    ("cli", &["*"]),
    (
        "app",
        &[
            "accounts",
            "sessions",
            "audit",
            "use_cases",
            "config",
            "store",
            "http",
            "clock",
            "detached",
            "entropy",
            "failure",
            "mail",
            "metrics",
            "network",
            "sealing",
            "telemetry",
            "throttle",
            "tokens",
            "webhook",
        ],
    ),
    ("main", &[]),
    ("lib", &[]),
];

/// Where a library may be named, as beginnings of paths under `src`.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store/"]),
    ("redis", &["store/redis/", "store/mod.rs"]),
    ("axum", &["http/", "network.rs", "server/", "app/", "lib.rs"]),
    ("hyper", &["http/", "outbound/", "server/", "telemetry/traces/", "webhook/post.rs"]),
    ("lettre", &["mail/"]),
    ("opentelemetry", &["telemetry/"]),
    ("tokio_rustls", &["outbound/"]),
    ("tower_sessions", &["http/session/data_store.rs", "lib.rs"]),
    ("tokio_util", &["detached.rs"]),
    ("argon2", &["accounts/"]),
    ("bcrypt", &["accounts/hashing/"]),
    ("scrypt", &["accounts/hashing/"]),
    ("sha_crypt", &["accounts/hashing/"]),
    ("clap", &["cli/"]),
    ("qrcode", &["http/endpoints/factors/"]),
    ("toml", &["rules/"]),
    ("webauthn_rs_core", &["accounts/factors/passkey/relying_party.rs"]),
    (
        "rustix",
        &[
            "accounts/hashing/workers.rs",
            "cli/open_files.rs",
            "cli/signals.rs",
            "clock.rs",
            "store/sql/sqlite/disk_space.rs",
        ],
    ),
    ("prometheus_client", &["metrics/"]),
    ("hashbrown", &["sessions/cache/", "store/memory/"]),
];

const LONGEST_FILE: usize = 400;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder that ends in `ending`, by its path from that folder.
pub fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
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

pub fn is_test(name: &str) -> bool {
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
fn no_use_case_calls_another() {
    let use_cases = [
        "Check",
        "Login",
        "Logout",
        "Signup",
        "Reauthenticate",
        "ChangePassword",
        "RevokeSessions",
        "SecondFactor",
        "OwnFactors",
        "PasskeySignIn",
    ];
    for (name, text) in
        files("src/use_cases", ".rs").into_iter().filter(|(name, _)| name != "mod.rs")
    {
        for use_case in use_cases {
            let own = text.contains(&format!("pub struct {use_case} "));
            let names = code(&text).contains(&format!("{use_case}::new"));
            assert!(own || !names, "src/use_cases/{name} calls {use_case}");
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
        let beginnings =
            ["src/", "tests/", "migrations/", "deploy/", "docs/", "examples/", "scripts/"];
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

#[test]
fn ops_6_dependencies_are_pinned_and_checked() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    assert!(read("Cargo.lock").contains("name = \"anteroom\""));
    assert!(!read(".gitignore").contains("Cargo.lock"), "the lock file is not committed");
    let (manifest, rules) = (read("Cargo.toml"), read("deny.toml"));
    assert!(!manifest.contains("git = ") && !manifest.contains("= \"*\""));
    for rule in [
        "unknown-registry = \"deny\"",
        "unknown-git = \"deny\"",
        "yanked = \"deny\"",
        "wildcards = \"deny\"",
    ] {
        assert!(rules.contains(rule), "deny.toml lacks {rule}");
    }
    // An advisory that does not concern this program is ignored with the date and the reason.
    let lines: Vec<&str> = rules.lines().map(str::trim).collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains("RUSTSEC-")) {
        assert!(pair[0].starts_with("# 20"), "deny.toml ignores {} without a reason", pair[1]);
    }
    assert!(read("scripts/deny").contains("cargo deny check advisories"));
    let jobs = read(".github/workflows/ci.yml");
    assert!(jobs.contains("scripts/deny") && jobs.contains("cron:"));
    assert!(read(".ci/run").contains("--locked"));
    let security = read("SECURITY.md");
    assert!(security.contains("3 working days") && security.contains("90 days"));
}

#[test]
fn ops_6_no_library_is_of_a_version_with_a_fault_that_we_know_of() {
    // From this version on each is free of the fault.
    let mended = [
        ("axum-core", [0, 2, 8]),     // RUSTSEC-2022-0055: no limit on bodies
        ("bcrypt", [0, 19, 2]),       // RUSTSEC-2026-0199: panics on an odd hash
        ("h2", [0, 4, 16]),           // RUSTSEC-2024-0003, 2024-0332, 2026-0258: floods
        ("hyper", [0, 14, 10]),       // RUSTSEC-2021-0078, 2021-0079: lenient framing
        ("jsonwebtoken", [10, 3, 0]), // CVE-2026-25537: a claim of the wrong type is absent
        ("sqlx", [0, 8, 1]),          // RUSTSEC-2024-0363: lengths cut off
        ("totp-rs", [1, 1, 0]),       // RUSTSEC-2022-0018: comparison tells by its time
    ];
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut found = 0;
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim_matches('"').to_owned()
        };
        let name = value("name = ");
        let Some((_, least)) = mended.iter().find(|(known, _)| *known == name) else { continue };
        let version: Vec<u32> = value("version = ")
            .split(['.', '-', '+'])
            .take(3)
            .map(|part| part.parse().unwrap())
            .collect();
        assert!(version.as_slice() >= least.as_slice(), "{name} {version:?} is older than mended");
        found += 1;
    }
    assert!(found >= 4, "the lock file was not read");
}

#[test]
fn ops_8_no_code_is_unsafe_and_no_secret_prints_itself() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nunsafe_code = \"forbid\"\n"));
    assert!(!manifest.contains("\n[workspace]"), "another package may need the same line");
    let secrets = ["Password", "PasswordHash", "Token", "TokenDigest", "SetupLink", "Email"];
    let mut shown_by_hand = BTreeSet::new();
    for (name, text) in files("src", ".rs").into_iter().filter(|(name, _)| !is_test(name)) {
        for secret in secrets {
            if text.contains(&format!("impl fmt::Debug for {secret} {{")) {
                shown_by_hand.insert(secret);
            }
            for kind in ["struct", "enum"] {
                let Some(at) = text.find(&format!("pub {kind} {secret}(")) else { continue };
                let derives = text[..at].rsplit("#[derive(").next().unwrap();
                assert!(!derives.split(']').next().unwrap().contains("Debug"), "{name}: {secret}");
            }
        }
    }
    assert_eq!(shown_by_hand, BTreeSet::from(secrets));
}

#[test]
fn inj_1_every_statement_is_written_out_beforehand() {
    for (name, text) in files("src", ".rs").into_iter().filter(|(name, _)| !is_test(name)) {
        let code = code(&text);
        // The driver takes fixed text only, but for these ways around it.
        for way in ["AssertSqlSafe", "raw_sql", "SqlStr::from"] {
            assert!(!code.contains(way), "src/{name} makes a statement of text: {way}");
        }
        for built in code.split(".push(").skip(1).filter(|_| code.contains("QueryBuilder")) {
            assert!(built.trim_start().starts_with('"'), "src/{name} pushes what is no fixed text");
        }
    }
}

/// Names that two public types have: each in the module of its subject. Never add one.
const SHARED_NAMES: &[&str] = &["Change", "Code", "Limit", "Signup"];

/// The type that a line declares for other modules.
fn declared_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
    let kinds = ["struct ", "enum ", "trait ", "type "];
    let rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric()).next().filter(|name| !name.is_empty())
}

#[test]
fn a_name_of_a_public_type_has_one_meaning() {
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in files("src", ".rs").into_iter().filter(|(name, _)| !is_test(name)) {
        if matches!(room_of(&name), "fuzzing" | "testing") {
            continue;
        }
        for declared in text.lines().filter_map(declared_type) {
            homes.entry(declared.to_owned()).or_default().insert(name.clone());
        }
    }
    assert!(homes.len() > 400, "only {} types were found", homes.len());
    homes.retain(|_, homes| homes.len() > 1);
    let shared: Vec<&str> = homes.keys().map(String::as_str).collect();
    assert_eq!(shared, SHARED_NAMES, "{homes:#?}");
}
