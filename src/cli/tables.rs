//! Output of commands. A closed pipe is not an error of the command; any other failed write is one.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::Failure;
use super::escaping::{escaped, escaped_json, escaped_lines};

#[cfg(test)]
mod tests;

/// The command succeeded, but its output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the command succeeded, but could not write its output: {0}")]
pub(super) struct NotWritten(#[source] io::Error);

/// Writes to stdout, with a final line feed. Terminal control characters are escaped.
pub(super) fn print(text: &str) -> Result<(), NotWritten> {
    print_to(io::stdout().lock(), text)
}

/// Writes one line of JSON to stdout.
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

/// Writes lines to stdout as they are. `false`: the reader has closed the pipe.
pub(super) fn write_lines(lines: &str) -> Result<bool, NotWritten> {
    let mut output = io::stdout().lock();
    match output.write_all(lines.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(NotWritten),
    }
}

/// Like [`print`], on stderr.
pub(super) fn print_to_stderr(text: &str) -> Result<(), NotWritten> {
    print_to(io::stderr().lock(), text)
}

/// Writes an error to stderr, on one line.
pub(super) fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "anteroom: {}", escaped(text.trim_end()));
}

/// Formats a table with aligned columns. Line breaks in cells are escaped.
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
