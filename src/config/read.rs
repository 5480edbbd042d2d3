//! Reads settings one by one and collects mistakes.

use super::settings::{Typed, ValueKind};
use super::sources::{Given, Sources};
use super::{Mistake, Setting, mask};

/// Reads settings from the sources. A value that cannot be used is `None` and a mistake.
pub(super) struct Reader {
    pub(super) sources: Sources,
    pub(super) mistakes: Vec<Mistake>,
}

impl Reader {
    pub(super) fn read<T>(&mut self, typed: &Typed<T>) -> Option<T> {
        if self.sources.is_missing(typed.setting) {
            return None;
        }
        let given = self.sources.effective(typed.setting);
        let result = match given.text.to_str() {
            None => Err("is not UTF-8; write it in UTF-8".to_owned()),
            Some("") if !matches!(typed.setting.kind, ValueKind::List | ValueKind::Hidden) => {
                Err(format!("is empty; leave it out for the default {}", typed.setting.default))
            }
            Some(text) => (typed.parse)(text),
        };
        result.map_err(|what| self.mistake(typed.setting, &what)).ok()
    }

    /// Records that the value of `setting` cannot be used.
    pub(super) fn mistake(&mut self, setting: &Setting, what: &str) {
        let text = format!("{}: {what}", self.named(setting));
        self.mistakes.push(Mistake::new(&text));
    }

    /// The setting with its value, unless secret, and its source.
    pub(super) fn named(&self, setting: &Setting) -> String {
        let Given { text, from } = self.sources.effective(setting);
        let variable = setting.variable();
        if setting.is_secret() {
            return format!("{variable} ({from})");
        }
        // A URL may contain a password in any setting.
        let entries = text.to_string_lossy().split(',').map(mask).collect::<Vec<_>>();
        let text = entries.join(",");
        let (shown, rest) = text.split_at(text.floor_char_boundary(100));
        let dots = if rest.is_empty() { "" } else { "…" };
        format!("{variable} = {shown:?}{dots} ({from})")
    }
}
