//! Counts attempts before their result is known. The result decides whether a count is kept or
//! released.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::in_flight::{InFlight, Retry};
use super::limits::Limited;
use super::reports::Reports;
use super::{AccountKey, Counter, Network, Refusal, Release, ThrottleOptions, ThrottleStore};
use crate::clock::Clock;
use crate::detached::{self, run_to_completion};
use crate::failure::StoreError;

/// How long a network stays known to an account after the owner signed in from it.
const KNOWN_FOR: time::Duration = time::Duration::days(30);
/// How long an attempt waits for the results of earlier ones, which may wait two seconds for their
/// hash.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// One attempt too many. It does not name the limit, which would show that an account is under
/// attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub struct Throttled {
    /// After this long the next attempt is allowed, if there is none before.
    pub wait: Duration,
}

/// Why an attempt is refused.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// There were too many attempts before.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many attempts are in flight.
    #[error("too many attempts at once")]
    Busy,
    /// The store failed: without a count no attempt is allowed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Counts attempts. Cheap to clone.
#[derive(Clone)]
pub struct Throttle(Arc<Inner>);

struct Inner {
    store: Arc<dyn ThrottleStore>,
    options: ThrottleOptions,
    clock: Clock,
    in_flight: InFlight,
    reports: Reports,
}

impl Throttle {
    /// A throttle whose counters are in this store.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleStore>, options: ThrottleOptions, clock: Clock) -> Self {
        let (in_flight, reports) = (InFlight::default(), Reports::default());
        Self(Arc::new(Inner { store, options, clock, in_flight, reports }))
    }

    /// Whether attempts on one account are limited.
    #[must_use]
    pub fn limits_accounts(&self) -> bool {
        self.0.options.account.is_some()
    }

    /// Counts a password for an account, before it is checked. `held` is dropped once the count is
    /// kept or released.
    ///
    /// # Errors
    /// [`AttemptError`]; it is not counted and may not be checked.
    pub async fn password(
        &self,
        account: AccountKey,
        from: Option<Network>,
        held: impl Clone + Send + Sync + 'static,
    ) -> Result<Attempt, AttemptError> {
        let is_known = match from {
            Some(network) if self.0.options.account.is_some() => {
                let since = self.now().saturating_sub(KNOWN_FOR);
                self.0.store.is_known(&account, network, since).await?
            }
            _ => false,
        };
        let limits = self.0.options.of_password(&account, from, is_known);
        let owner = from.filter(|_| self.0.options.account.is_some());
        let owner = owner.map(|network| (account, network));
        self.count(limits, owner, held).await
    }

    /// Counts a sign-up, before it is known whether the address is taken.
    ///
    /// # Errors
    /// [`AttemptError`]; it is not counted and must not continue.
    pub async fn sign_up(
        &self,
        from: Option<Network>,
        held: impl Clone + Send + Sync + 'static,
    ) -> Result<Attempt, AttemptError> {
        self.count(self.0.options.of_sign_up(from), None, held).await
    }

    /// Remembers the network where an account was created as one of its owner.
    pub async fn remember(&self, account: AccountKey, from: Option<Network>) {
        if let Some(network) = from.filter(|_| self.0.options.account.is_some()) {
            let remember = Some((account, network));
            self.release(&Release { remember, ..Release::default() }, self.now()).await;
        }
    }

    /// Deletes expired rows, at most `most` of each kind. `true`: none is left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn sweep(&self, most: u32) -> Result<bool, StoreError> {
        let now = self.now();
        self.0.store.sweep(now, now.saturating_sub(KNOWN_FOR), most).await
    }

    async fn count(
        &self,
        mut limits: Vec<Limited>,
        owner: Option<(AccountKey, Network)>,
        held: impl Clone + Send + Sync + 'static,
    ) -> Result<Attempt, AttemptError> {
        if limits.is_empty() {
            return Ok(Attempt::uncounted());
        }
        // One order for all, so that two attempts cannot deadlock on their rows.
        limits.sort_by(|(_, one), (_, other)| one.key.cmp(&other.key));
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            let released = self.0.in_flight.released();
            let at = self.now();
            let open = || Reservation {
                throttle: self.clone(),
                limits: limits.clone(),
                at,
                owner,
                held: Box::new(held.clone()),
            };
            let refusal = match self.0.store.refusal(&counters(&limits), at).await? {
                Some(refusal) => refusal,
                // A dropped request must not leave a count that is never released.
                None => match run_to_completion(reserve(open())).await?? {
                    Ok(attempt) => return Ok(attempt),
                    Err(refusal) => refusal,
                },
            };
            // The refusal may be due to attempts that are released later, or were just now.
            match self.0.in_flight.retry(&refusal.key, released) {
                Retry::Never => return Err(self.refused(&limits, &refusal, at).into()),
                Retry::Now => {}
                Retry::After(decided) => {
                    timeout_at(deadline, decided).await.map_err(|_| AttemptError::Busy)?;
                }
            }
            if Instant::now() >= deadline {
                return Err(AttemptError::Busy);
            }
        }
    }

    fn refused(&self, limits: &[Limited], refusal: &Refusal, now: OffsetDateTime) -> Throttled {
        let limited = limits.iter().find(|(_, counter)| counter.key == refusal.key);
        if let Some((limit, _)) = limited
            && self.0.reports.is_due(&refusal.key, now)
        {
            let wait = refusal.wait.as_secs();
            tracing::warn!(limit = limit.as_str(), wait, "too many attempts");
        }
        Throttled { wait: refusal.wait }
    }

    fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    /// A failure can leave too much counted, never too little.
    async fn release(&self, release: &Release, now: OffsetDateTime) {
        if let Err(error) = self.0.store.release(release, now).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                error,
                "could not release a throttle reservation; the attempt stays counted"
            );
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("options", &self.0.options).finish_non_exhaustive()
    }
}

