//! Where values come from: flags, then the environment, then `.env`, then the default.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::settings::PREFIX;
use super::{Dotenv, Mistake, SETTINGS, Setting};

/// The flags that were given, each once.
pub type Flags = Vec<(&'static Setting, OsString)>;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Nobody set it.
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
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Dotenv { line } => write!(f, ".env line {line}"),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) text: OsString,
    pub(super) from: Provenance,
}

/// What was given, one value per setting, and the names that are no setting.
pub(super) struct Sources {
    given: BTreeMap<&'static str, Given>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Sources {
    pub(super) fn gather(
        flags: Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        dotenv: Dotenv,
    ) -> Self {
        let mut sources = Self { given: BTreeMap::new(), mistakes: dotenv.mistakes };
        for entry in dotenv.entries {
            let from = Provenance::Dotenv { line: entry.line };
            sources.add(entry.key.as_ref(), Given { text: entry.value.into(), from });
        }
        for (name, text) in environment {
            sources.add(&name, Given { text, from: Provenance::Environment });
        }
        for (setting, text) in flags {
            sources.set(setting, Given { text, from: Provenance::Flag });
        }
        sources
    }

    /// Sets a value over whatever came before.
    pub(super) fn set(&mut self, setting: &'static Setting, given: Given) {
        self.given.insert(setting.name, given);
    }

    /// The value that counts.
    pub(super) fn effective(&self, setting: &Setting) -> Given {
        let default = || Given { text: setting.default.into(), from: Provenance::Default };
        self.given.get(setting.name).cloned().unwrap_or_else(default)
    }

    fn add(&mut self, name: &OsStr, given: Given) {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(PREFIX) else { return };
        if let Some(setting) = Setting::of_variable(&name) {
            self.set(setting, given);
        } else if !rest.starts_with("SERVICE_") && !rest.starts_with("PORT") {
            let text =
                format!("{name} ({}): there is no such setting; {}", given.from, advice(rest));
            self.mistakes.push(Mistake::new(&text));
        }
    }
}

fn advice(rest: &str) -> String {
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

/// How many characters have to be put in, left out or replaced to make one out of the other.
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
