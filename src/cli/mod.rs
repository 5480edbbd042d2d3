//! The command line: arguments, settings, and one file per command.

mod administration;
pub mod arguments;
mod clients;
mod escaping;
mod export;
mod healthcheck;
mod import;
mod key;
mod mail;
mod migrate;
mod open_files;
mod restore_check;
mod rules;
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
use arguments::{Arguments, Command, ExportCommand, ImportCommand, MailCommand, Stop, WRONG_USAGE};
use signals::Signals;
use starting::log_failure;

/// The error of a command, in one line that says what to do.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a command line. Exit codes: 0 success, 1 failure, 2 wrong usage or settings; `rules check`
/// has more.
#[must_use]
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line: Vec<OsString> = line.into_iter().collect();
    let Arguments { command, flags } = match arguments::parse(line.iter().cloned()) {
        Ok(arguments) => arguments,
        Err(Stop::Print(text)) => {
            let printed = tables::print(&text).map_err(Failure::from);
            return exit_code(LogFormat::Text, printed.map(|()| ExitCode::SUCCESS));
        }
        Err(Stop::WrongUsage(text)) => {
            log_failure(format_of_wrong_usage(&line), &text);
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tables::print_error(&format!("could not start the threads of the program: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let is_server = command == Command::Serve;
    // First, so that no signal is missed or ends the process.
    let listening = {
        let _inside = runtime.enter();
        is_server.then(Signals::listen).transpose()
    };
    let signals = match listening {
        Ok(signals) => signals,
        Err(error) => {
            tables::print_error(&format!("could not listen for signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let format_of = |format| if is_server { format } else { LogFormat::Text };
    let config = match settings(flags) {
        Ok(config) => config,
        Err(mistakes) => {
            for mistake in mistakes.iter() {
                log_failure(format_of(mistakes.log_format()), &mistake.to_string());
            }
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let format = format_of(config.logging.format);
    exit_code(format, runtime.block_on(run_command(command, config, signals)))
}

fn exit_code(format: LogFormat, result: Result<ExitCode, Failure>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(failure) => {
            log_failure(format, &with_causes(&*failure));
            ExitCode::FAILURE
        }
    }
}

fn settings(flags: Flags) -> Result<Config, Mistakes> {
    Config::load(flags, std::env::vars_os(), Dotenv::read(Path::new(".env")))
}

/// The format of the error for wrong usage: the log format where the line would start a server.
fn format_of_wrong_usage(line: &[OsString]) -> LogFormat {
    if !arguments::is_serve(line) {
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

async fn run_command(
    command: Command,
    config: Config,
    signals: Option<Signals>,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => match signals {
            Some(signals) => serve::serve(config, signals).await,
            None => serve::serve(config, Signals::listen()?).await,
        },
        Command::User(command) => users::run(command, &config).await,
        Command::Session(command) => sessions::run(command, &config).await,
        Command::Rules(command) => return rules::run(command, &config).await,
        Command::Import(ImportCommand::Users { file, dry_run }) => {
            import::users(&file, dry_run, &config).await
        }
        Command::Export(ExportCommand::Users { with_hashes }) => {
            export::users(with_hashes, &config).await
        }
        Command::Key(command) => key::run(command, &config).await,
        Command::Client(command) => clients::run(command, &config).await,
        Command::Keys(command) => clients::run_keys(command, &config).await,
        Command::Mail(MailCommand::Test { address }) => mail::test(&address, &config).await,
        Command::Config => Ok(tables::print(&config.render())?),
        Command::Migrate => migrate::migrate(&config).await,
        Command::RestoreCheck { yes } => restore_check::restore_check(&config, yes).await,
        Command::Healthcheck => healthcheck::healthcheck(config.http.listen).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A failure with its causes. Text that is already there is not repeated.
fn with_causes(failure: &(dyn std::error::Error + 'static)) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(next) = cause {
        let cause_text = next.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        cause = next.source();
    }
    text
}
