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
mod tables;
pub mod terminal;
mod users;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::config::{Config, Dotenv};
use arguments::{Arguments, Command, Stop, WRONG_USAGE};

/// Why a command failed, in one line that says what to do.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command line of this process. The exit code: 0 done, 1 failed, 2 wrong usage.
#[must_use]
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Arguments { command, flags } = match arguments::parse(line) {
        Ok(arguments) => arguments,
        Err(Stop::Told(text)) => return exit_code(tables::print(&text).map_err(Failure::from)),
        Err(Stop::WrongUsage(text)) => {
            tables::complain(&text);
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let dotenv = Dotenv::read(Path::new(".env"));
    let config = match Config::load(flags, std::env::vars_os(), dotenv) {
        Ok(config) => config,
        Err(mistakes) => {
            for mistake in mistakes.iter() {
                tables::complain(&mistake.to_string());
            }
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
    exit_code(runtime.block_on(carry_out(command, config)))
}

fn exit_code(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tables::complain(&told(&*failure));
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: Command, config: Config) -> Result<(), Failure> {
    match command {
        Command::Serve => serve::serve(config).await,
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
