//! What the server does with signals. Only those that ask it to stop end it.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of this process, heard from the moment on at which it is made.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// Those that would end the process, and change nothing.
    without_effect: Vec<(&'static str, Signal)>,
    /// A file that has grown too large fails the write, which is told by whoever writes.
    _file_size: Signal,
}

impl Signals {
    /// Needs a tokio runtime.
    pub(super) fn listen() -> io::Result<Self> {
        let without_effect = [
            ("SIGHUP", SignalKind::hangup()),
            ("SIGUSR1", SignalKind::user_defined1()),
            ("SIGUSR2", SignalKind::user_defined2()),
            ("SIGALRM", SignalKind::alarm()),
            ("SIGVTALRM", SignalKind::from_raw(Number::VTALARM.as_raw())),
            ("SIGPROF", SignalKind::from_raw(Number::PROF.as_raw())),
            ("SIGIO", SignalKind::io()),
        ];
        let heard = |(name, kind)| signal(kind).map(|signal| (name, signal));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            without_effect: without_effect.into_iter().map(heard).collect::<io::Result<_>>()?,
            _file_size: signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?,
        })
    }

    /// From now on the log tells of those that change nothing.
    pub(super) fn tell_of_others(&mut self) {
        for (name, mut signal) in std::mem::take(&mut self.without_effect) {
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    tracing::warn!(
                        signal = name,
                        "{name}: nothing was reloaded, and the server goes on; restart it for new \
                         settings"
                    );
                }
            });
        }
    }

    /// Done when the process is asked to stop, by the system or at the terminal.
    pub(super) async fn asked_to_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}
