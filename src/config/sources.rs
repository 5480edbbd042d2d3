//! Sources of values: flags, then the environment, then `.env`, then the default.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::mistakes::one_line;
use super::secret_file::{self, shown_path};
use super::settings::{PREFIX, SettingForm};
use super::{Dotenv, Mistake, SETTINGS, Setting, injected};

/// The flags of a command line, each at most once.
pub type Flags = Vec<(&'static Setting, SettingForm, OsString)>;

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// It is not set.
    Default,
    /// A line of `.env`.
    Dotenv {
        /// Counted from 1.
        line: usize,
    },
    /// The environment of the process.
    Environment,
    /// The command line.
    Flag,
    /// A file that holds a secret.
    File {
        /// As written, its control characters escaped.
        path: String,
        /// The variable for the path.
        variable: &'static str,
        /// The source of the path.
        from: Box<Self>,
    },
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Dotenv { line } => write!(f, ".env line {line}"),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("flag"),
            Self::File { path, variable, from } => write!(f, "file {path} ({variable}, {from})"),
        }
    }
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) text: OsString,
    pub(super) from: Provenance,
}

/// One value per setting, and the unknown names.
pub(super) struct Sources {
    given: BTreeMap<&'static str, Given>,
    /// The paths of files that hold secrets.
    files: BTreeMap<&'static str, Given>,
    /// Settings whose file could not be read. The reason is among the mistakes.
    missing: BTreeSet<&'static str>,
    /// Variables that look injected by an orchestrator, with a value that none would inject.
    pub(super) ignored: Vec<String>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Sources {
    pub(super) fn gather(
        flags: Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        dotenv: Dotenv,
    ) -> Self {
        let mut sources = Self {
            given: BTreeMap::new(),
            files: BTreeMap::new(),
            missing: BTreeSet::new(),
            ignored: Vec::new(),
            mistakes: dotenv.mistakes,
        };
        for entry in dotenv.entries {
            let from = Provenance::Dotenv { line: entry.line };
            sources.add(entry.key.as_ref(), Given { text: entry.value.into(), from });
        }
        for (name, text) in environment {
            sources.add(&name, Given { text, from: Provenance::Environment });
        }
        for (setting, form, text) in flags {
            sources.set(setting, form, Given { text, from: Provenance::Flag });
        }
        sources.read_files();
        sources
    }

    /// Sets a value, replacing an earlier one.
    pub(super) fn set(&mut self, setting: &'static Setting, form: SettingForm, given: Given) {
        let place = match form {
            SettingForm::Value => &mut self.given,
            SettingForm::File => &mut self.files,
        };
        place.insert(setting.name, given);
    }

    /// The value from the source with the highest precedence.
    pub(super) fn effective(&self, setting: &Setting) -> Given {
        let default = || Given { text: setting.default.into(), from: Provenance::Default };
        self.given.get(setting.name).cloned().unwrap_or_else(default)
    }

    /// Whether the file of this setting could not be read.
    pub(super) fn is_missing(&self, setting: &Setting) -> bool {
        self.missing.contains(setting.name)
    }

    fn add(&mut self, name: &OsStr, given: Given) {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(PREFIX) else { return };
        if let Some((setting, form)) = Setting::of_variable(&name) {
            // Containers and templates often set empty variables.
            if !given.text.is_empty() {
                self.set(setting, form, given);
            }
        } else if !injected::is_injected(rest, &given.text) {
            let text =
                format!("{name} ({}): there is no such setting; {}", given.from, advice(rest));
            self.mistakes.push(Mistake::new(&text));
        } else if injected::is_odd(rest, &given.text) {
            self.ignored.push(name.into_owned());
        }
    }

    /// Reads the files that hold secrets.
    fn read_files(&mut self) {
        for (name, Given { text: path, from }) in std::mem::take(&mut self.files) {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
                continue;
            };
            let (variable, file_variable) = (setting.variable(), setting.file_variable());
            if let Some(value) = self.given.get(name) {
                let text = format!(
                    "{variable} ({}) and {file_variable} ({from}) are both set; remove one",
                    value.from
                );
                self.mistakes.push(Mistake::new(&text));
                continue;
            }
            match secret_file::read(path.as_ref()) {
                Ok(text) => {
                    let path = one_line(&path.to_string_lossy());
                    let from =
                        Provenance::File { path, variable: file_variable, from: Box::new(from) };
                    self.given.insert(setting.name, Given { text: text.into(), from });
                }
                Err(what) => {
                    let shown = shown_path(path.as_ref());
                    let text = format!("{file_variable}{shown} ({from}): {what}");
                    self.mistakes.push(Mistake::new(&text));
                    self.missing.insert(setting.name);
                }
            }
        }
    }
}

fn advice(rest: &str) -> String {
    let plain = rest.strip_suffix("_FILE");
    if let Some(setting) = SETTINGS.iter().find(|setting| plain == Some(setting.name)) {
        return format!("only secrets are read from files; write {}", setting.variable());
    }
    let wanted: Vec<char> = rest.to_ascii_uppercase().chars().take(80).collect();
    let nearest = SETTINGS
        .iter()
        .map(|setting| (distance(&wanted, setting.name), setting))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, setting)) if distance <= 2.max(setting.name.len() / 3) => {
            format!("write {}, or remove it", setting.variable())
        }
        _ => "remove it; `anteroom --help` lists every setting".to_owned(),
    }
}

/// The Levenshtein distance.
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (line, wanted) in to.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, found) in from.iter().enumerate() {
            let replaced = diagonal + usize::from(*found != wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[from.len()]
}
