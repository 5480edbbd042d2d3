//! The pages of `docs/reference`, rendered from the code. A test fails where a page is stale;
//! `UPDATE_DOCS=1 scripts/test reference` writes them again.

mod audit_events;
mod command_line;
mod error_codes;
mod http_api;
mod metrics;
mod settings;
mod source;

use std::fmt::Write as _;
use std::fs;

use crate::house_rules::root;

/// Fails where `docs/reference/{name}.md` is not this page, or writes it.
fn check(name: &str, title: &str, body: &str) {
    let note = "<!-- Rendered from the code by `UPDATE_DOCS=1 scripts/test reference`. -->";
    let page = format!("# {title}\n{note}\n\n{}\n", body.trim());
    let path = root().join("docs/reference").join(format!("{name}.md"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let stale = page.lines().find(|line| !written.lines().any(|known| known == *line));
    assert!(
        written == page,
        "docs/reference/{name}.md is stale, for example: {stale:?}\n\
         run: UPDATE_DOCS=1 scripts/test reference"
    );
}

/// A table. A cell is one line, and its `|` are escaped.
fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
    for row in rows {
        let cells = row.map(|cell| cell.replace('\n', " ").replace('|', "\\|"));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// As code; nothing for nothing.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

/// With a capital at its beginning and without a full stop at its end.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
