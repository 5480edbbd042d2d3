//! Which modules of a folder import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::house_rules::{files, is_test};

/// The circles that remain, by folder. Never add to one: move what both sides need below them.
const CIRCLES: &[(&str, &[&str])] = &[
    (
        "accounts",
        &["change", "directory", "epoch", "factors", "invitation", "password_check", "store"],
    ),
    ("http::endpoints", &["factors", "passkeys", "session"]),
    (
        "sessions",
        &[
            "cache",
            "child",
            "compartment",
            "handover",
            "live",
            "outbox",
            "policy",
            "service",
            "session",
            "store",
            "swept",
        ],
    ),
    (
        "store::sql",
        &[
            "accounts",
            "audit",
            "consents",
            "database",
            "engine",
            "factors",
            "mail",
            "open_error",
            "passkeys",
            "postgres",
            "rows",
            "sealed",
            "sessions",
            "sqlite",
            "throttle",
            "tokens",
            "webhook",
        ],
    ),
];

type Path = Vec<String>;

fn segments(path: &str) -> Path {
    path.split("::").map(|word| word.trim().to_owned()).collect()
}

/// The path of the module in a file; empty for the crate.
fn module_of(file: &str) -> Path {
    let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(file, "lib" | "main") { Path::new() } else { segments(&file.replace('/', "::")) }
}

/// Every path of an import, with its braces opened: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn opened(import: &str) -> Vec<String> {
    let Some((prefix, list)) = import.split_once('{') else {
        return vec![import.split(" as ").next().unwrap().trim().to_owned()];
    };
    let list = list.trim_end().strip_suffix('}').unwrap_or(list);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in list.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| opened(&format!("{}{}", prefix.trim(), part.trim()))).collect()
}

/// The imports of a file, each with whether it is a re-export.
fn imports(text: &str) -> Vec<(bool, String)> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some(start) = statement.rfind("use ") else { continue };
        let is_public = statement[..start].trim_end().rsplit('\n').next().unwrap().contains("pub");
        found.extend(opened(&statement[start + 4..]).into_iter().map(|path| (is_public, path)));
    }
    let paths = code.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':'));
    let inside = |path: &&str| path.starts_with("crate::") || path.starts_with("super::");
    let paths = paths.filter(inside).map(|path| path.trim_end_matches(':'));
    found.extend(paths.map(|path| (false, path.to_owned())));
    found
}

/// A path from the crate, as the module `from` writes it. `None` for that of another crate.
fn absolute(path: &str, from: &[String], modules: &BTreeSet<Path>) -> Option<Path> {
    let path = segments(path);
    let supers = path.iter().take_while(|word| *word == "super").count();
    let base = match path[0].as_str() {
        "crate" => return Some(path[1..].to_vec()),
        "super" => from[..from.len().checked_sub(supers)?].to_vec(),
        "self" => from.to_vec(),
        first => {
            let own = [from, &[first.to_owned()]].concat();
            return modules.contains(&own).then(|| [from, &path[..]].concat());
        }
    };
    Some([base, path[supers.max(1)..].to_vec()].concat())
}

/// Who imports whom within each folder, seen through re-exports.
fn arrows() -> BTreeMap<Path, BTreeSet<(String, String)>> {
    let is_product = |name: &str| !is_test(name) && !name.starts_with("testing/");
    let sources: Vec<_> =
        files("src", ".rs").into_iter().filter(|(name, _)| is_product(name)).collect();
    let modules: BTreeSet<Path> = sources.iter().map(|(name, _)| module_of(name)).collect();
    let (mut reexports, mut all) = (BTreeMap::new(), Vec::new());
    for (name, text) in &sources {
        let from = module_of(name);
        for (is_public, path) in imports(text) {
            let Some(path) = absolute(&path, &from, &modules) else { continue };
            if is_public && let Some(item) = path.last() {
                reexports.insert([&from[..], std::slice::from_ref(item)].concat(), path.clone());
            }
            all.push((from.clone(), path));
        }
    }
    let mut arrows: BTreeMap<Path, BTreeSet<(String, String)>> = BTreeMap::new();
    for (from, mut path) in all {
        for _ in 0..8 {
            let Some(to) = reexports.get(&path).filter(|_| !modules.contains(&path)) else { break };
            path.clone_from(to);
        }
        let Some(to) = (1..=path.len()).rev().find(|n| modules.contains(&path[..*n])) else {
            continue;
        };
        let shared = from.iter().zip(&path[..to]).take_while(|(a, b)| a == b).count();
        if let (Some(one), Some(other)) = (from.get(shared), path[..to].get(shared)) {
            let folder = arrows.entry(from[..shared].to_vec()).or_default();
            folder.insert((one.clone(), other.clone()));
        }
    }
    arrows
}

/// The modules of a folder that reach themselves.
fn in_circles(arrows: &BTreeSet<(String, String)>) -> BTreeSet<&str> {
    let mut reached = arrows.clone();
    loop {
        let further: Vec<_> = reached
            .iter()
            .flat_map(|(a, b)| {
                let next = arrows.iter().filter(move |(from, _)| from == b);
                next.map(move |(_, c)| (a.clone(), c.clone()))
            })
            .filter(|pair| !reached.contains(pair))
            .collect();
        if further.is_empty() {
            break;
        }
        reached.extend(further);
    }
    let names = arrows.iter().map(|(from, _)| from.as_str());
    names.filter(|name| reached.contains(&((*name).to_owned(), (*name).to_owned()))).collect()
}

#[test]
fn modules_of_a_folder_import_each_other_in_one_direction() {
    let arrows = arrows();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 500, "{arrows:?}");

    for (folder, arrows) in &arrows {
        let folder = folder.join("::");
        let known = CIRCLES.iter().filter(|(name, _)| *name == folder);
        let known: BTreeSet<&str> = known.flat_map(|(_, names)| names.iter().copied()).collect();
        let found = in_circles(arrows);
        let is_new = |name: &String| found.contains(&**name) && !known.contains(&**name);
        let new: Vec<_> = arrows.iter().filter(|(a, b)| is_new(a) || is_new(b)).collect();
        assert_eq!(found, known, "in `{folder}`, by {new:?}");
    }
}

#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let opened = opened("super::{a, b::{self, C}, d::E as F}");

    assert_eq!(opened, ["super::a", "super::b::self", "super::b::C", "super::d::E"]);
    let arrows = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")];
    let arrows = arrows.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
    assert_eq!(in_circles(&arrows), BTreeSet::from(["a", "b", "c"]));
}
