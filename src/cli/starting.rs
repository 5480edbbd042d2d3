//! Start of the server: waits for stores, and prints the address and the setup link.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::tables::{NotWritten, print, print_error, print_to_stderr};
use crate::config::{Logging, WrittenDuration};
use crate::telemetry::{self, LogFormat, OF_THE_START};
use crate::{Anteroom, Options, StartupError};

/// Pause between two attempts to start.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Starts as soon as the stores answer, for at most `wait`: containers start in any order.
pub(super) async fn start_when_ready(
    options: Options,
    wait: Option<Duration>,
) -> Result<Anteroom, StartupError> {
    let until = wait.map(|wait| Instant::now() + wait);
    let (mut logged_database, mut logged_redis) = (false, false);
    loop {
        let error = match Anteroom::start(options.clone()).await {
            Ok(anteroom) => {
                if logged_database || logged_redis {
                    tracing::info!("the stores answer; starting");
                }
                return Ok(anteroom);
            }
            Err(error) => error,
        };
        let may_wait = until.is_some_and(|until| Instant::now() + RETRY_INTERVAL < until);
        if !error.may_pass() || !may_wait {
            return Err(error);
        }
        let is_logged = match &error {
            StartupError::Redis(_) => &mut logged_redis,
            _ => &mut logged_database,
        };
        if !std::mem::replace(is_logged, true) {
            let wait = WrittenDuration(wait.unwrap_or_default());
            tracing::warn!("waiting up to {wait} for a store: {error}");
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Prints the address of the server, and the setup link for the first administrator.
pub(super) fn announce(
    logging: &Logging,
    url: &str,
    setup_link: Option<&str>,
) -> Result<(), NotWritten> {
    if logging.format == LogFormat::Json {
        tracing::info!(target: OF_THE_START, url, "Anteroom is listening on {url}");
        if let Some(setup_link) = setup_link {
            tracing::info!(
                target: OF_THE_START,
                setup_link,
                "There is no administrator yet. Make one, within an hour, at the setup link"
            );
        }
        return Ok(());
    }
    // With audit events on stdout, nothing else may be there.
    let print = if logging.audit_on_stdout { print_to_stderr } else { print };
    print(&format!("Anteroom is listening on {url}"))?;
    if let Some(link) = setup_link {
        print(&format!("There is no administrator yet. Make one, within an hour, at:\n  {link}"))?;
    }
    Ok(())
}

/// Writes an error to stderr, in the format of the log.
pub(super) fn log_failure(format: LogFormat, text: &str) {
    match format {
        LogFormat::Text => print_error(text),
        LogFormat::Json => {
            // Logging may have started already.
            let _ = telemetry::start("off", LogFormat::Json, None);
            tracing::error!(target: OF_THE_START, "{text}");
        }
    }
}
