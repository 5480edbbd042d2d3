//! Plain words: a list of words that no document, log line, error text or name of a function uses,
//! and a limit on the length of sentences in documents.

use std::fs;

use crate::house_rules::{files, is_test, root};

/// Words and phrases to avoid, each with a plain one.
const DENIED: &[(&str, &str)] = &[
    ("anew", "again"),
    ("befall", "happen to"),
    ("befalls", "happens to"),
    ("befell", "happened to"),
    ("whoever", "name the person or program"),
    ("deed", "operation, request, action"),
    ("deeds", "operations, requests, actions"),
    ("told of", "notified of"),
    ("tell of", "report"),
    ("tells of", "reports"),
    ("of its own", "its own, separate"),
    ("of their own", "their own, separate"),
    ("for ever", "forever, without limit"),
    ("so many", "give the number or name the limit"),
];

/// Words that are plain in prose, but say too little in the name of a function.
const DENIED_IN_NAMES: &[(&str, &str)] = &[
    ("told", "sent, answered, shown, logged"),
    ("desk", "the name of the module"),
    ("house", "the name of the module"),
    ("manners", "rules, format"),
];

/// The most words that nine of ten sentences of a document may have.
const LONG_SENTENCE: usize = 25;

/// A text with the number of its first line.
type Numbered = (usize, String);

/// The documents that people read: the ones at the root and all below `docs`.
fn documents() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in [
        "README.md",
        "README.ko.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        ".env.example",
    ] {
        if let Ok(text) = fs::read_to_string(root().join(name)) {
            found.push((name.to_owned(), text));
        }
    }
    found.extend(
        files("docs", ".md").into_iter().map(|(name, text)| (format!("docs/{name}"), text)),
    );
    found
}

/// A document with code blocks and code spans blanked. Lines keep their numbers, and each span
/// counts as one word.
fn prose(text: &str) -> String {
    let mut in_block = false;
    let lines = text.lines().map(|line| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        if is_fence || in_block { "" } else { line }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut prose = String::new();
    for (n, part) in text.split('`').enumerate() {
        if n % 2 == 0 {
            prose.push_str(part);
        } else {
            prose.push('0');
            prose.extend(part.chars().filter(|c| *c == '\n'));
        }
    }
    prose
}

/// Each denied word of a text, as `line: word (plain word)`.
fn hits(text: &Numbered) -> Vec<String> {
    hits_of(DENIED, text)
}

fn hits_of(list: &[(&str, &str)], (first, text): &Numbered) -> Vec<String> {
    let mut words = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let in_line = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'');
        let in_line = in_line.filter(|word| !word.is_empty());
        words.extend(in_line.map(|word| (first + n, word.to_ascii_lowercase())));
    }
    let mut found = Vec::new();
    for (denied, instead) in list {
        let denied_words: Vec<&str> = denied.split(' ').collect();
        for at in words.windows(denied_words.len()) {
            if at.iter().map(|(_, word)| word.as_str()).eq(denied_words.iter().copied()) {
                found.push(format!("{}: \"{denied}\" (write: {instead})", at[0].0));
            }
        }
    }
    found
}

/// The hits in texts of several files, each with the file before it.
fn hits_in(texts: impl IntoIterator<Item = (String, Vec<Numbered>)>) -> Vec<String> {
    let of_file = |(name, texts): (String, Vec<Numbered>)| {
        let found: Vec<String> = texts.iter().flat_map(hits).collect();
        found.into_iter().map(move |hit| format!("{name}:{hit}"))
    };
    texts.into_iter().flat_map(of_file).collect()
}

