//! Relative links and anchors of the documents lead somewhere.

use std::fs;
use std::path::Path;

use crate::house_rules::{files, root};

/// The documents at the root and below `docs`, by path.
pub fn documents() -> Vec<(String, String)> {
    let at_root = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name());
    let at_root = at_root.filter_map(|name| name.into_string().ok());
    let at_root = at_root.filter(|name| Path::new(name).extension().is_some_and(|e| e == "md"));
    let mut found: Vec<_> = at_root
        .map(|name| (name.clone(), fs::read_to_string(root().join(&name)).unwrap()))
        .collect();
    let below = files("docs", ".md").into_iter();
    found.extend(below.map(|(name, text)| (format!("docs/{name}"), text)));
    found
}

/// The lines outside of code blocks.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !is_fence && !in_block
    })
}

/// The targets of the links of a line outside of code spans.
pub fn targets(line: &str) -> Vec<String> {
    let plain: String = line.split('`').step_by(2).collect();
    let after = plain.split("](").skip(1);
    after.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The anchors that GitHub and mdBook give to the headings of a text.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for heading in lines(text).filter_map(|(_, line)| line.strip_prefix('#')) {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let is_kept = |c: &char| c.is_alphanumeric() || ['-', '_'].contains(c);
        let anchor: String = heading.chars().filter(is_kept).collect();
        let is_numbered = |n: usize| if n == 0 { anchor.clone() } else { format!("{anchor}-{n}") };
        let free = (0..=found.len()).map(is_numbered).find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}

/// Why a link of the document leads nowhere.
fn fault(document: &str, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let document = root().join(document);
    let file = if path.is_empty() {
        document.clone()
    } else {
        document.parent().unwrap_or(Path::new("")).join(path)
    };
    if !file.exists() {
        return Some("no such file");
    }
    let book = root().join("docs");
    if document.starts_with(&book) && !file.canonicalize().unwrap().starts_with(&book) {
        return Some("not in the book");
    }
    if anchor.is_empty() || file.extension().is_none_or(|end| end != "md") {
        return None;
    }
    let text = fs::read_to_string(file).unwrap();
    (!anchors(&text).iter().any(|one| one == anchor)).then_some("no such heading")
}

#[test]
fn links_of_documents_lead_to_files_and_headings() {
    let mut faults = Vec::new();
    let mut checked = 0;
    for (name, text) in documents() {
        for (n, line) in lines(&text) {
            for target in targets(line) {
                checked += 1;
                if let Some(fault) = fault(&name, &target) {
                    faults.push(format!("{name}:{}: {target}: {fault}", n + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(checked > 50, "only {checked} links were found");
}

#[test]
fn the_book_lists_every_page() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let listed: Vec<String> = summary.lines().flat_map(targets).collect();
    for (name, _) in files("docs", ".md").into_iter().filter(|(name, _)| name != "SUMMARY.md") {
        assert!(listed.contains(&name), "docs/SUMMARY.md does not list {name}");
    }
}

#[test]
fn broken_links_are_found() {
    assert_eq!(fault("README.md", "#no-such-heading"), Some("no such heading"));
    assert_eq!(fault("README.md", "docs/no-such-file.md"), Some("no such file"));
    assert_eq!(fault("docs/deploy/redis.md", "../glossary.md#sessions"), None);
    assert_eq!(fault("docs/glossary.md", "../SECURITY.md"), Some("not in the book"));
    assert_eq!(anchors("# A b: c\n## A b: c\n```\n# no\n```\n"), ["a-b-c", "a-b-c-1"]);
    assert_eq!(targets("[a](b.md) `[c](d)` [e](#f)"), ["b.md", "#f"]);
}
