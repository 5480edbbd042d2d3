//! The lines of a file of users, with their numbers, one at a time.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _};
use std::path::Path;

use super::csv::Record;
use super::fields::{COLUMNS, Fields, user};
use crate::accounts::ImportedUser;
use crate::clock::Clock;

/// The longest line, and the longest record of CSV, in bytes.
const LONGEST: usize = 64 * 1024;

/// A file of users: CSV with the names of its columns in the first line, or a JSON object in each
/// line.
pub(super) struct UserFile {
    name: String,
    input: BufReader<File>,
    /// Of the line that was read last.
    number: u64,
    form: Form,
    clock: Clock,
}

enum Form {
    Json,
    Csv { columns: Vec<String> },
}

/// A line, or several of CSV.
pub(super) struct Line {
    /// Of its first line in the file.
    pub(super) number: u64,
    /// Or what is wrong with it.
    pub(super) user: Result<ImportedUser, String>,
}

/// The next of a file, with the number of its line, or what is wrong with it; `None` at the end.
type Next<T> = Result<Option<(u64, Result<T, String>)>, FileError>;

/// The file cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("cannot read {name}: {source}")]
    Io { name: String, source: io::Error },
    #[error("{name} is no file; save what it has in one, because it is read twice")]
    NotAFile { name: String },
    #[error("{name} is empty")]
    Empty { name: String },
    #[error("{name}:{number}: {fault}")]
    Broken { name: String, number: u64, fault: String },
}

impl UserFile {
    pub(super) fn open(path: &Path, clock: &Clock) -> Result<Self, FileError> {
        let name = path.display().to_string();
        let failed = |source| FileError::Io { name: name.clone(), source };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(FileError::NotAFile { name });
        }
        let (input, clock) = (BufReader::new(file), clock.clone());
        let mut file = Self { name, input, number: 0, form: Form::Json, clock };
        file.rewind()?;
        Ok(file)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Goes back to the first user.
    pub(super) fn rewind(&mut self) -> Result<(), FileError> {
        self.input.rewind().map_err(|source| self.failed(source))?;
        self.number = 0;
        let start = self.input.fill_buf().map_err(|source| failed(&self.name, source))?;
        match start {
            [] => return Err(FileError::Empty { name: self.name.clone() }),
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                return Err(self.broken(1, "this is UTF-16; save the file as UTF-8"));
            }
            [0xEF, 0xBB, 0xBF, ..] => self.input.consume(3),
            _ => {}
        }
        let start = self.input.fill_buf().map_err(|source| failed(&self.name, source))?;
        self.form = Form::Json;
        if start.trim_ascii_start().first() != Some(&b'{') {
            self.form = Form::Csv { columns: self.columns()? };
        }
        Ok(())
    }

    /// The next line; `None` after the last.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, FileError> {
        let is_json = matches!(self.form, Form::Json);
        let next = if is_json { self.next_object()? } else { self.next_record()? };
        let Some((number, fields)) = next else { return Ok(None) };
        let user = fields.and_then(|fields| user(fields, self.clock.now()));
        Ok(Some(Line { number, user }))
    }

    fn next_object(&mut self) -> Next<Fields> {
        let text = self.next_text()?;
        Ok(text.map(|(number, text)| (number, text.and_then(|text| Fields::of_json(&text)))))
    }

    fn next_record(&mut self) -> Next<Fields> {
        let record = self.next_fields()?;
        let Form::Csv { columns } = &self.form else { return Ok(None) };
        let fields = |record: Result<_, _>| record.and_then(|all| Fields::of_csv(columns, all));
        Ok(record.map(|(number, record)| (number, fields(record))))
    }

    /// The names of the columns, which are in the first record.
    fn columns(&mut self) -> Result<Vec<String>, FileError> {
        let Some((number, fields)) = self.next_fields()? else {
            return Err(FileError::Empty { name: self.name.clone() });
        };
        let columns = fields.map_err(|fault| self.broken(number, &fault))?;
        let columns: Vec<String> = columns.iter().map(|column| column.trim().to_owned()).collect();
        let known = COLUMNS.join(", ");
        if let Some(unknown) = columns.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
            let fault = format!(
                "there is no column `{unknown}`: begin with a line of names out of {known}, \
                 between commas"
            );
            return Err(self.broken(number, &fault));
        }
        let twice = |(at, name): &(usize, &String)| columns[..*at].contains(name);
        if let Some((_, name)) = columns.iter().enumerate().find(twice) {
            return Err(self.broken(number, &format!("the column `{name}` is there twice")));
        }
        if !columns.iter().any(|name| name == "email") {
            return Err(self.broken(number, "there is no column `email`"));
        }
        Ok(columns)
    }

    /// The fields of the next record of CSV, which may be in several lines.
    fn next_fields(&mut self) -> Next<Vec<String>> {
        let Some((number, text)) = self.next_text()? else { return Ok(None) };
        let mut text = match text {
            Ok(text) => text,
            Err(fault) => return Ok(Some((number, Err(fault)))),
        };
        loop {
            match super::csv::record(&text) {
                Record::Whole(fields) => return Ok(Some((number, Ok(fields)))),
                Record::Wrong(fault) => return Ok(Some((number, Err(fault.to_owned())))),
                Record::Open => {}
            }
            let fault = "a quotation mark is not closed; the lines after it were not read";
            // From here on it is unknown what is inside of quotation marks.
            let Some((_, Ok(more))) = self.next_physical(false)? else {
                return Err(self.broken(number, fault));
            };
            text.push('\n');
            text.push_str(&more);
            if text.len() > LONGEST {
                return Err(self.broken(number, fault));
            }
        }
    }

    /// The next line that is not blank, and its number.
    fn next_text(&mut self) -> Next<String> {
        self.next_physical(true)
    }

    fn next_physical(&mut self, skip_blank: bool) -> Next<String> {
        loop {
            let mut line = Vec::new();
            let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
            let read = self.input.by_ref().take(limit).read_until(b'\n', &mut line);
            if read.map_err(|source| self.failed(source))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.last() == Some(&b'\n') {
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
            } else if line.len() >= LONGEST {
                self.input.skip_until(b'\n').map_err(|source| self.failed(source))?;
                let fault = format!("the line is longer than {LONGEST} bytes");
                return Ok(Some((self.number, Err(fault))));
            }
            if !(skip_blank && line.trim_ascii().is_empty()) {
                let text = String::from_utf8(line);
                let text = text.map_err(|_| "this is not UTF-8; save the file as UTF-8".to_owned());
                return Ok(Some((self.number, text)));
            }
        }
    }

    fn broken(&self, number: u64, fault: &str) -> FileError {
        FileError::Broken { name: self.name.clone(), number, fault: fault.to_owned() }
    }

    fn failed(&self, source: io::Error) -> FileError {
        failed(&self.name, source)
    }
}

fn failed(name: &str, source: io::Error) -> FileError {
    FileError::Io { name: name.to_owned(), source }
}
