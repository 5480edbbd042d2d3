//! The commands of the documents, run in the order of each page beside a server of its own: they
//! succeed, and print what the page shows. A block that no test can run is marked `excerpt`.

use std::any::Any;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::harness::application::Application;
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::left_out::program;
use crate::harness::loopback::free_address;
use crate::harness::program::Program;
use crate::harness::server::{Place, Server};
use crate::links::documents;

/// Printed after each command, with its exit code.
const MARK: char = '\u{1e}';

/// Pages that go on from another page or a browser, and the commands that were run there.
const BEFORE: &[(&str, &str)] = &[
    ("docs/protect/caddy.md", SIGN_UP),
    ("docs/protect/haproxy.md", SIGN_UP),
    ("docs/protect/traefik.md", SIGN_UP),
    ("docs/integrate/revocation-feed.md", TWO_USERS),
    ("docs/tokens.md", TWO_USERS),
    ("docs/single-sign-on.md", TWO_USERS),
    ("docs/operate/import.md", "echo email > users.csv; echo ada@example.org >> users.csv"),
];
const SIGN_UP: &str = "curl -s https://app.example.org/signup -d email=ada@example.org \
                       --data-urlencode 'password=velvet otter hums at nine'";
const TWO_USERS: &str = "
    echo 'velvet otter hums at nine' | anteroom user add ada@example.org --password-stdin
    echo 'copper lantern walks uphill slowly' |
        anteroom user add grace@example.org --admin --password-stdin";

/// A command with its output, or a whole block of commands without.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    line: usize,
    command: String,
    output: String,
}

