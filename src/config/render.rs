//! Settings as text: what `anteroom config` prints, and `.env.example`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

use super::load::Effective;
use super::{Config, SETTINGS};

/// Up to this many characters a value is followed by blanks, so that the remarks stand in line.
const VALUE_WIDTH: usize = 32;

impl Config {
    /// Every setting by its variable, with its value as it may be shown: passwords masked.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<String, String> {
        let shown = |one: &Effective| (one.setting.variable().to_owned(), one.text.clone());
        self.effective.iter().map(shown).collect()
    }

    /// Every setting with its value, passwords masked, and where it came from; then what follows
    /// from them. One line each.
    #[must_use]
    pub fn render(&self) -> String {
        let width = SETTINGS.iter().map(|setting| setting.variable().len()).max().unwrap_or(0);
        let mut text = String::new();
        for one in &self.effective {
            let variable = one.setting.variable();
            let (value, from) = (&one.text, one.from);
            let _ = writeln!(text, "{variable:width$} = {value:VALUE_WIDTH$} # {from}");
        }
        let _ = writeln!(text, "# cookie: {}", self.cookie_name());
        let _ = writeln!(text, "# origin: {}", self.door.public_url);
        for warning in self.warnings() {
            let _ = writeln!(text, "# warning: {warning}");
        }
        text
    }
}

/// The text with the password of its URL, and whatever in its query is named like one, replaced by
/// `***`. In doubt it masks too much.
#[must_use]
pub fn mask(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    // The last `@`, wherever: a password that should have been percent-encoded may hold `/` or `?`.
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
    let mut masked = format!("{scheme}://");
    if let Some((name, _)) = user.split_once(':') {
        let _ = write!(masked, "{name}:***@");
    } else if rest.len() + masked.len() != text.len() {
        let _ = write!(masked, "{user}@");
    }
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, q)| (place, Some(q)));
    masked.push_str(place);
    if let Some(query) = query {
        let parameters: Vec<String> = query.split('&').map(mask_parameter).collect();
        let _ = write!(masked, "?{}", parameters.join("&"));
    }
    masked
}

fn mask_parameter(parameter: &str) -> String {
    let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let name = percent_decode_str(key).decode_utf8_lossy().to_ascii_lowercase();
    let is_secret = ["pass", "secret", "token", "key"].iter().any(|word| name.contains(word));
    if is_secret && !value.is_empty() { format!("{key}=***") } else { parameter.to_owned() }
}

/// The text of `.env.example`: every setting, commented out, with its default and meaning.
#[must_use]
pub fn env_example() -> String {
    let mut text = String::from(
        "# Every setting of Anteroom with its default. Copy this file to .env in the directory in\n\
         # which Anteroom starts, and take away the # before what you change. A flag of the same\n\
         # name (--listen) comes first, then a variable of the environment, then this file.\n\
         # Quote a value that holds blanks, quotes, $ or # like this: '…'.\n",
    );
    let mut group = None;
    for setting in SETTINGS {
        if group != Some(setting.group) {
            group = Some(setting.group);
            let _ = write!(text, "\n# == {} ==\n", setting.group.title());
        }
        let _ = write!(text, "\n{}", comment(setting.meaning));
        let _ = writeln!(text, "#{}={}", setting.variable(), setting.default);
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
