//! Settings as text: what `anteroom config` prints, and `.env.example`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::load::Effective;
use super::{Config, SETTINGS};

/// Width to which values are padded, so that the comments line up.
const VALUE_WIDTH: usize = 32;

impl Config {
    /// Every setting by its variable, with secrets masked.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<String, String> {
        let shown = |one: &Effective| (one.setting.variable().to_owned(), one.text.clone());
        self.effective.iter().map(shown).collect()
    }

    /// Every setting with its value, secrets masked, and its source; then cookie name, origin and
    /// warnings. One line each.
    #[must_use]
    pub fn render(&self) -> String {
        let width = SETTINGS.iter().map(|setting| setting.variable().len()).max().unwrap_or(0);
        let mut text = String::new();
        for one in &self.effective {
            let variable = one.setting.variable();
            let (value, from) = (&one.text, &one.from);
            let _ = writeln!(text, "{variable:width$} = {value:VALUE_WIDTH$} # {from}");
        }
        let _ = writeln!(text, "# cookie: {}", self.cookie_name());
        let _ = writeln!(text, "# origin: {}", self.http.public_url);
        for warning in self.warnings() {
            let _ = writeln!(text, "# warning: {warning}");
        }
        text
    }
}

/// The text of `.env.example`: every setting, commented out, with its default and meaning.
#[must_use]
pub fn env_example() -> String {
    let mut text = String::from(
        "# Every setting of Anteroom with its default. Copy this file to .env in the directory in\n\
         # which Anteroom starts, and remove the # before a line you change. A flag of the same\n\
         # name (--listen) comes first, then an environment variable, then this file.\n\
         # Quote a value that contains spaces, quotes, $ or # like this: '…'. An empty value is not set.\n\
         # A secret may be in a separate file: set the variable with _FILE to its path.\n",
    );
    let mut group = None;
    for setting in SETTINGS {
        if group != Some(setting.group) {
            group = Some(setting.group);
            let _ = write!(text, "\n# == {} ==\n", setting.group.title());
        }
        let _ = write!(text, "\n{}", comment(setting.meaning));
        let _ = writeln!(text, "#{}={}", setting.variable(), setting.default);
        if setting.is_secret() {
            let _ = writeln!(text, "#{}=", setting.file_variable());
        }
    }
    text
}

/// Wraps words into lines of a comment, 100 characters at most.
fn comment(words: &str) -> String {
    let mut text = String::new();
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > 100 {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{line}");
    text
}