/// The blocks of a page, each with the number of its first line, its type and its text.
fn blocks(page: &str) -> Vec<(usize, &str, String)> {
    let mut found: Vec<(usize, &str, String)> = Vec::new();
    let mut indent = None;
    for (n, line) in page.lines().enumerate() {
        match (indent, line.trim_start().strip_prefix("```")) {
            (None, Some(kind)) => {
                indent = Some(line.len() - line.trim_start().len());
                found.push((n + 2, kind, String::new()));
            }
            (Some(_), Some(_)) => indent = None,
            (Some(indent), None) => {
                let (_, _, text) = found.last_mut().unwrap();
                text.push_str(line.get(indent..).unwrap_or_default());
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// The commands of a page that can be run.
fn examples(name: &str, page: &str) -> Vec<Example> {
    let mut found = Vec::new();
    for (first, kind, text) in blocks(page) {
        match kind {
            "sh" => found.push(Example { line: first, command: text, output: String::new() }),
            "console" => {
                assert!(text.starts_with("$ "), "{name}:{first}: no command");
                for (n, line) in text.lines().enumerate() {
                    if let Some(command) = line.strip_prefix("$ ") {
                        let (line, command) = (first + n, command.to_owned());
                        found.push(Example { line, command, output: String::new() });
                    } else if let Some(example) = found.last_mut() {
                        example.output.push_str(line);
                        example.output.push('\n');
                    }
                }
            }
            "sh,excerpt" | "console,excerpt" => {}
            _ => {
                let is_shell = ["sh", "console", "bash", "shell"].iter().any(|k| kind.contains(k));
                assert!(!is_shell, "{name}:{first}: write sh or console, and `,excerpt` after it");
            }
        }
    }
    found
}

/// The first block of this type.
fn block(page: &str, kind: &str) -> String {
    blocks(page).into_iter().find(|(_, other, _)| *other == kind).unwrap().2
}

/// A text with the name of its kind in the place of each id, time, token and cursor.
fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ['-', '_', ':'].contains(&c);
    let mut masked = String::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        let is_cursor = || word.ends_with("__") && !word.contains(char::is_alphabetic);
        masked.push_str(match word {
            "" => &rest[..rest.chars().next().unwrap().len_utf8()],
            _ if word.len() == 36 && Uuid::parse_str(word).is_ok() => "<id>",
            _ if OffsetDateTime::parse(word, &Rfc3339).is_ok() => "<time>",
            _ if word.len() == 43 => "<token>",
            _ if is_cursor() => "<cursor>",
            _ => word,
        });
        rest = &rest[word.len().max(rest.chars().next().unwrap().len_utf8())..];
    }
    masked.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Whether a command printed what is shown, in which `…` stands for anything.
fn is_shown(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (masked(shown), masked(printed));
    let parts: Vec<&str> = shown.split('…').collect();
    let [first, between @ .., last] = parts.as_slice() else { return shown == printed };
    let middle = printed.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let skip = |rest: &str, part: &&str| rest.find(*part).map(|at| at + part.len());
    middle.is_some_and(|middle| {
        let end = between.iter().try_fold(0, |at, part| Some(at + skip(&middle[at..], part)?));
        end.is_some()
    })
}

/// What the commands of a page need: a server, and the programs that the page puts beside it.
struct Stage {
    server: Server,
    /// An address in the commands, and where a test has it.
    way: (&'static str, SocketAddr),
    _beside: Vec<Box<dyn Any>>,
}

impl Stage {
    /// `None` where a program is missing, which has been said then.
    fn start(name: &str, page: &str) -> Option<Self> {
        let proxy = match name {
            "docs/protect/caddy.md" => Some(Proxy::Caddy),
            "docs/protect/haproxy.md" => Some(Proxy::Haproxy),
            "docs/protect/traefik.md" => Some(Proxy::Traefik),
            _ => None,
        };
        let place = Place::new();
        match proxy {
            Some(proxy) => Self::behind(proxy, &place.with_file(".env", &block(page, "ini"))),
            None if name == "docs/protect/nginx.md" => Self::with_nginx(&place, page),
            None => Some(Self::alone(&place)),
        }
    }

    /// With the server alone, at the address that it has without settings.
    fn alone(place: &Place) -> Self {
        let server = place.serve_at(free_address(), &["--public-url", "http://localhost:8080"]);
        Self { way: ("localhost:8080", server.address()), server, _beside: Vec::new() }
    }

    /// Behind a proxy with its file of `deploy/forward-auth`.
    fn behind(proxy: Proxy, place: &Place) -> Option<Self> {
        let server = place.serve_at(free_address(), &[]);
        let application = Application::start()?;
        let proxy = Balancer::forward_auth(proxy, server.address(), application.address)?;
        let way = ("app.example.org:443", proxy.https);
        Some(Self { server, way, _beside: vec![Box::new(proxy), Box::new(application)] })
    }

    /// Beside nginx with the file that the page tells its reader to write.
    fn with_nginx(place: &Place, page: &str) -> Option<Self> {
        // The commands run in a folder below.
        let database = format!("sqlite:{}/anteroom.db", place.path().display());
        let place = place.clone().with("ANTEROOM_DATABASE", &database);
        let server = place.serve_at(free_address(), &["--public-url", "http://localhost:8000"]);
        let address = free_address();
        let file = block(page, "nginx").replace("127.0.0.1:8000", &address.to_string());
        let file = file.replace("127.0.0.1:8080", &server.address().to_string());
        let folder = server.place.path().join("try");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("nginx.conf"), file).unwrap();
        // One process, with the rights of the test, which alone may read its folder.
        let options = ["-c", "nginx.conf", "-e", "stderr", "-g", "master_process off;", "-p"];
        let what = "the file of the nginx guide";
        let nginx = Program::start("nginx", what, address, |command| {
            command.args(options).arg(&folder);
        })?;
        Some(Self { server, way: ("localhost:8000", address), _beside: vec![Box::new(nginx)] })
    }

    /// Runs commands in one shell, as a reader does, and gives the exit code and output of each.
    fn run<'c>(&self, commands: impl Iterator<Item = &'c str>) -> Vec<(String, String)> {
        let (shown, here) = self.way;
        let settings = format!("insecure\nconnect-to = {shown}:{here}\n");
        let place = self.server.place.clone().with_file(".curlrc", &settings);
        let ours = Path::new(env!("CARGO_BIN_EXE_anteroom"));
        let built = place.path().join("target/release");
        fs::create_dir_all(&built).unwrap();
        symlink(ours, built.join("anteroom")).unwrap();
        let after = format!("\nprintf '{MARK}%s{MARK}' \"$?\"\n");
        let script: String = commands.flat_map(|command| [command, &after]).collect();
        let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap());
        let home = place.path().display().to_string();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("exec 2>&1\n{script}")]);
        let outcome = place.with("PATH", &path).with("HOME", &home).run_by(shell);
        let parts: Vec<&str> = outcome.stdout.split(MARK).collect();
        parts.chunks_exact(2).map(|pair| (pair[1].to_owned(), pair[0].to_owned())).collect()
    }
}

