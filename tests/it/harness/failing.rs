//! Stores of which one call fails, before its effect or after it, or takes its time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom::Stores;
use anteroom::accounts::{Epoch, Letter, LetterId, Link, LinkDigest, PasskeyId, UserId};
use anteroom::audit::{AuditStore, AuditWalk, EventId, Kind, Recorded};
use anteroom::failure::StoreError;
use anteroom::mail::{
    ClaimedLetter, FailedLetter, MailListing, MailPage, MailState, MailStore, Recipient,
};
use anteroom::sessions::{EpochMove, Outbox};
use anteroom::store::{Intercepted, Interceptor, StoreCall, StoreFailure};
use anteroom::throttle::{AccountKey, Counter, Network, Refusal, Release, ThrottleStore};
use anteroom::webhook::{
    ClaimedDelivery, DeliveryRetention, DeliveryState, DeliveryStore, FailedAttempt,
};
use async_trait::async_trait;
use time::OffsetDateTime;

/// What the store says, and no answer may.
pub const INSIDES: &str = "struck: SELECT password_hash FROM users in /srv/anteroom.db, sqlx 0.9";

/// What happens to the call that is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails and has done nothing.
    Before,
    /// It fails although it has done everything: the reply is lost.
    After,
    /// It works, but late.
    Late(Duration),
    /// Every call from this one on fails, as with a store that is gone.
    Outage,
    /// It panics, as code with a fault does.
    Panic,
    /// The server dies before its effect: neither this call nor any later one returns.
    DeathBefore,
    /// The server dies right after its effect.
    DeathAfter,
}

#[derive(Default)]
struct Plan {
    /// Counts down to the call that is struck.
    strike: Option<(usize, Fault)>,
    /// Calls of another name are neither counted nor struck.
    only: Option<&'static str>,
    /// The call that was struck.
    struck: Option<&'static str>,
    /// Whether the server has died of it.
    dead: bool,
}

/// Decides which call fails. Clones share the decision.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// Wraps every store that handlers call.
    pub fn wrap(&self, mut stores: Stores) -> Stores {
        stores.accounts = Arc::new(Intercepted::new(stores.accounts, self.clone()));
        stores.factors = Arc::new(Intercepted::new(stores.factors, self.clone()));
        stores.sessions = Arc::new(Intercepted::new(stores.sessions, self.clone()));
        stores.outbox = stores
            .outbox
            .map(|inner| Arc::new(Failing { inner, faults: self.clone() }) as Arc<dyn Outbox>);
        stores.throttle = Arc::new(Failing { inner: stores.throttle, faults: self.clone() });
        stores.audit = Arc::new(Failing { inner: stores.audit, faults: self.clone() });
        stores.deliveries = Arc::new(Failing { inner: stores.deliveries, faults: self.clone() });
        stores.mail = Arc::new(Failing { inner: stores.mail, faults: self.clone() });
        // Nothing is remembered: every call is to be made, so that it can fail.
        stores.leases.confirming.clear();
        stores
    }

    /// Strikes the `nth` call from now on; the first is 1.
    pub fn strike(&self, nth: usize, fault: Fault) {
        *self.plan() = Plan { strike: Some((nth, fault)), ..Plan::default() };
    }

    /// Strikes the next call of this name, whatever else is called.
    pub fn strike_call(&self, only: &'static str, fault: Fault) {
        *self.plan() = Plan { strike: Some((1, fault)), only: Some(only), ..Plan::default() };
    }

    /// Strikes nothing any more. The name of the call that was struck, if any was.
    pub fn stop(&self) -> Option<&'static str> {
        std::mem::take(&mut *self.plan()).struck
    }

    /// Whether the server has died.
    pub fn is_dead(&self) -> bool {
        self.plan().dead
    }

    async fn die<T>(&self) -> T {
        self.plan().dead = true;
        std::future::pending().await
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, call: &'static str) -> Option<Fault> {
        let mut plan = self.plan();
        let (left, fault) = plan.strike?;
        if plan.only.is_some_and(|only| only != call) {
            return None;
        }
        let left = left.saturating_sub(1);
        plan.strike = Some((left, fault));
        let now = match fault {
            Fault::Outage => left == 0,
            // Whoever is dead does nothing more.
            Fault::DeathBefore | Fault::DeathAfter if plan.struck.is_some() => {
                return Some(Fault::DeathBefore);
            }
            _ => left == 0 && plan.struck.is_none(),
        };
        now.then(|| {
            plan.struck.get_or_insert(call);
            fault
        })
    }

    async fn around<T, E: From<StoreError>>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let lost = || E::from(StoreError::backend(std::io::Error::other(INSIDES)));
        match self.next(call) {
            None => work.await,
            Some(Fault::Before | Fault::Outage) => Err(lost()),
            Some(Fault::After) => {
                work.await?;
                Err(lost())
            }
            // Without the hook that prints: it is meant.
            Some(Fault::Panic) => std::panic::resume_unwind(Box::new(INSIDES)),
            Some(Fault::DeathBefore) => self.die().await,
            Some(Fault::DeathAfter) => {
                work.await?;
                self.die().await
            }
            Some(Fault::Late(time)) => {
                tokio::time::sleep(time).await;
                work.await
            }
        }
    }
}

struct Failing<S: ?Sized> {
    inner: Arc<S>,
    faults: Faults,
}

impl Interceptor for Faults {
    async fn intercept<T: Send, E: StoreFailure>(
        &self,
        name: StoreCall,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        match (name.store, name.operation) {
            // Background tasks make these calls, which would upset the count.
            ("sessions", "touch" | "sweep" | "count") => call.await,
            (_, operation) => self.around(operation, call).await,
        }
    }
}

