//! The threads that hash passwords, and their bounded queue.
//!
//! Each request takes a slot (running or waiting) or is rejected. A slot is freed when its work is
//! done or its request is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Block;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::{Busy, HashError, HasherOptions};
use crate::metrics::Metrics;
use crate::telemetry::TRACES;

/// The `nice` value of hashing threads: on a busy core they get about a tenth of it, so that other
/// requests stay fast.
#[cfg(target_os = "linux")]
const GIVES_WAY: i32 = 10;

/// Of this thread alone, which is how Linux has it; elsewhere it would be the whole process.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(GIVES_WAY) {
        tracing::warn!(%error, "could not lower the priority of a hashing thread");
    }
}

/// A fixed number of threads, with a bounded queue.
pub(super) struct Workers {
    threads: usize,
    /// The number of slots.
    most: usize,
    /// Moving average of the duration of a hash, in microseconds.
    takes: Arc<AtomicU64>,
    /// One permit for each running or waiting request.
    slots: Arc<Semaphore>,
    /// By how much their work is more than a hash for each, in thousandths of a hash.
    extra: Arc<AtomicU64>,
    /// One permit for each thread.
    free: Arc<Semaphore>,
    wait: Duration,
    metrics: Metrics,
    /// The threads end when this does.
    jobs: Sender<Job>,
}

/// A slot of the queue. It is freed with its last clone.
#[derive(Clone)]
pub(in crate::accounts) struct HashSlot(Arc<Place>);

/// A place in the queue, which counts as one hash until it is known what is to be hashed.
struct Place {
    #[expect(dead_code, reason = "held, never read")]
    permit: OwnedSemaphorePermit,
    /// By how much it counts more, in thousandths of a hash.
    extra: AtomicU64,
    /// That of all places.
    all: Arc<AtomicU64>,
}

impl HashSlot {
    /// Says how much work it is for.
    pub(super) fn weigh(&self, weight: Weight) {
        let extra = weight.0.saturating_sub(Weight::ONE.0);
        let before = self.0.extra.swap(extra, Ordering::Relaxed);
        self.0.all.fetch_add(extra, Ordering::Relaxed);
        self.0.all.fetch_sub(before, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.fetch_sub(*self.extra.get_mut(), Ordering::Relaxed);
    }
}

/// How much work something is, in thousandths of a hash of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight(u64);

impl Weight {
    pub(super) const ONE: Self = Self(1_000);

    /// Of two durations.
    pub(super) fn of(work: u64, one: u64) -> Self {
        Self((work.saturating_mul(Self::ONE.0) / one.max(1)).max(1))
    }