/// Why the commands of a page are not as it shows them. `None` where a program is missing.
fn faults(name: &str, page: &str) -> Option<Vec<String>> {
    let examples = examples(name, page);
    let stage = Stage::start(name, page)?;
    let before = BEFORE.iter().find(|(page, _)| *page == name).map_or(":", |(_, before)| *before);
    let commands = examples.iter().map(|example| example.command.as_str());
    let mut outcomes = stage.run([before].into_iter().chain(commands)).into_iter();
    let prepared = outcomes.next().unwrap_or_default();
    assert_eq!(prepared.0, "0", "{name}: {before}: {}", prepared.1);
    let fault = |Example { line, command, output }: &Example| {
        let (code, printed) = outcomes.next().unwrap_or(("none".into(), "not run".into()));
        let is_right = code == "0" && is_shown(output, &printed);
        (!is_right).then(|| format!("{name}:{line}: {command}: exit code {code}: {printed}"))
    };
    Some(examples.iter().filter_map(fault).collect())
}

#[test]
fn the_commands_of_documents_print_what_is_shown() {
    for needed in ["curl", "jq", "oathtool"] {
        if program(needed, "the commands of documents").is_none() {
            return;
        }
    }
    let pages = documents().into_iter().filter(|(name, page)| !examples(name, page).is_empty());
    let pages: Vec<_> = pages.collect();
    assert!(pages.len() >= 10, "only {} pages with commands were found", pages.len());
    let found: Vec<String> =
        pages.iter().filter_map(|(name, page)| faults(name, page)).flatten().collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn commands_that_print_something_else_are_found() {
    let page = "```console\n$ echo a; echo b\na\nb\n$ echo a\nb\n$ false\n```\n1. x\n   ```sh\n   \
                exit 3\n   ```\n```console,excerpt\n# halt\n```\n";
    let found = faults("a page", page).unwrap();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("a page:5: echo a: exit code 0: a"), "{found:#?}");
    assert!(found[1].starts_with("a page:7: false: exit code 1"), "{found:#?}");
    assert!(found[2].starts_with("a page:11: exit 3\n: exit code none"), "{found:#?}");
}

#[test]
fn only_values_that_change_may_differ() {
    let id = |id: &str| format!("{{ \"id\": \"{id}\", \"at\": \"2026-11-29T05:37:22Z\" }}\n");
    let (one, other) =
        ("01a225ce-d57f-7000-9dc4-0442b35b5111", "01a225ce-d573-7000-9cf5-74cb734255c3");
    assert!(is_shown(&id(one), &id(other)));
    assert!(!is_shown(&id(one), &id("another")));
    assert!(is_shown("\"67_5__\"", "\"-1_67__\"") && !is_shown("67", "68"));
    assert!(is_shown("a … c\n", "a b\nb c") && is_shown("…b…d", "abcd"));
    assert!(!is_shown("a … c", "a b") && !is_shown("…b…d", "abd c"));
}
