//! The settings, from their table in the code.

use std::fmt::Write as _;

use anteroom::config::{SETTINGS, Setting, SettingGroup};

use super::{check, code, table};

const INTRODUCTION: &str = "\
This page is for operators who look up one setting. [Configure it](../configure.md) explains where \
settings are read from, and which ones most installations need.

Each setting is a variable of the environment, a line of `.env` or a flag: \
`ANTEROOM_IDLE_TIMEOUT=30m` is the same as `--idle-timeout 30m`. A flag comes first, then the \
environment, then `.env`. An empty variable counts as unset.
";

fn row(setting: &Setting) -> [String; 4] {
    let (variable, flag) = (setting.variable(), format!("--{}", setting.flag()));
    let default = if setting.default.is_empty() { "none".into() } else { code(setting.default) };
    [code(variable), code(&flag), default, linked(setting.meaning)]
}

/// A path of a document becomes a link to it.
fn linked(meaning: &str) -> String {
    let words = meaning.split(' ').map(|word| match word.strip_prefix("docs/") {
        Some(path) if path.ends_with(".md.") => {
            let path = path.trim_end_matches('.');
            format!("[docs/{path}](../{path}).")
        }
        Some("protect.") => "[docs/protect](../protect/README.md).".to_owned(),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn in_group(group: SettingGroup) -> impl Iterator<Item = &'static &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.group == group)
}

fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut groups: Vec<SettingGroup> = SETTINGS.iter().map(|setting| setting.group).collect();
    groups.dedup();
    for group in groups {
        let rows =
            table(["variable", "flag", "default", "meaning"], in_group(group).map(|one| row(one)));
        let _ = write!(text, "\n## {}\n{rows}", group.title());
    }
    let secrets = SETTINGS.iter().filter(|setting| setting.is_secret());
    let files = secrets.map(|setting| {
        let flag = format!("--{}", setting.file_flag());
        [code(setting.variable()), code(setting.file_variable()), code(&flag)]
    });
    let _ = write!(
        text,
        "\n## Secrets in files\nA secret can be in a separate file. Set the path of the file \
         instead of the value; setting both is an error.\n\n{}",
        table(["setting", "variable with the path", "flag with the path"], files)
    );
    text
}

#[test]
fn the_page_of_settings_is_as_the_code_has_them() {
    check("settings", "Settings", &page());
}
