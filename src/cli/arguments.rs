//! The grammar of the command line. What it means is decided elsewhere.

use std::ffi::OsString;

use clap::builder::OsStringValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, CommandFactory as _, FromArgMatches, Parser, Subcommand};

use crate::accounts::Role;
use crate::config::{Flags, Form, SETTINGS, Setting, mask};
use crate::sessions::SessionId;
use crate::telemetry::LogFormat;

#[cfg(test)]
mod tests;

/// A command line that is understood.
#[derive(Debug)]
pub struct Arguments {
    /// What to do.
    pub command: Command,
    /// The settings among the flags, as written.
    pub flags: Flags,
}

/// A command line that ends before anything is done.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// `--help` or `--version`: the text is for stdout, and all is well.
    Told(String),
    /// It is wrong: the line is for stderr, and the exit code is [`WRONG_USAGE`].
    WrongUsage(String),
}

/// The exit code of a command line that is wrong.
pub const WRONG_USAGE: u8 = 2;

/// What to do.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve,
    /// Manage accounts
    #[command(subcommand, arg_required_else_help = false)]
    User(UserCommand),
    /// Look at live sessions and end them
    #[command(subcommand, arg_required_else_help = false)]
    Session(SessionCommand),
    /// Print every setting, its value and where it came from, with passwords masked
    Config,
    /// Bring the tables of the database up to this release and exit; as their owner, where the server
    /// runs as a role that may not change them
    Migrate,
    /// After a backup was restored: end every session, so that none that was ended since the backup
    /// comes back; asks first
    RestoreCheck {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Ask the running server whether it is able to serve; exit code 0 if so
    Healthcheck,
}

/// What to do with accounts.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Add an account; asks for its password
    Add {
        /// The address to sign in with
        email: String,
        /// Make it an administrator
        #[arg(long)]
        admin: bool,
        /// How the person is called
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// List accounts
    List {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Sign a user out everywhere and refuse further sign-ins
    Disable {
        /// The address of the account
        email: String,
    },
    /// Let a disabled user sign in again
    Enable {
        /// The address of the account
        email: String,
    },
    /// Delete an account and end its sessions; asks first
    Delete {
        /// The address of the account
        email: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a user an administrator, or an administrator a user; ends the sessions
    SetRole {
        /// The address of the account
        email: String,
        /// user or admin
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Set a new password and end all sessions of the account
    SetPassword {
        /// The address of the account
        email: String,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
}

/// What to do with sessions.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum SessionCommand {
    /// List live sessions
    List {
        /// Only those of the account with this address
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// End one session, those of a user, or all
    Revoke(Revocation),
}

/// Which sessions to end.
#[derive(Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One.
    One(SessionId),
    /// All of the account with this address.
    OfUser(String),
    /// All there are, anonymous ones too.
    All {
        /// Without asking.
        yes: bool,
    },
}

#[derive(Args)]
struct RevocationArguments {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long, requires = "all", conflicts_with_all = ["id", "user"])]
    yes: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The id of the session, as `session list` shows it
    #[arg(value_parser = session_id)]
    id: Option<SessionId>,
    /// All sessions of the account with this address
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Every session there is, anonymous ones too; asks first
    #[arg(long)]
    all: bool,
}

impl Args for Revocation {
    fn augment_args(command: clap::Command) -> clap::Command {
        RevocationArguments::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        RevocationArguments::augment_args_for_update(command)
    }
}

impl FromArgMatches for Revocation {
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

/// Signs people in and keeps their sessions on the server.
#[derive(Parser)]
#[command(name = "anteroom", version, disable_help_subcommand = true)]
#[command(after_help = "Without a command it runs the server, with no configuration at all.\n\
    Every setting is a flag, a variable and a line of .env; --help lists them, -h does not.")]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
}

/// Understands a command line; the first item is the name of the program.
///
/// # Errors
/// [`Stop`] when there is nothing to do but to print something.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Arguments, Stop> {
    let understand = || {
        let matches = grammar().try_get_matches_from(line)?;
        let line = Line::from_arg_matches(&matches)?;
        let given = |setting: &&'static _| flag_value(&matches, setting);
        let flags = SETTINGS.iter().flat_map(given).flatten().collect();
        Ok(Arguments { command: line.command.unwrap_or(Command::Serve), flags })
    };
    understand().map_err(|error| stop(&error))
}

fn flag_value(
    matches: &ArgMatches,
    setting: &'static Setting,
) -> [Option<(&'static Setting, Form, OsString)>; 2] {
    let given = |id: &str, form| {
        let value = matches.try_get_one::<OsString>(id).ok().flatten();
        value.map(|value| (setting, form, value.clone()))
    };
    [given(setting.name, Form::Value), given(setting.file_flag(), Form::File)]
}

/// The grammar: the commands, and one flag per setting that every command takes; for a secret also
/// one for the file that holds it.
#[must_use]
pub fn grammar() -> clap::Command {
    let values = SETTINGS.iter().map(|setting| {
        let default = if setting.default.is_empty() { "none" } else { setting.default };
        flag(setting.name, setting.flag(), "VALUE")
            .help(format!("{} [default: {default}]", setting.meaning))
    });
    let files = SETTINGS.iter().filter(|setting| setting.is_secret()).map(|setting| {
        flag(setting.file_flag(), setting.file_flag(), "PATH")
            .help(format!("A file that holds the value of --{}", setting.flag()))
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

/// Whether a line that is not understood names no command but `serve`.
#[must_use]
pub(super) fn means_to_serve(line: &[OsString]) -> bool {
    let commands = grammar();
    let others: Vec<&str> = commands
        .get_subcommands()
        .map(clap::Command::get_name)
        .filter(|name| *name != "serve")
        .collect();
    !line.iter().skip(1).any(|word| word.to_str().is_some_and(|word| others.contains(&word)))
}

/// The form of log lines that such a line asks for.
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
        return Stop::Told(text);
    }
    // Clap explains itself over several lines; the usage at their end is in `--help`.
    let reason = text.split("\n\nUsage:").next().unwrap_or(&text);
    let reason = reason.split("\n\nFor more information").next().unwrap_or(reason);
    let words = reason.split_whitespace().skip_while(|word| *word == "error:");
    // A URL in the wrong place may hold a password.
    let words: Vec<String> = words.map(mask).collect();
    Stop::WrongUsage(format!("{}; `anteroom --help` shows what it takes", words.join(" ")))
}

fn role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("write user or admin")
}

fn session_id(text: &str) -> Result<SessionId, &'static str> {
    SessionId::parse(text).ok_or("write an id as `anteroom session list` shows it")
}
