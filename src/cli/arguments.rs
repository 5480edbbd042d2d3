//! The grammar of the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::OsStringValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, CommandFactory as _, FromArgMatches, Parser, Subcommand};

use crate::config::{Flags, SETTINGS, Setting, SettingForm, mask};
use crate::sessions::SessionId;
use crate::telemetry::LogFormat;

mod client;
mod key_and_mail;
#[cfg(test)]
mod tests;
mod user_command;

pub use user_command::UserCommand;

pub use client::{ClientCommand, KeysCommand};
pub use key_and_mail::{KeyCommand, MailCommand};

/// A parsed command line.
#[derive(Debug)]
pub struct Arguments {
    /// The command.
    pub command: Command,
    /// The settings given as flags, as written.
    pub flags: Flags,
}

/// A command line that runs no command.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// `--help` or `--version`: the text for stdout.
    Print(String),
    /// Wrong usage: one line for stderr. The exit code is [`WRONG_USAGE`].
    WrongUsage(String),
}

/// The exit code for wrong usage.
pub const WRONG_USAGE: u8 = 2;

/// A command.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve,
    /// Manage accounts
    #[command(subcommand, arg_required_else_help = false)]
    User(UserCommand),
    /// List and revoke live sessions
    #[command(subcommand, arg_required_else_help = false)]
    Session(SessionCommand),
    /// Test the rules of forward auth
    #[command(subcommand, arg_required_else_help = false)]
    Rules(RulesCommand),
    /// Import accounts of another system
    #[command(subcommand, arg_required_else_help = false)]
    Import(ImportCommand),
    /// Export accounts
    #[command(subcommand, arg_required_else_help = false)]
    Export(ExportCommand),
    /// Create and rotate the key that encrypts secrets
    #[command(subcommand, arg_required_else_help = false)]
    Key(KeyCommand),
    /// Manage the clients that access tokens are for
    #[command(subcommand, arg_required_else_help = false)]
    Client(ClientCommand),
    /// Manage the keys that sign access tokens
    #[command(subcommand, arg_required_else_help = false)]
    Keys(KeysCommand),
    /// Test the mail server
    #[command(subcommand, arg_required_else_help = false)]
    Mail(MailCommand),
    /// Print every setting with its value and source; secrets are masked
    Config,
    /// Migrate the database to this release and exit; run it as the owner of the tables if the
    /// server's role may not change them
    Migrate,
    /// After restoring a backup: revoke every session, because the backup may contain sessions that
    /// were revoked since; asks for confirmation
    RestoreCheck {
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Check whether the running server is ready; exit code 0 if it is
    Healthcheck,
}

/// A command about the rules of forward auth.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum RulesCommand {
    /// Print the rule and the decision for one request; exit code 0 if it may pass, 3 if not, 2 if
    /// the URL cannot be read
    Check {
        /// Method of the request, for example GET
        method: String,
        /// URL of the request, for example <https://wiki.example.org/edit>
        url: String,
        /// Decide for this account, just reauthenticated and with a second factor; without it for
        /// somebody who is not signed in
        #[arg(long = "as", value_name = "EMAIL")]
        email: Option<String>,
    },
}

/// An import.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum ImportCommand {
    /// Add the accounts of a file, all of them or none, with their password hashes
    Users {
        /// Path of a file: CSV, or a JSON object in each line
        file: PathBuf,
        /// Only report what is wrong with each line
        #[arg(long)]
        dry_run: bool,
    },
}

/// An export.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum ExportCommand {
    /// Write every account to stdout as a line of JSON, which `anteroom import users` reads
    Users {
        /// Write the password hashes too
        #[arg(long)]
        with_hashes: bool,
    },
}

/// A session command.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum SessionCommand {
    /// List live sessions
    List {
        /// List only the sessions of this account
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Revoke one session, all sessions of an account, or all sessions
    Revoke(RevokedSessions),
}

/// Which sessions to revoke.
#[derive(Debug, PartialEq, Eq)]
pub enum RevokedSessions {
    /// One session.
    One(SessionId),
    /// All sessions of the account with this address.
    OfUser(String),
    /// All sessions, including anonymous ones.
    All {
        /// Whether to skip the confirmation.
        yes: bool,
    },
}

#[derive(Args)]
struct RevocationArguments {
    #[command(flatten)]
    which: Which,
    /// Do not ask for confirmation
    #[arg(long, requires = "all", conflicts_with_all = ["id", "user"])]
    yes: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Session id, as printed by `anteroom session list`
    #[arg(value_parser = session_id)]
    id: Option<SessionId>,
    /// Revoke all sessions of this account
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Revoke all sessions, including anonymous ones; asks for confirmation
    #[arg(long)]
    all: bool,
}

