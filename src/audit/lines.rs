//! Audit events as JSON lines, for log collectors. A slow or closed reader never blocks a request:
//! beyond a bound, lines are dropped, counted and reported in the log.
//!
//! `tracing-appender` cannot replace this: it does not count write errors, waits at most a second
//! at shutdown, and with a full queue prints to stdout, which may block and is not JSON.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{EventBody, Recorded};

/// The most lines that wait for the reader, some 500 bytes each.
const QUEUE: usize = 4096;
/// Interval at which a flush retries to enter a full queue.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Writes each event as one line. Cheap to clone.
#[derive(Clone)]
pub struct AuditLines {
    queue: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

enum Entry {
    Line(String),
    /// Signals that all lines before it are written.
    Mark(oneshot::Sender<()>),
}

impl AuditLines {
    /// Starts the thread that writes. Only this thread blocks.
    ///
    /// # Errors
    /// [`io::Error`] when the thread does not start.
    pub fn to(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(QUEUE);
        let lost = Arc::<AtomicU64>::default();
        let counted = lost.clone();
        let thread = std::thread::Builder::new().name("audit-lines".to_owned());
        thread.spawn(move || write(writer, &waiting, &counted))?;
        Ok(Self { queue, lost })
    }

    /// Queues a line, or counts it as lost. Never blocks.
    pub(super) fn tell(&self, recorded: &Recorded) {
        let told = EventBody::from(recorded.clone());
        let sent = serde_json::to_string(&told).map(|line| self.queue.try_send(Entry::Line(line)));
        if !matches!(sent, Ok(Ok(()))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Logs how many were lost since the last time.
    pub(super) fn report(&self) {
        let lines = self.lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::error!(
                lines,
                "dropped audit lines: the reader of stdout is too slow or closed"
            );
        }
    }

    /// Returns once all lines before are written.
    pub(super) async fn written(&self) {
        let (mark, reached) = oneshot::channel();
        let mut entry = Entry::Mark(mark);
        while let Err(TrySendError::Full(again)) = self.queue.try_send(entry) {
            entry = again;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // It fails where the thread has ended, which writes no more.
        let _ = reached.await;
    }
}

fn write(mut writer: impl Write, waiting: &Receiver<Entry>, lost: &AtomicU64) {
    for entry in waiting {
        match entry {
            Entry::Line(mut line) => {
                line.push('\n');
                if writer.write_all(line.as_bytes()).and_then(|()| writer.flush()).is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Entry::Mark(reached) => {
                // The flush may have timed out.
                let _ = reached.send(());
            }
        }
    }
}

impl fmt::Debug for AuditLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditLines")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::audit::{By, Event, EventId, Kind};
    use crate::clock::Clock;
    use crate::entropy::Entropy;

    /// Writes nothing until the test lets go.
    struct Stuck(Arc<Mutex<Vec<u8>>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn beyond_the_bound_lines_are_lost_and_counted() {
        let now = Clock::system().now();
        let id = EventId::from_uuid(Entropy::operating_system().id(now).unwrap());
        let event = Recorded::new(id, now, Event::new(Kind::Login, &By::server()));
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let lines = AuditLines::to(Stuck(written.clone())).unwrap();

        {
            let _stuck = written.lock().unwrap();
            for _ in 0..QUEUE + 10 {
                lines.tell(&event);
            }
        }

        let lost = lines.lost.load(Ordering::Relaxed);
        assert!((9..=10).contains(&lost), "{lost}: one may be with the thread");
        lines.written().await;
        let count = written.lock().unwrap().split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(u64::try_from(count).unwrap() + lost, u64::try_from(QUEUE).unwrap() + 10);
    }
}
