//! Mistakes in settings, one line each, which say what to write instead.

use std::error::Error;
use std::fmt;

use crate::telemetry::LogFormat;

/// One mistake, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake(String);

impl Mistake {
    /// A mistake of this text, whose control characters are escaped.
    pub(super) fn new(text: &str) -> Self {
        Self(one_line(text))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All mistakes, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    pub(super) all: Vec<Mistake>,
    pub(super) log_format: LogFormat,
}

impl Mistakes {
    /// The mistakes, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.all.iter()
    }

    /// The configured log format, or text where that cannot be read.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, mistake) in self.all.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl Error for Mistakes {}

/// The text with its control characters escaped.
pub(super) fn one_line(text: &str) -> String {
    let escape = |c: char| match c {
        c if c.is_control() => c.escape_debug().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
