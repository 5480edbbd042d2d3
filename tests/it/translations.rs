//! A Korean document has the commands, outputs, figures and links of its English counterpart.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::house_rules::{files, root};
use crate::links::{lines, targets};

/// Each English document that has a Korean counterpart, and the counterpart.
const PAIRS: &[(&str, &str)] = &[
    ("README.md", "README.ko.md"),
    ("docs/introduction.md", "docs/ko/introduction.md"),
    ("docs/quick-start.md", "docs/ko/quick-start.md"),
    ("docs/how-it-works/sessions-and-tokens.md", "docs/ko/sessions-and-tokens.md"),
];

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The lines of code blocks, each fence included, without comments.
fn code(text: &str) -> Vec<&str> {
    let prose: BTreeSet<usize> = lines(text).map(|(n, _)| n).collect();
    let code = text.lines().enumerate().filter(|(n, _)| !prose.contains(n));
    code.map(|(_, line)| line.split(" # ").next().unwrap().trim_end()).collect()
}

/// The headings, table rows, list items and pictures, in their order.
fn shape(text: &str) -> Vec<String> {
    let kind = |line: &str| match line.split(' ').next().unwrap() {
        heading if heading.starts_with('#') => Some(heading.to_owned()),
        "|" => Some(format!("row of {}", line.matches('|').count())),
        "-" => Some("item".to_owned()),
        picture if picture.starts_with("![") => Some("picture".to_owned()),
        _ => None,
    };
    lines(text).filter_map(|(_, line)| kind(line)).collect()
}

/// The code spans outside of code blocks.
fn spans(text: &str) -> BTreeSet<&str> {
    lines(text).flat_map(|(_, line)| line.split('`').skip(1).step_by(2)).collect()
}

/// The numbers of a line in digits, in ascending order of their text.
fn figures(line: &str) -> Vec<&str> {
    let numbers = line.split(|c: char| !c.is_ascii_digit() && !['.', ','].contains(&c));
    let mut numbers: Vec<_> = numbers.map(|number| number.trim_matches(['.', ','])).collect();
    numbers.retain(|number| !number.is_empty());
    numbers.sort_unstable();
    numbers
}

/// The numbers of each row of a table.
fn figures_of_rows(text: &str) -> Vec<Vec<&str>> {
    lines(text).filter(|(_, line)| line.starts_with('|')).map(|(_, line)| figures(line)).collect()
}

/// The numbers of an English text that are missing in the Korean one. Korean may have more of
/// them, since it writes some in digits that are words in English.
fn missing_figures<'a>(english: &'a str, korean: &str) -> Vec<&'a str> {
    let figures_of = |text: &'a str| lines(text).flat_map(|(_, line)| figures(line));
    let mut left: Vec<_> = lines(korean).flat_map(|(_, line)| figures(line)).collect();
    let mut is_missing = |figure: &&str| match left.iter().position(|other| other == figure) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    figures_of(english).filter(|figure| is_missing(figure)).collect()
}

/// The targets of the links of a document: addresses as they are, files from the root.
fn links(name: &str) -> BTreeSet<String> {
    let folder = Path::new(name).parent().unwrap();
    let text = read(name);
    let targets = lines(&text).flat_map(|(_, line)| targets(line));
    targets
        .map(|target| {
            if target.contains("://") {
                return target;
            }
            let mut path = PathBuf::new();
            for part in folder.join(&target).components() {
                if part == Component::ParentDir {
                    path.pop();
                } else {
                    path.push(part);
                }
            }
            path.to_string_lossy().into_owned()
        })
        .collect()
}

#[test]
fn korean_documents_have_the_code_and_figures_of_the_english_ones() {
    for (english_name, korean_name) in PAIRS {
        let (english, korean) = (read(english_name), read(korean_name));
        assert_eq!(code(&korean), code(&english), "code blocks of {korean_name}");
        assert_eq!(shape(&korean), shape(&english), "headings, rows and items of {korean_name}");
        assert_eq!(spans(&korean), spans(&english), "code spans of {korean_name}");
        assert_eq!(figures_of_rows(&korean), figures_of_rows(&english), "tables of {korean_name}");
        let missing = missing_figures(&english, &korean);
        assert!(missing.is_empty(), "{korean_name} lacks {missing:?}");
    }
}

#[test]
fn korean_documents_link_where_the_english_ones_do_and_to_each_other() {
    for (english_name, korean_name) in PAIRS {
        let (mut english, mut korean) = (links(english_name), links(korean_name));
        assert!(english.remove(*korean_name), "{english_name} has no link to {korean_name}");
        assert!(korean.remove(*english_name), "{korean_name} has no link to {english_name}");
        // Among Korean documents, a reader stays in Korean.
        let counterpart = |name: String| match PAIRS.iter().find(|(known, _)| *known == name) {
            Some((_, korean)) => (*korean).to_owned(),
            None => name,
        };
        let english: BTreeSet<_> = english.into_iter().map(counterpart).collect();
        let introduction = "docs/ko/introduction.md";
        if *korean_name == "README.ko.md" {
            assert!(korean.remove(introduction), "README.ko.md lists the Korean documents");
        }
        assert_eq!(korean, english, "links of {korean_name}");
    }
}

#[test]
fn every_korean_document_has_a_counterpart_and_is_in_the_summary() {
    let summary = links("docs/SUMMARY.md");
    for (name, _) in files("docs/ko", ".md") {
        let name = format!("docs/ko/{name}");
        assert!(PAIRS.iter().any(|(_, korean)| *korean == name), "{name} has no counterpart");
        assert!(summary.contains(&name), "docs/SUMMARY.md does not list {name}");
    }
}

#[test]
fn differences_of_translations_are_found() {
    let english = "# Head\n\n`a` takes 1,234 ns (EdDSA 1.18).\n- 2\n\n```sh\nrun    # now\n```\n";
    let korean = "# 제목\n\n`a`는 1,234 ns(EdDSA 1.18).\n- 2\n\n```sh\nrun    # 지금\n```\n";
    assert_eq!(code(korean), ["```sh", "run", "```"]);
    assert_eq!(code(korean), code(english));
    assert_eq!(shape(korean), ["#", "item"]);
    assert_eq!(spans(korean), BTreeSet::from(["a"]));
    assert!(missing_figures(english, korean).is_empty());
    assert_eq!(missing_figures(english, &korean.replace("1.18", "1.81")), ["1.18"]);
    assert_ne!(code(&korean.replace("run", "walk")), code(english));
    assert_eq!(figures_of_rows("| 0.98, 1.02 | HS256 |\n"), [["0.98", "1.02", "256"]]);
}