/// The string literals between an opening such as `#[error(` and the parenthesis that closes it.
fn literals(code: &str, opening: &str) -> Vec<Numbered> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(opening) {
        let line = code[..at].lines().count().max(1);
        let (mut depth, mut literal) = (1, None::<String>);
        let mut rest = code[at + opening.len()..].chars();
        while let Some(c) = rest.next() {
            match (&mut literal, c) {
                (Some(text), '"') => {
                    found.push((line, std::mem::take(text)));
                    literal = None;
                }
                (Some(text), '\\') => text.extend(rest.next().filter(|c| *c == '\n').map(|_| ' ')),
                (Some(text), _) => text.push(c),
                (None, '"') => literal = Some(String::new()),
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                (None, _) => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// Log lines and error texts of the program, by file.
fn lines_of_the_program() -> Vec<(String, Vec<Numbered>)> {
    let sources = files("src", ".rs").into_iter().filter(|(name, _)| !is_test(name));
    sources
        .map(|(name, code)| {
            let openings = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
            let openings = openings.map(|macro_name| format!("tracing::{macro_name}"));
            let openings = openings.iter().map(String::as_str).chain(["#[error("]);
            let texts = openings.flat_map(|opening| literals(&code, opening)).collect();
            (format!("src/{name}"), texts)
        })
        .collect()
}

/// The names of functions, tests included, with spaces for underscores.
fn names_of_functions(code: &str) -> Vec<Numbered> {
    let names = code.lines().enumerate().filter_map(|(n, line)| {
        let (before, after) = line.split_once("fn ")?;
        let is_item = before.split(' ').all(|word| {
            ["", "async", "const", "pub"].contains(&word)
                || word.starts_with("pub(")
                || word.ends_with(')')
        });
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        is_item.then(|| (n + 1, name.replace('_', " ")))
    });
    names.collect()
}

/// Sentences of a document outside of code, tables, headings, pictures and lists of links, each
/// with the line in which its paragraph begins.
fn sentences(text: &str) -> Vec<Numbered> {
    let mut paragraphs: Vec<Numbered> = Vec::new();
    let mut open = false;
    for (n, line) in prose(text).lines().enumerate() {
        let line = line.trim();
        let is_item = line.starts_with("- ")
            || line.split_once(". ").is_some_and(|(number, _)| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            });
        let is_text = !line.is_empty()
            && !["|", "#", "![", "<!--", "- ["].iter().any(|mark| line.starts_with(mark));
        if is_text && open && !is_item {
            let (_, paragraph) = paragraphs.last_mut().unwrap();
            paragraph.push(' ');
            paragraph.push_str(line);
        } else if is_text {
            let item = if is_item { line.split_once(' ').unwrap().1 } else { line };
            paragraphs.push((n + 1, item.to_owned()));
        }
        open = is_text;
    }
    let mut sentences = Vec::new();
    for (line, paragraph) in paragraphs {
        let mut sentence = String::new();
        for word in without_targets(&paragraph).split_whitespace() {
            sentence.push_str(word);
            let bare = word.trim_end_matches(['*', ')', '"', '”', ']']);
            if bare.ends_with(['.', '?', '!']) {
                sentences.push((line, std::mem::take(&mut sentence)));
            } else {
                sentence.push(' ');
            }
        }
        if !sentence.trim().is_empty() {
            sentences.push((line, sentence));
        }
    }
    sentences
}

/// A paragraph with the texts of its links, and without their targets.
fn without_targets(paragraph: &str) -> String {
    let mut parts = paragraph.split("](");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text.push_str(part.split_once(')').map_or(part, |(_, rest)| rest));
    }
    text
}

fn words_of(sentence: &str) -> usize {
    sentence.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

#[test]
fn documents_use_plain_words() {
    let documents = documents().into_iter().map(|(name, text)| (name, vec![(1, prose(&text))]));
    let found = hits_in(documents);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn log_lines_and_error_texts_use_plain_words() {
    let found = hits_in(lines_of_the_program());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn texts_of_pages_use_plain_words() {
    let texts = files("src/http", ".ftl").into_iter();
    let found = hits_in(texts.map(|(name, text)| (format!("src/http/{name}"), vec![(1, text)])));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn comments_use_plain_words() {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let comments = files("src", ".rs").into_iter().map(|(name, text)| {
        let lines = text.lines().map(|line| if is_comment(line) { line } else { "" });
        (format!("src/{name}"), vec![(1, prose(&lines.collect::<Vec<_>>().join("\n")))])
    });
    let found = hits_in(comments);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn names_of_tests_and_functions_use_plain_words() {
    let mut found = Vec::new();
    let mut checked = 0;
    for folder in ["src", "tests", "benches", "examples"] {
        for (name, code) in files(folder, ".rs") {
            let names = names_of_functions(&code);
            let hits = names.iter().flat_map(|name| {
                [DENIED, DENIED_IN_NAMES].into_iter().flat_map(|list| hits_of(list, name))
            });
            found.extend(hits.map(|hit| format!("{folder}/{name}:{hit}")));
            checked += names.len();
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(checked > 4000, "only {checked} names were found");
}

#[test]
fn sentences_of_documents_are_short() {
    for (name, text) in documents().into_iter().filter(|(name, _)| !name.contains("decisions/")) {
        let mut lengths: Vec<_> = sentences(&text)
            .into_iter()
            .map(|(line, sentence)| (words_of(&sentence), line, sentence))
            .collect();
        lengths.sort();
        let Some((length, ..)) = lengths.get((lengths.len() * 9).div_ceil(10).saturating_sub(1))
        else {
            continue;
        };
        let long: Vec<String> = lengths
            .iter()
            .filter(|(length, ..)| *length > LONG_SENTENCE)
            .map(|(length, line, sentence)| format!("{name}:{line}: {length} words: {sentence}"))
            .collect();
        assert!(*length <= LONG_SENTENCE, "one sentence of ten has {length} words: {long:#?}");
    }
}

#[test]
fn no_sentence_begins_with_what() {
    let mut found = Vec::new();
    for (name, text) in documents().into_iter().filter(|(name, _)| !name.contains("decisions/")) {
        for (line, sentence) in sentences(&text) {
            let first = sentence.trim_start_matches(['*', '(', '"', '“']);
            let first = first.split(|c: char| !c.is_alphanumeric()).next().unwrap();
            if ["What", "Whatever", "Whoever"].contains(&first) && !sentence.ends_with('?') {
                found.push(format!("{name}:{line}: {sentence}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn log_lines_that_documents_quote_exist() {
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = lines_of_the_program()
        .into_iter()
        .flat_map(|(_, texts)| texts)
        .map(|(_, text)| joined(&text))
        .collect();
    let mut quoted_lines = 0;
    for (name, text) in documents() {
        for (n, line) in text.lines().enumerate().filter(|(_, line)| line.contains(" in the log")) {
            let before = line.split(" in the log").next().unwrap();
            // A list of spans, the last of which is right before the words.
            let parts: Vec<&str> = before.split('`').rev().collect();
            let listed = parts.chunks_exact(2).take_while(|pair| ["", ", "].contains(&pair[0]));
            for quoted in listed.map(|pair| pair[1]).filter(|text| text.contains(' ')) {
                let exists = lines.iter().any(|line| line.contains(quoted));
                assert!(exists, "{name}:{}: no log line has \"{quoted}\"", n + 1);
                quoted_lines += 1;
            }
        }
    }
    assert!(quoted_lines >= 5, "only {quoted_lines} log lines are quoted");
}

#[test]
fn types_in_the_glossary_exist() {
    let sources = files("src", ".rs");
    let glossary = fs::read_to_string(root().join("docs/glossary.md")).unwrap();
    let mut found = 0;
    for line in glossary.lines().filter_map(|line| line.strip_suffix("` |")) {
        let (_, name) = line.rsplit_once('`').unwrap();
        let is_name = |word: &str| word == name;
        let exists = sources
            .iter()
            .any(|(_, code)| code.split(|c: char| !c.is_alphanumeric() && c != '_').any(is_name));
        assert!(exists, "docs/glossary.md: there is no {name} in src");
        found += 1;
    }
    assert!(found >= 30, "only {found} types are in the glossary");
}

#[test]
fn paths_that_documents_quote_exist() {
    let folders = ["src/", "tests/", "docs/", "deploy/", "examples/", "benches/", "scripts/"];
    let mut missing = Vec::new();
    let table = fs::read_to_string(root().join("scripts/mutants")).unwrap();
    let table = table.lines().filter(|line| line.starts_with("src/"));
    let table = table.map(|line| format!("`{}`\n", line.split(['|', '*']).next().unwrap().trim()));
    // `house_rules` checks those of ARCHITECTURE.md; the changelog may name removed files.
    let mut texts = documents();
    texts.retain(|(name, _)| !["ARCHITECTURE.md", "CHANGELOG.md"].contains(&name.as_str()));
    texts.push(("scripts/mutants".to_owned(), table.collect()));
    for (name, text) in texts {
        for quoted in text.split('`').skip(1).step_by(2) {
            let path = quoted.split([':', ' ', '\n']).next().unwrap();
            let is_path = folders.iter().any(|folder| path.starts_with(folder));
            if is_path && !path.contains(['*', '…', '{']) && !root().join(path).exists() {
                missing.push(format!("{name}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn words_and_sentences_are_found() {
    let text = "# Head\n\nOne `two three` [four](five.md). Who is that?\n- It begins\n  anew, so\n  \
                many times.\n\n| anew |\n\n```\nanew\n```\n";
    let found = hits(&(1, prose(text)));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("5: \"anew\"") && found[2].starts_with("5: \"so many\""));
    let sentences = sentences(text);
    let lengths: Vec<_> = sentences.iter().map(|(line, text)| (*line, words_of(text))).collect();
    assert_eq!(lengths, [(3, 3), (3, 3), (4, 6)]);

    let code = "fn f() {\n tracing::warn!(n = %g(\"a\"), \"b \\\n    (c\");\n \"d\";\n}";
    let found = literals(code, "tracing::warn!(");
    assert_eq!(found, [(2, "a".to_owned()), (2, "b      (c".to_owned())]);

    let code = "pub(in crate::http) async fn it_is_told() {}\nlet f: fn (u8);\nfn so_many_() {}";
    let names = names_of_functions(code);
    assert_eq!(names, [(1, "it is told".to_owned()), (3, "so many ".to_owned())]);
    assert_eq!((hits_of(DENIED_IN_NAMES, &names[0]).len(), hits(&names[1]).len()), (1, 1));
}

#[test]
fn scans_find_log_lines_and_documents() {
    assert!(lines_of_the_program().iter().map(|(_, texts)| texts.len()).sum::<usize>() > 50);
    assert!(documents().len() > 20);
}

#[test]
fn no_comment_and_no_text_of_the_program_begins_a_sentence_with_what() {
    let openings =
        ["", ". ", ": ", "** "].map(|before| ["What ", "Whoever "].map(|w| format!("{before}{w}")));
    let mut found = Vec::new();
    for (name, code) in files("src", ".rs") {
        for (n, line) in code.lines().enumerate() {
            let text = line.trim_start().trim_start_matches(['/', '!', ' ', '*', '"', '-']);
            let [first, within @ ..] = &openings;
            let begins = first.iter().any(|opening| text.starts_with(opening))
                || within.iter().flatten().any(|opening| text.contains(opening));
            if begins {
                found.push(format!("src/{name}:{}: {text}", n + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