impl Args for RevokedSessions {
    fn augment_args(command: clap::Command) -> clap::Command {
        RevocationArguments::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        RevocationArguments::augment_args_for_update(command)
    }
}

impl FromArgMatches for RevokedSessions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let arguments = RevocationArguments::from_arg_matches(matches)?;
        Ok(match arguments.which {
            Which { id: Some(id), .. } => Self::One(id),
            Which { user: Some(email), .. } => Self::OfUser(email),
            Which { id: None, user: None, .. } => Self::All { yes: arguments.yes },
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Session authentication server
#[derive(Parser)]
#[command(name = "anteroom", version, disable_help_subcommand = true)]
#[command(
    after_help = "Without a command, anteroom runs the server. No configuration is needed.\n\
    Each setting can be a flag, an environment variable or a line of .env. Use --help to list them."
)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
}

/// Parses a command line. The first item is the name of the program.
///
/// # Errors
/// [`Stop`] when there is only something to print.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Arguments, Stop> {
    let parsed = || {
        let matches = grammar().try_get_matches_from(line)?;
        let line = Line::from_arg_matches(&matches)?;
        let given = |setting: &&'static _| flag_value(&matches, setting);
        let flags = SETTINGS.iter().flat_map(given).flatten().collect();
        Ok(Arguments { command: line.command.unwrap_or(Command::Serve), flags })
    };
    parsed().map_err(|error| stop(&error))
}

fn flag_value(
    matches: &ArgMatches,
    setting: &'static Setting,
) -> [Option<(&'static Setting, SettingForm, OsString)>; 2] {
    let given = |id: &str, form| {
        let value = matches.try_get_one::<OsString>(id).ok().flatten();
        value.map(|value| (setting, form, value.clone()))
    };
    [given(setting.name, SettingForm::Value), given(setting.file_flag(), SettingForm::File)]
}

/// The commands, and one flag per setting, which every command accepts. A secret has a second flag,
/// for the path of a file that holds it.
#[must_use]
pub fn grammar() -> clap::Command {
    let values = SETTINGS.iter().map(|setting| {
        let default = if setting.default.is_empty() { "none" } else { setting.default };
        flag(setting.name, setting.flag(), "VALUE")
            .help(format!("{} [default: {default}]", setting.meaning))
    });
    let files = SETTINGS.iter().filter(|setting| setting.is_secret()).map(|setting| {
        flag(setting.file_flag(), setting.file_flag(), "PATH")
            .help(format!("Path of a file with the value of --{}", setting.flag()))
    });
    Line::command().args(values).args(files)
}

fn flag(id: &'static str, long: &'static str, value: &'static str) -> Arg {
    Arg::new(id)
        .long(long)
        .value_name(value)
        .value_parser(OsStringValueParser::new())
        .help_heading("Settings")
        .hide_short_help(true)
        .global(true)
}

/// Whether a line that cannot be parsed names no command other than `serve`.
#[must_use]
pub(super) fn is_serve(line: &[OsString]) -> bool {
    let commands = grammar();
    let others: Vec<&str> = commands
        .get_subcommands()
        .map(clap::Command::get_name)
        .filter(|name| *name != "serve")
        .collect();
    !line.iter().skip(1).any(|word| word.to_str().is_some_and(|word| others.contains(&word)))
}

/// The log format that a line that cannot be parsed asks for.
#[must_use]
pub(super) fn written_log_format(line: &[OsString]) -> Option<LogFormat> {
    let words: Vec<&str> = line.iter().filter_map(|word| word.to_str()).collect();
    let apart = words.windows(2).find_map(|two| (two[0] == "--log-format").then_some(two[1]));
    let together = words.iter().find_map(|word| word.strip_prefix("--log-format="));
    match apart.or(together)? {
        "json" => Some(LogFormat::Json),
        "text" => Some(LogFormat::Text),
        _ => None,
    }
}

fn stop(error: &clap::Error) -> Stop {
    let text = error.to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stop::Print(text);
    }
    // Clap's message has several lines and ends with the usage, which `--help` shows as well.
    let reason = text.split("\n\nUsage:").next().unwrap_or(&text);
    let reason = reason.split("\n\nFor more information").next().unwrap_or(reason);
    let words = reason.split_whitespace().skip_while(|word| *word == "error:");
    // A misplaced URL may contain a password.
    let words: Vec<String> = words.map(mask).collect();
    Stop::WrongUsage(format!("{}; see `anteroom --help`", words.join(" ")))
}

fn session_id(text: &str) -> Result<SessionId, &'static str> {
    SessionId::parse(text).ok_or("write an id as `anteroom session list` shows it")
}