    /// The share of one hash in this duration.
    fn share(self, duration: u64) -> u64 {
        duration.saturating_mul(Self::ONE.0) / self.0
    }
}

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
            slots: Arc::new(Semaphore::new(most)),
            extra: Arc::default(),
            free: Arc::new(Semaphore::new(threads.get())),
            wait,
            metrics: metrics.clone(),
            jobs,
        })
    }

    /// Reserves a slot without waiting.
    ///
    /// # Errors
    /// [`HashError::Busy`] when none is free, or when those before take longer than the wait.
    pub(super) fn reserve_slot(&self) -> Result<HashSlot, HashError> {
        let taken = self.most - self.slots.available_permits().min(self.most);
        let waiting = taken.saturating_sub(self.threads);
        if taken >= self.threads && self.needed_by(waiting + 1) > self.wait {
            return Err(self.refused(waiting));
        }
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let permit = slot.map_err(|_| self.refused(waiting))?;
        let (extra, all) = (AtomicU64::new(0), Arc::clone(&self.extra));
        Ok(HashSlot(Arc::new(Place { permit, extra, all })))
    }

    /// The expected duration of this many requests, with the weight of those in the queue.
    fn needed_by(&self, requests: usize) -> Duration {
        let hashes = u64::try_from(requests).unwrap_or(u64::MAX).saturating_mul(Weight::ONE.0);
        let hashes = hashes.saturating_add(self.extra.load(Ordering::Relaxed));
        let takes = self.takes.load(Ordering::Relaxed);
        let all = takes.saturating_mul(hashes) / Weight::ONE.0;
        Duration::from_micros(all / u64::try_from(self.threads).unwrap_or(1).max(1))
    }

    fn refused(&self, waiting: usize) -> HashError {
        self.metrics.hash_refused();
        Busy { wait: self.needed_by(waiting.max(1)) }.into()
    }

    /// As [`Workers::run`], of a hash: what it takes, and the weight that `work` gives, say how many
    /// may wait.
    pub(super) async fn hash<T: Send + 'static>(
        &self,
        slot: HashSlot,
        work: impl FnOnce(&mut Memory) -> (T, Weight) + Send + 'static,
    ) -> Result<T, HashError> {
        let takes = Arc::clone(&self.takes);
        let measured = move |memory: &mut Memory| {
            let begun = Instant::now();
            let (outcome, weight) = work(memory);
            let took = weight.share(microseconds(begun.elapsed()));
            // Two concurrent updates may lose one, which does not matter for an average.
            let before = takes.load(Ordering::Relaxed);
            takes.store(next_estimate(before, took), Ordering::Relaxed);
            outcome
        };
        self.run(slot, measured).await
    }

    /// Runs `work` on a thread and waits for its result.
    ///
    /// # Errors
    /// [`HashError::Busy`] when no thread comes free in time, [`HashError::Failed`] when the work
    /// panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        slot: HashSlot,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let waiting = tracing::trace_span!(target: TRACES, "wait for a hashing thread");
        let thread = self.thread().instrument(waiting).await?;
        let hashing = tracing::trace_span!(target: TRACES, "hash");
        let permits = (slot, thread);
        let metrics = self.metrics.clone();
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            let permits = permits;
            // The request was dropped: free the thread for another one.
            let outcome = (!answer.is_closed()).then(|| {
                let (_running, begun) = (metrics.hash_runs(), Instant::now());
                let outcome = catch_unwind(AssertUnwindSafe(|| work(memory)));
                metrics.hashed(begun.elapsed());
                outcome
            });
            // Before the answer, so that the slot is free when the answer arrives.
            drop(permits);
            if let Some(Ok(outcome)) = outcome {
                let _ = answer.send(outcome);
            }
        });
        self.jobs.send(job).map_err(|_| HashError::Failed)?;
        answered.instrument(hashing).await.map_err(|_| HashError::Failed)
    }

    async fn thread(&self) -> Result<OwnedSemaphorePermit, HashError> {
        let _waiting = self.metrics.hash_waits();
        let thread = timeout(self.wait, Arc::clone(&self.free).acquire_owned());
        if let Ok(Ok(thread)) = thread.await {
            return Ok(thread);
        }
        let taken = self.most - self.slots.available_permits().min(self.most);
        Err(self.refused(taken.saturating_sub(self.threads)))
    }
}

#[cfg(test)]
impl Workers {
    /// How many more could ask now.
    pub(super) fn free_slots(&self) -> usize {
        self.slots.available_permits()
    }
}

/// The estimate of a hash's duration after one more took `took` microseconds. It falls faster than
/// it rises: once a busy machine is idle again, a few hashes are enough to let others wait again.
fn next_estimate(before: u64, took: u64) -> u64 {
    let weight = if took < before { 1 } else { 7 };
    before.saturating_mul(weight).saturating_add(took) / (weight + 1)
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
        self.keep(count);
        self.0.try_reserve_exact(count - self.0.len()).ok()?;
        self.0.resize(count, Block::new());
        Some(&mut self.0)
    }

    /// Frees what is beyond this many blocks: a larger hash must not keep its memory.
    pub(super) fn keep(&mut self, count: usize) {
        if self.0.len() > count {
            self.0.truncate(count);
            self.0.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests;
