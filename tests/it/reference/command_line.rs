//! The commands, from the grammar of the command line.

use std::fmt::Write as _;

use anteroom::cli::arguments::grammar;
use clap::{Arg, Command};

use super::{check, code, sentence, table};

const INTRODUCTION: &str = "\
This page is for operators who look up a command. Without a command, `anteroom` runs the server.

Every command accepts every [setting](settings.md) as a flag, also before the command. A command \
works on the database of the settings, so run it with the settings of the server \
([how to run commands](../deploy/one-server.md#run-commands)). `--help` and `--version` print their \
text and exit.

## Exit codes
| code | meaning |
|---|---|
| 0 | success |
| 1 | the command failed; a line on stderr says why. For `healthcheck`: the server is not ready |
| 2 | wrong usage, or a setting that cannot be accepted; one line on stderr for each mistake |
";

/// The arguments of this command alone: settings belong to every command.
fn own(command: &Command) -> Vec<&Arg> {
    let is_own = |arg: &&Arg| {
        arg.get_help_heading() != Some("Settings")
            && !["help", "version"].contains(&arg.get_id().as_str())
    };
    command.get_arguments().filter(is_own).collect()
}

fn row(arg: &Arg) -> [String; 2] {
    let value = arg.get_value_names().unwrap_or_default().join(" ");
    let written = match arg.get_long() {
        Some(long) if arg.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    };
    [code(&written), help(arg)]
}

fn help(arg: &Arg) -> String {
    sentence(&arg.get_help().map(ToString::to_string).unwrap_or_default())
}

fn describe(text: &mut String, command: &mut Command, path: &str) {
    let commands: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for name in &commands {
        describe(text, command.find_subcommand_mut(name).unwrap(), &format!("{path} {name}"));
    }
    if !commands.is_empty() {
        return;
    }
    let about = sentence(&command.get_about().unwrap().to_string());
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>();
    let _ = write!(text, "\n## {path}\n{about}.\n\n```text\n{}\n```\n", usage.join(" "));
    let arguments = own(command);
    if !arguments.is_empty() {
        let rows = table(["argument", "meaning"], arguments.into_iter().map(row));
        let _ = write!(text, "\n{rows}");
    }
}

fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut program = grammar();
    program.build();
    describe(&mut text, &mut program, "anteroom");
    text
}

#[test]
fn the_page_of_commands_is_as_the_grammar_has_them() {
    let page = page();
    assert!(page.matches("\n## anteroom ").count() > 10, "{page}");
    check("command-line", "Command line", &page);
}
