//! The `.env` file of the working directory.

use std::cell::Cell;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::rc::Rc;

use super::Mistake;
use super::settings::PREFIX;

/// The entries and mistakes of a `.env` file. Reading it does not change the environment.
#[derive(Clone, Debug, Default)]
pub struct Dotenv {
    pub(super) entries: Vec<Entry>,
    pub(super) mistakes: Vec<Mistake>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) line: usize,
}

impl Dotenv {
    /// Reads a file; a missing file has no entries. [`super::Config::load`] reports its mistakes with
    /// all others.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        match fs::read(path) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::default(),
            Err(error) => {
                let text =
                    format!(".env cannot be read ({error}); make it a readable file, or remove it");
                Self { entries: Vec::new(), mistakes: vec![Mistake::new(&text)] }
            }
        }
    }

    /// Reads the bytes of such a file. Values in double quotes or none may name other variables
    /// (`$NAME`), which are those of the process.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut dotenv = Self::default();
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let Ok(text) = std::str::from_utf8(bytes) else {
            let bad = bytes.utf8_chunks().next().map_or(0, |chunk| count_lines(chunk.valid()));
            dotenv.mistake(bad + 1, "is not UTF-8; save the file as UTF-8");
            return dotenv;
        };
        let (lines, position) = LineByLine::new(text);
        for item in dotenvy::from_read_iter(lines) {
            match item {
                Ok((key, value)) => dotenv.add(Entry { key, value, line: position.get() }),
                // The text of the line stays out of the message: it may hold a password.
                Err(dotenvy::Error::LineParse(text, _)) => {
                    let first = position.get() - count_lines(text.trim_end_matches('\n'));
                    dotenv.mistake(
                        first,
                        "is malformed; write NAME=value, and quote a value with \
                                           spaces, quotes, $ or # as '…'",
                    );
                }
                Err(error) => dotenv.mistake(position.get(), &error.to_string()),
            }
        }
        dotenv
    }

    fn add(&mut self, entry: Entry) {
        // Other programs may share the file, and allow duplicates.
        let is_ours = entry.key.starts_with(PREFIX);
        let earlier = self.entries.iter().find(|earlier| is_ours && earlier.key == entry.key);
        if let Some(earlier) = earlier {
            let what = format!("sets {} again after line {}; remove one", entry.key, earlier.line);
            return self.mistake(entry.line, &what);
        }
        self.entries.push(entry);
    }

    fn mistake(&mut self, line: usize, what: &str) {
        self.mistakes.push(Mistake::new(&format!(".env line {line} {what}")));
    }
}

fn count_lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Returns one line per read, so that the reads count the lines.
struct LineByLine {
    /// The lines still to be read, last first.
    lines: Vec<Vec<u8>>,
    position: Rc<Cell<usize>>,
}

impl LineByLine {
    fn new(text: &str) -> (Self, Rc<Cell<usize>>) {
        // A last line without its end would be refused if blanks follow the value.
        let lines = text.lines().map(|line| format!("{line}\n").into_bytes()).rev().collect();
        let position = Rc::new(Cell::new(0));
        (Self { lines, position: Rc::clone(&position) }, position)
    }
}

impl Read for LineByLine {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut line) = self.lines.pop() else { return Ok(0) };
        let length = line.len().min(buffer.len());
        buffer[..length].copy_from_slice(&line[..length]);
        if length < line.len() {
            self.lines.push(line.split_off(length));
        } else {
            self.position.set(self.position.get() + 1);
        }
        Ok(length)
    }
}
