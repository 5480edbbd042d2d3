//! What commands print. A reader that closed the pipe is no failure of the command.

use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Writes to stdout, ending with a line feed.
pub(super) fn print(text: &str) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        let _ = writeln!(io::stdout(), "{text}");
    }
}

/// As [`print`], where stdout is for something else.
pub(super) fn print_aside(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes an error to stderr, on one line.
pub(super) fn complain(text: &str) {
    let line: String =
        text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(io::stderr(), "anteroom: {line}");
}

/// Lines up the columns of a table, its heads first. What people typed cannot break a line.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let clean = |cell: &str| -> String {
        cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    let rows: Vec<[String; N]> = std::iter::once(heads.map(str::to_owned))
        .chain(rows.iter().map(|row| row.each_ref().map(|cell| clean(cell))))
        .collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
