//! The beginning of a server: stores that may not be there yet, and what is told to whom.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::tables::{NotWritten, complain, print, print_aside};
use crate::config::{Logging, WrittenDuration};
use crate::telemetry::{self, LogFormat, OF_THE_START};
use crate::{Anteroom, Options, StartupError};

/// How long a start waits before it tries again.
const PAUSE: Duration = Duration::from_millis(500);

/// Starts as soon as the stores answer. A store that is not there yet is waited for, up to a limit:
/// machines and containers start in any order.
pub(super) async fn once_the_stores_answer(
    options: Options,
    wait: Option<Duration>,
) -> Result<Anteroom, StartupError> {
    let until = wait.map(|wait| Instant::now() + wait);
    let mut told = (false, false);
    loop {
        let error = match Anteroom::start(options.clone()).await {
            Ok(anteroom) => {
                if told != (false, false) {
                    tracing::info!("the stores answer, so the start goes on");
                }
                return Ok(anteroom);
            }
            Err(error) => error,
        };
        let may_wait = until.is_some_and(|until| Instant::now() + PAUSE < until);
        if !error.may_pass() || !may_wait {
            return Err(error);
        }
        let is_told = match &error {
            StartupError::Redis(_) => &mut told.1,
            _ => &mut told.0,
        };
        if !std::mem::replace(is_told, true) {
            let wait = WrittenDuration(wait.unwrap_or_default());
            tracing::warn!("waiting up to {wait} for a store: {error}");
        }
        sleep(PAUSE).await;
    }
}

/// Tells where the server listens, and how to make the first administrator.
pub(super) fn tell(
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
    // Whoever reads events on stdout has to read nothing else there.
    let print = if logging.audit_on_stdout { print_aside } else { print };
    print(&format!("Anteroom is listening on {url}"))?;
    if let Some(link) = setup_link {
        print(&format!("There is no administrator yet. Make one, within an hour, at:\n  {link}"))?;
    }
    Ok(())
}

/// Tells why a server does not start, in the form of its log.
pub(super) fn complain_as(format: LogFormat, text: &str) {
    match format {
        LogFormat::Text => complain(text),
        LogFormat::Json => {
            // Unless it is started already.
            let _ = telemetry::start("off", LogFormat::Json);
            tracing::error!(target: OF_THE_START, "{text}");
        }
    }
}