fn counters(limits: &[Limited]) -> Vec<Counter> {
    limits.iter().map(|(_, counter)| counter.clone()).collect()
}

async fn reserve(open: Reservation) -> Result<Result<Attempt, Refusal>, StoreError> {
    let throttle = open.throttle.clone();
    // Before it is counted: an attempt that this count refuses must find it here.
    throttle.0.in_flight.enter(&open.limits);
    let reserved = throttle.0.store.reserve(&counters(&open.limits), open.at).await;
    match reserved {
        Ok(None) => Ok(Ok(Attempt::of(open))),
        Ok(Some(refusal)) => {
            throttle.0.in_flight.leave(&open.limits, false);
            Ok(Err(refusal))
        }
        Err(error) => {
            throttle.0.in_flight.leave(&open.limits, false);
            Err(error)
        }
    }
}

/// A counted attempt. Dropping it without a result releases its count.
#[must_use = "an attempt that is dropped is released"]
pub struct Attempt(Option<Reservation>);

/// The counts of an attempt without a result.
struct Reservation {
    throttle: Throttle,
    limits: Vec<Limited>,
    at: OffsetDateTime,
    /// The account, and the network to remember on success.
    owner: Option<(AccountKey, Network)>,
    /// Dropped once the count is kept or released.
    held: Box<dyn Send + Sync>,
}

impl Attempt {
    fn of(reservation: Reservation) -> Self {
        Self(Some(reservation))
    }

    /// An attempt that no limit applies to.
    fn uncounted() -> Self {
        Self(None)
    }

    /// Keeps the count: the attempt failed, or revealed something.
    pub fn keep_counted(mut self) {
        if let Some(reservation) = self.0.take() {
            reservation.close(false);
        }
    }

    /// The owner of the account succeeded. Releases the count, clears the counters of this account
    /// from this network, and remembers the network.
    pub async fn succeeded(mut self) {
        if let Some(reservation) = self.0.take() {
            // A failure must not turn a right password into an error: counters expire.
            if let Err(error) = detached::spawn(reservation.settle(true)).await {
                tracing::error!(%error, "could not clear throttle counters; they expire");
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(reservation) = self.0.take() {
            if tokio::runtime::Handle::try_current().is_ok() {
                drop(detached::spawn(reservation.settle(false)));
            } else {
                // Without a runtime nothing can give it back: the counters run out by themselves.
                reservation.close(false);
            }
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

impl Reservation {
    async fn settle(self, is_success: bool) {
        let now = self.throttle.now();
        let elapsed = Duration::try_from(now - self.at).unwrap_or_default().as_millis();
        let is_cleared = |limited: &&Limited| is_success && limited.0.is_cleared_by_success();
        // A counter that may have expired since no longer contains this attempt.
        let still_counts =
            |limited: &&Limited| u128::try_from(limited.1.pace.step()).is_ok_and(|s| elapsed < s);
        let give_back = self.limits.iter().filter(|one| !is_cleared(one)).filter(still_counts);
        let release = Release {
            give_back: give_back.map(|(_, counter)| counter.clone()).collect(),
            clear: self.limits.iter().filter(is_cleared).map(|(_, c)| c.key.clone()).collect(),
            remember: self.owner.filter(|_| is_success),
        };
        self.throttle.release(&release, now).await;
        self.close(true);
    }

    /// Wakes the attempts that wait for this result.
    fn close(self, was_released: bool) {
        let Self { throttle, limits, held, .. } = self;
        drop(held);
        throttle.0.in_flight.leave(&limits, was_released);
    }
}
