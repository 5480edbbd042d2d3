//! Signal handling. SIGTERM, SIGINT and SIGQUIT stop the server; other signals are logged.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

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

    /// Logs ignored signals from now on.
    pub(super) fn log_ignored(&mut self) {
        for (name, mut signal) in std::mem::take(&mut self.ignored) {
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    tracing::warn!(
                        signal = name,
                        "{name}: nothing was reloaded; restart the server to apply new settings"
                    );
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
