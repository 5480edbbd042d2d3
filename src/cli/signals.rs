//! Signal handling. SIGTERM, SIGINT and SIGQUIT stop the server, SIGHUP reloads the rules of
//! forward auth; other signals are logged.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::rules::{LiveRules, RulesFile};

/// Handlers of the signals of this process, active as soon as the value exists.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// Signals that would end the process by default. They are only logged.
    ignored: Vec<(&'static str, Signal)>,
    /// With a handler, a file that is too large fails the write instead of ending the process.
    _file_size: Signal,
}

impl Signals {
    /// Needs a tokio runtime.
    pub(super) fn listen() -> io::Result<Self> {
        let ignored = [
            ("SIGHUP", SignalKind::hangup()),
            ("SIGUSR1", SignalKind::user_defined1()),
            ("SIGUSR2", SignalKind::user_defined2()),
            ("SIGALRM", SignalKind::alarm()),
            ("SIGVTALRM", SignalKind::from_raw(Number::VTALARM.as_raw())),
            ("SIGPROF", SignalKind::from_raw(Number::PROF.as_raw())),
            ("SIGIO", SignalKind::io()),
        ];
        let handler = |(name, kind)| signal(kind).map(|signal| (name, signal));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            ignored: ignored.into_iter().map(handler).collect::<io::Result<_>>()?,
            _file_size: signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?,
        })
    }

    /// From now on reloads the rules on SIGHUP, and logs the other signals.
    pub(super) fn handle_others(&mut self, rules: &LiveRules) {
        for (name, mut signal) in std::mem::take(&mut self.ignored) {
            let rules = rules.clone();
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    match rules.file() {
                        Some(file) if name == "SIGHUP" => reload(&rules, file).await,
                        _ => tracing::warn!(
                            signal = name,
                            "{name}: nothing was reloaded; restart the server to apply new settings"
                        ),
                    }
                }
            });
        }
    }

    /// Completes on a signal that stops the server.
    pub(super) async fn stop_requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}

/// Not on a worker of the runtime: the file may be long, or on a slow disk.
async fn reload(rules: &LiveRules, file: &RulesFile) {
    let (path, reloading) = (file.path.display(), rules.clone());
    let reloaded = tokio::task::spawn_blocking(move || reloading.reload());
    match reloaded.await {
        Ok(Ok(rules)) => {
            tracing::info!(%path, rules, "reloaded the rules; other settings need a restart");
        }
        Ok(Err(error)) => {
            tracing::error!(%path, %error, "could not reload the rules; the earlier ones stay in force");
        }
        Err(_) => {
            tracing::error!(%path, "could not reload the rules; the earlier ones stay in force");
        }
    }
}
