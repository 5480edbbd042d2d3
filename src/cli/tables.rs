//! What commands print. A reader that closed the pipe is no failure of the command; any other output
//! that was not written is one.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::Failure;
use super::escaping::{escaped, escaped_json, escaped_lines};

#[cfg(test)]
mod tests;

/// What a command had to tell is not where it should be.
#[derive(Debug, thiserror::Error)]
#[error("the command did its work, but its output could not be written: {0}")]
pub(super) struct NotWritten(#[source] io::Error);

/// Writes to stdout, ending with a line feed. Characters that no terminal should see are escaped.
pub(super) fn print(text: &str) -> Result<(), NotWritten> {
    print_to(io::stdout().lock(), text)
}

/// The same as one line of JSON.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    Ok(print(&escaped_json(&serde_json::to_string(value)?))?)
}

fn print_to(mut output: impl Write, text: &str) -> Result<(), NotWritten> {
    let text = text.trim_end_matches('\n');
    if text.is_empty() {
        return Ok(());
    }
    match writeln!(output, "{}", escaped_lines(text)).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(NotWritten(error)),
        _ => Ok(()),
    }
}

/// As [`print`], where stdout is for something else.
pub(super) fn print_aside(text: &str) -> Result<(), NotWritten> {
    print_to(io::stderr().lock(), text)
}

/// Writes an error to stderr, on one line.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "anteroom: {}", escaped(text.trim_end()));
}

/// Lines up the columns of a table, its heads first. What people typed cannot break a line.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = std::iter::once(heads.map(str::to_owned))
        .chain(rows.iter().map(|row| row.each_ref().map(|cell| escaped(cell))))
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
