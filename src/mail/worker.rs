//! The background task that sends letters, a few at a time.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::service::{NotAccepted, expiry};
use super::{ClaimedLetter, FailedLetter, Mail, Recipient};
use crate::accounts::{Link, LinkDigest};
use crate::audit::{By, Event, Kind};
use crate::failure::StoreError;
use crate::metrics::MailOutcome;
use crate::queue::{Places, Queue, run, wait_after};

/// Duration of a claim: longer than the interval of renewals, with a margin for clock skew. Not that
/// of an attempt, which may take eleven minutes: a message of a server that was killed waits for it.
pub(super) const CLAIM: time::Duration = time::Duration::seconds(120);
/// Interval of renewals while a message is handed over.
const RENEW_EVERY: Duration = Duration::from_secs(45);

impl Mail {
    /// Sends letters until it is dropped. Those in flight then are sent again later.
    pub async fn run_deliveries(self) {
        run(self).await;
    }

    /// Sends a letter under a new link. `None`: the letter is void.
    async fn send(
        &self,
        claimed: &ClaimedLetter,
    ) -> Result<Option<Result<String, NotAccepted>>, StoreError> {
        let letter = &claimed.letter;
        let token = match letter.kind.link() {
            Some(_) => Some(URL_SAFE_NO_PAD.encode(self.0.entropy.bytes::<32>()?)),
            None => None,
        };
        let now = self.0.clock.now();
        let link = token.as_deref().zip(letter.kind.link()).zip(letter.user);
        let link = link.map(|((token, purpose), user)| Link {
            digest: LinkDigest::of(token),
            purpose,
            user,
            email: letter.to.clone(),
            queued_at: letter.queued_at,
            expires_at: expiry(purpose, now),
        });
        let Some(recipient) = self.0.store.prepare(claimed, link.as_ref(), now).await? else {
            return Ok(None);
        };
        Ok(Some(self.hand_over_claimed(claimed, (&recipient, token.as_deref())).await))
    }

    /// Hands a letter over, and renews its claim as long as that takes.
    async fn hand_over_claimed(
        &self,
        claimed: &ClaimedLetter,
        (recipient, token): (&Recipient, Option<&str>),
    ) -> Result<String, NotAccepted> {
        let work = self.hand_over(&claimed.letter, recipient, token);
        renewed(work, || self.renew(claimed)).await
    }

    async fn renew(&self, claimed: &ClaimedLetter) {
        let until = self.0.clock.now() + CLAIM;
        if let Err(error) = self.0.store.renew(claimed, until).await {
            let error: &dyn std::error::Error = &error;
            let id = claimed.letter.id;
            tracing::debug!(error, mail.id = %id, "could not renew the claim of a message");
        }
    }

    async fn succeeded(&self, claimed: &ClaimedLetter) -> Result<(), StoreError> {
        self.0.metrics.mail(MailOutcome::Sent);
        if self.0.fails.swap(false, Ordering::Relaxed) {
            tracing::info!("the mail server accepts messages again");
        }
        let (id, attempt) = (claimed.letter.id, claimed.attempt);
        tracing::debug!(mail.id = %id, kind = claimed.letter.kind.as_str(), attempt, "mail sent");
        self.0.store.sent(id).await
    }

    async fn failed(
        &self,
        claimed: &ClaimedLetter,
        NotAccepted { error, is_final }: NotAccepted,
    ) -> Result<(), StoreError> {
        let at = self.0.clock.now();
        let [chance] = self.0.entropy.bytes::<1>()?;
        let wait = wait_after(claimed.attempt, chance).filter(|_| !is_final);
        let again_at = wait.map(|wait| at + wait);
        self.0.metrics.mail(MailOutcome::Failed);
        let (id, kind) = (claimed.letter.id, claimed.letter.kind.as_str());
        // Only the first of consecutive failures is a warning. A refusal of one message is none.
        if !is_final && !self.0.fails.swap(true, Ordering::Relaxed) {
            tracing::warn!(error, "the mail server does not accept a message; will retry");
        }
        tracing::debug!(mail.id = %id, kind, attempt = claimed.attempt, error, "mail not sent");
        if again_at.is_none() {
            self.0.metrics.mail(MailOutcome::GivenUp);
            tracing::error!(mail.id = %id, kind, error, "gave up on a message");
            let event = Event::new(Kind::MailFailed, &By::server()).outcome("given_up");
            let event = Event { subject: claimed.letter.user, ..event };
            self.0.audit.record([event.with("mail", kind)]).await;
        }
        self.0.store.put_back(claimed, &FailedLetter { at, error, again_at }).await
    }
}

/// Waits for `work`, and renews its claim meanwhile.
pub(super) async fn renewed<T, R: Future<Output = ()>>(
    work: impl Future<Output = T>,
    renew: impl Fn() -> R,
) -> T {
    let mut work = pin!(work);
    loop {
        if let Ok(outcome) = timeout(RENEW_EVERY, &mut work).await {
            return outcome;
        }
        renew().await;
    }
}

impl Queue for Mail {
    type Claimed = ClaimedLetter;
    const ENTRIES: &'static str = "mail";

    fn wake(&self) -> &Notify {
        &self.0.wake
    }

    fn places(&self) -> &Places {
        &self.0.places
    }

    async fn claim(&self, most: u32) -> Result<Vec<ClaimedLetter>, StoreError> {
        let now = self.0.clock.now();
        self.0.store.claim(now, now + CLAIM, most).await
    }

    async fn work_on(self, claimed: ClaimedLetter) {
        let kept = match self.send(&claimed).await {
            Ok(Some(Ok(_))) => self.succeeded(&claimed).await,
            Ok(Some(Err(error))) => self.failed(&claimed, error).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            let error: &dyn std::error::Error = &error;
            let id = claimed.letter.id;
            tracing::warn!(error, mail.id = %id, "could not save the result of a message; may send again");
        }
    }

    async fn count(&self) -> bool {
        if !self.0.metrics.is_on() {
            return false;
        }
        match self.state().await {
            Ok(state) => {
                self.0.metrics.mail_waiting(state.pending, state.failed);
                true
            }
            Err(_) => false,
        }
    }
}
