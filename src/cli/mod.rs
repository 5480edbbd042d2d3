//! The command line: its grammar, what each command does, and the server put together.

mod administration;
pub mod arguments;
mod escaping;
mod healthcheck;
mod migrate;
mod open_files;
mod restore_check;
mod serve;
mod sessions;
mod signals;
mod starting;
mod tables;
pub mod terminal;
mod users;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::config::{Config, Dotenv, Flags, Mistakes};
use crate::telemetry::LogFormat;
use arguments::{Arguments, Command, Stop, WRONG_USAGE};
use signals::Signals;
use starting::complain_as;

/// Why a command failed, in one line that says what to do.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command line of this process. The exit code: 0 done, 1 failed, 2 wrong usage.
#[must_use]
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line: Vec<OsString> = line.into_iter().collect();
    let Arguments { command, flags } = match arguments::parse(line.iter().cloned()) {
        Ok(arguments) => arguments,
        Err(Stop::Told(text)) => {
            return exit_code(LogFormat::Text, tables::print(&text).map_err(Failure::from));
        }
        Err(Stop::WrongUsage(text)) => {
            complain_as(format_of_wrong_usage(&line), &text);
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tables::complain(&format!("the threads of the program did not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let is_server = command == Command::Serve;
    // Before anything else, so that none is missed or ends the process.
    let heard = {
        let _inside = runtime.enter();
        is_server.then(Signals::listen).transpose()
    };
    let signals = match heard {
        Ok(signals) => signals,
        Err(error) => {
            tables::complain(&format!("signals cannot be heard: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let told_by = |format| if is_server { format } else { LogFormat::Text };
    let config = match settings(flags) {
        Ok(config) => config,
        Err(mistakes) => {
            for mistake in mistakes.iter() {
                complain_as(told_by(mistakes.log_format()), &mistake.to_string());
            }
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let format = told_by(config.logging.format);
    exit_code(format, runtime.block_on(carry_out(command, config, signals)))
}

fn exit_code(format: LogFormat, done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain_as(format, &told(&*failure));
            ExitCode::FAILURE
        }
    }
}

fn settings(flags: Flags) -> Result<Config, Mistakes> {
    Config::load(flags, std::env::vars_os(), Dotenv::read(Path::new(".env")))
}

/// The form in which a line that is not understood is complained of: that of the log, where it was
/// meant to start a server.
fn format_of_wrong_usage(line: &[OsString]) -> LogFormat {
    if !arguments::means_to_serve(line) {
        return LogFormat::Text;
    }
    if let Some(format) = arguments::written_log_format(line) {
        return format;
    }
    match settings(Flags::new()) {
        Ok(config) => config.logging.format,
        Err(mistakes) => mistakes.log_format(),
    }
}

async fn carry_out(
    command: Command,
    config: Config,
    signals: Option<Signals>,
) -> Result<(), Failure> {
    match command {
        Command::Serve => match signals {
            Some(signals) => serve::serve(config, signals).await,
            None => serve::serve(config, Signals::listen()?).await,
        },
        Command::User(command) => users::carry_out(command, &config).await,
        Command::Session(command) => sessions::carry_out(command, &config).await,
        Command::Config => Ok(tables::print(&config.render())?),
        Command::Migrate => migrate::migrate(&config).await,
        Command::RestoreCheck { yes } => restore_check::restore_check(&config, yes).await,
        Command::Healthcheck => healthcheck::healthcheck(config.door.listen).await,
    }
}

/// A failure with everything that caused it, each said once.
fn told(failure: &(dyn std::error::Error + 'static)) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}
