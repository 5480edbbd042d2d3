//! Doc comments of enums, read from the source.

use std::fs;

use crate::house_rules::root;

/// One variant of an enum.
pub(super) struct Variant {
    pub name: String,
    /// Its stable word in the API; empty where it has none.
    pub word: String,
    /// The paragraphs of its doc comment.
    pub about: Vec<String>,
}

impl Variant {
    /// The paragraph that begins so, without that beginning.
    pub(super) fn paragraph(&self, beginning: &str) -> String {
        let found = self.about.iter().find_map(|text| text.strip_prefix(beginning));
        found.unwrap_or_default().trim().trim_end_matches('.').to_owned()
    }
}

/// The variants of the enum `name` in the file `path`. Its words are in the first `match` after it,
/// or with the variants.
pub(super) fn variants(path: &str, name: &str) -> Vec<Variant> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let opening = format!("{name} {{\n");
    let (before, after) = text.split_once(&opening).unwrap_or_else(|| panic!("{path}: no {name}"));
    let line = before.rsplit('\n').next().unwrap();
    let outer = line.len() - line.trim_start().len();
    let (body, rest) = after.split_once(&format!("\n{}}}", " ".repeat(outer))).unwrap();

    let (mut found, mut about) = (Vec::new(), vec![String::new()]);
    for line in body.lines() {
        let Some(line) = line.get(outer + 4..).filter(|line| !line.starts_with(' ')) else {
            continue;
        };
        if let Some(text) = line.strip_prefix("///") {
            match text.trim() {
                "" => about.push(String::new()),
                text => {
                    let paragraph = about.last_mut().unwrap();
                    format!("{paragraph} {text}").trim().clone_into(paragraph);
                }
            }
        } else if line.starts_with(char::is_uppercase) {
            let name: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
            let word = quoted(line).or_else(|| word_of(rest, &name)).unwrap_or_default();
            found.push(Variant {
                name,
                word,
                about: std::mem::replace(&mut about, vec![String::new()]),
            });
        }
    }
    assert!(found.len() > 1, "{path}: {name} has no variants");
    found
}

/// The text of `Self::Name … => "text"`.
fn word_of(text: &str, name: &str) -> Option<String> {
    let arms = text.lines().filter_map(|line| line.trim().strip_prefix("Self::"));
    let arms = arms.filter_map(|arm| arm.strip_prefix(name));
    let mut arms = arms.filter(|rest| !rest.starts_with(char::is_alphanumeric));
    arms.find_map(|rest| quoted(rest.split_once("=> ")?.1))
}

/// The first string literal of a line.
fn quoted(line: &str) -> Option<String> {
    line.split('"').nth(1).map(str::to_owned)
}
