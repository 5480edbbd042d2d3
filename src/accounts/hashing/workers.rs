//! The threads that hash, and who is let in to them.
//!
//! Everybody who asks takes a place (a thread's or a waiting one) or is sent away; a place comes
//! back when its work is done or its request is dropped, whatever happens in between.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Block;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::{Busy, HashError, HasherOptions};
use crate::metrics::Metrics;

/// Whoever is signed in comes first: where a core is wanted by both, a thread that hashes gets a
/// tenth of it and is put off at once. In the steps of `nice`.
#[cfg(target_os = "linux")]
const GIVES_WAY: i32 = 10;

/// Of this thread alone, which is how Linux has it; elsewhere it would be the whole process.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(GIVES_WAY) {
        tracing::warn!(%error, "hashing does not give way to the requests of those signed in");
    }
}

/// A fixed number of threads, and before them whoever is done within the longest wait.
pub(super) struct Workers {
    threads: usize,
    /// Of all places.
    most: usize,
    /// What a hash takes, in microseconds: of the latest ones on average.
    takes: Arc<AtomicU64>,
    /// One permit for each request under way or waiting.
    places: Arc<Semaphore>,
    /// One permit for each thread.
    free: Arc<Semaphore>,
    wait: Duration,
    metrics: Metrics,
    /// The threads end when this does.
    jobs: Sender<Job>,
}

/// A place among those who are let in. It comes back with its last clone.
#[derive(Clone)]
pub(in crate::accounts) struct Place(
    #[expect(dead_code, reason = "held, never read")] Arc<OwnedSemaphorePermit>,
);

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

impl Workers {
    pub(super) fn start(options: &HasherOptions) -> std::io::Result<Self> {
        let &HasherOptions { threads, queue, wait, ref metrics, .. } = options;
        let (jobs, inbox) = mpsc::channel();
        let inbox = Arc::new(Mutex::new(inbox));
        for number in 0..threads.get() {
            let inbox = Arc::clone(&inbox);
            std::thread::Builder::new().name(format!("hash-{number}")).spawn(move || {
                give_way();
                work_off(&inbox);
            })?;
        }
        let most = threads.get().saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            threads: threads.get(),
            most,
            takes: Arc::new(AtomicU64::new(microseconds(options.parameters.expected()))),
            places: Arc::new(Semaphore::new(most)),
            free: Arc::new(Semaphore::new(threads.get())),
            wait,
            metrics: metrics.clone(),
            jobs,
        })
    }

    /// Takes a place, at once or not at all.
    ///
    /// # Errors
    /// [`HashError::Busy`] when none is free, or when those before take longer than the wait.
    pub(super) fn place(&self) -> Result<Place, HashError> {
        let taken = self.most - self.places.available_permits().min(self.most);
        let waiting = taken.saturating_sub(self.threads);
        if taken >= self.threads && self.needed_by(waiting + 1) > self.wait {
            return Err(self.refused(waiting));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(|place| Place(Arc::new(place))).map_err(|_| self.refused(waiting))
    }

    /// How long the threads need for so many hashes.
    fn needed_by(&self, hashes: usize) -> Duration {
        let takes = self.takes.load(Ordering::Relaxed);
        let all = takes.saturating_mul(u64::try_from(hashes).unwrap_or(u64::MAX));
        Duration::from_micros(all / u64::try_from(self.threads).unwrap_or(1).max(1))
    }

    fn refused(&self, waiting: usize) -> HashError {
        self.metrics.hash_refused();
        Busy { wait: self.needed_by(waiting.max(1)) }.into()
    }

    /// As [`Workers::run`], of a hash: what it takes says how many may wait.
    pub(super) async fn hash<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let takes = Arc::clone(&self.takes);
        let measured = move |memory: &mut Memory| {
            let begun = Instant::now();
            let outcome = work(memory);
            let took = microseconds(begun.elapsed());
            // Two at once may lose one of them, which matters to nobody.
            let before = takes.load(Ordering::Relaxed);
            takes.store((before.saturating_mul(7).saturating_add(took)) / 8, Ordering::Relaxed);
            outcome
        };
        self.run(place, measured).await
    }

    /// Has `work` done on a thread for whoever has this place, and waits for what it gives.
    ///
    /// # Errors
    /// [`HashError::Busy`] when no thread comes free in time, [`HashError::Failed`] when the work
    /// panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let thread = self.thread().await?;
        let permits = (place, thread);
        let metrics = self.metrics.clone();
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            let permits = permits;
            // Nobody waits any more: leave the thread to somebody who does.
            let outcome = (!answer.is_closed()).then(|| {
                let (_running, begun) = (metrics.hash_runs(), Instant::now());
                let outcome = catch_unwind(AssertUnwindSafe(|| work(memory)));
                metrics.hashed(begun.elapsed());
                outcome
            });
            // Before the answer, so that whoever has it finds the place free.
            drop(permits);
            if let Some(Ok(outcome)) = outcome {
                let _ = answer.send(outcome);
            }
        });
        self.jobs.send(job).map_err(|_| HashError::Failed)?;
        answered.await.map_err(|_| HashError::Failed)
    }

    async fn thread(&self) -> Result<OwnedSemaphorePermit, HashError> {
        let _waiting = self.metrics.hash_waits();
        let thread = timeout(self.wait, Arc::clone(&self.free).acquire_owned());
        if let Ok(Ok(thread)) = thread.await {
            return Ok(thread);
        }
        let taken = self.most - self.places.available_permits().min(self.most);
        Err(self.refused(taken.saturating_sub(self.threads)))
    }
}

#[cfg(test)]
impl Workers {
    /// How many more could ask now.
    pub(super) fn free_places(&self) -> usize {
        self.places.available_permits()
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn work_off(inbox: &Mutex<Receiver<Job>>) {
    let mut memory = Memory::default();
    loop {
        let job = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(&mut memory),
            Err(_) => return,
        }
    }
}

/// The blocks that a thread fills, kept from one hash to the next.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// This many blocks, with anything in them. `None`: there is no memory for them.
    pub(super) fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if self.0.len() > count {
            // One costlier hash of other days must not hold its memory for ever.
            self.0.truncate(count);
            self.0.shrink_to_fit();
        }
        self.0.try_reserve_exact(count - self.0.len()).ok()?;
        self.0.resize(count, Block::new());
        Some(&mut self.0)
    }
}

#[cfg(test)]
mod tests;