#[async_trait]
impl Outbox for Failing<dyn Outbox> {
    /// The housekeeping's, which would upset the count, and which no dead server has.
    async fn pending(&self, most: u32) -> Result<Vec<EpochMove>, StoreError> {
        if self.faults.is_dead() {
            return std::future::pending().await;
        }
        self.inner.pending(most).await
    }

    async fn cross_off(&self, user: UserId, to: Epoch) -> Result<(), StoreError> {
        self.faults.around("cross off", self.inner.cross_off(user, to)).await
    }

    /// As [`Failing::pending`].
    async fn removed_passkeys(&self, most: u32) -> Result<Vec<(UserId, PasskeyId)>, StoreError> {
        if self.faults.is_dead() {
            return std::future::pending().await;
        }
        self.inner.removed_passkeys(most).await
    }

    async fn cross_off_passkey(&self, passkey: PasskeyId) -> Result<(), StoreError> {
        self.faults.around("cross off passkey", self.inner.cross_off_passkey(passkey)).await
    }
}

#[async_trait]
impl ThrottleStore for Failing<dyn ThrottleStore> {
    async fn refusal(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        self.faults.around("refusal", self.inner.refusal(counters, now)).await
    }

    async fn reserve(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        self.faults.around("reserve", self.inner.reserve(counters, now)).await
    }

    async fn release(&self, release: &Release, now: OffsetDateTime) -> Result<(), StoreError> {
        self.faults.around("release", self.inner.release(release, now)).await
    }

    async fn is_known(
        &self,
        account: &AccountKey,
        network: Network,
        since: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.faults.around("is known", self.inner.is_known(account, network, since)).await
    }

    async fn sweep(
        &self,
        now: OffsetDateTime,
        known_since: OffsetDateTime,
        most: u32,
    ) -> Result<bool, StoreError> {
        self.inner.sweep(now, known_since, most).await
    }
}

#[async_trait]
impl AuditStore for Failing<dyn AuditStore> {
    async fn append(&self, events: &[Recorded]) -> Result<(), StoreError> {
        self.faults.around("append", self.inner.append(events)).await
    }

    async fn walk(&self, walk: &AuditWalk) -> Result<Vec<Recorded>, StoreError> {
        self.faults.around("walk events", self.inner.walk(walk)).await
    }

    async fn count(&self, kind: Kind, range: (EventId, EventId)) -> Result<u64, StoreError> {
        self.faults.around("count events", self.inner.count(kind, range)).await
    }

    async fn last_settings(&self) -> Result<Option<String>, StoreError> {
        self.inner.last_settings().await
    }

    async fn keep_settings(&self, settings: &str) -> Result<(), StoreError> {
        self.inner.keep_settings(settings).await
    }
}

/// Of its calls, handlers make one.
#[async_trait]
impl DeliveryStore for Failing<dyn DeliveryStore> {
    async fn claim(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        self.inner.claim(now, until, most).await
    }

    async fn delivered(&self, id: EventId, at: OffsetDateTime) -> Result<(), StoreError> {
        self.inner.delivered(id, at).await
    }

    async fn put_back(
        &self,
        claimed: &ClaimedDelivery,
        failed: &FailedAttempt,
    ) -> Result<(), StoreError> {
        self.inner.put_back(claimed, failed).await
    }

    async fn state(&self) -> Result<DeliveryState, StoreError> {
        self.faults.around("state of deliveries", self.inner.state()).await
    }

    async fn sweep(&self, left: &DeliveryRetention, most: u32) -> Result<bool, StoreError> {
        self.inner.sweep(left, most).await
    }
}

/// Of its calls, handlers make some; the others are those of the background task.
#[async_trait]
impl MailStore for Failing<dyn MailStore> {
    async fn queue(&self, letter: &Letter) -> Result<(), StoreError> {
        self.faults.around("queue", self.inner.queue(letter)).await
    }

    async fn note_use(&self, language: &str, letter: &Letter) -> Result<(), StoreError> {
        self.faults.around("note use", self.inner.note_use(language, letter)).await
    }

    async fn claim(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedLetter>, StoreError> {
        self.inner.claim(now, until, most).await
    }

    async fn renew(
        &self,
        claimed: &ClaimedLetter,
        until: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.inner.renew(claimed, until).await
    }

    async fn prepare(
        &self,
        claimed: &ClaimedLetter,
        link: Option<&Link>,
        at: OffsetDateTime,
    ) -> Result<Option<Recipient>, StoreError> {
        self.inner.prepare(claimed, link, at).await
    }

    async fn sent(&self, id: LetterId) -> Result<(), StoreError> {
        self.inner.sent(id).await
    }

    async fn put_back(
        &self,
        claimed: &ClaimedLetter,
        failed: &FailedLetter,
    ) -> Result<(), StoreError> {
        self.inner.put_back(claimed, failed).await
    }

    async fn link(&self, digest: &LinkDigest) -> Result<Option<Link>, StoreError> {
        self.faults.around("link", self.inner.link(digest)).await
    }

    async fn list(&self, listing: &MailListing) -> Result<MailPage, StoreError> {
        self.faults.around("list mail", self.inner.list(listing)).await
    }

    async fn state(&self) -> Result<MailState, StoreError> {
        self.inner.state().await
    }

    async fn sweep(&self, now: OffsetDateTime, most: u32) -> Result<bool, StoreError> {
        self.inner.sweep(now, most).await
    }
}
