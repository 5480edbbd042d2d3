//! Mailed links about the address of an account: they confirm it, replace it or restore it.

use super::credential_change::{NotByLink, ends, finish_credential_change};
use super::{Dependencies, run_to_completion, write_now};
use crate::accounts::{
    Account, Accounts, Busy, Change, ChangeError, EpochRaise, EpochReason, LetterKind, Link,
    LinkPurpose, PendingEmail, UsedLink, User,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::sessions::{Client, Sessions};

/// Links that confirm the address that they were sent to.
const CONFIRMING: [LinkPurpose; 2] = [LinkPurpose::Verification, LinkPurpose::NewAddress];

/// Confirms and restores addresses.
#[derive(Clone)]
pub struct EmailLinks {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
}

/// Why a link had no effect.
#[derive(Debug, thiserror::Error)]
pub enum EmailLinkError {
    /// The link is used, expired, void or unknown, or another account has the address by now.
    #[error("the link does not work")]
    LinkGone,
    /// The account keeps changing.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ChangeError> for EmailLinkError {
    fn from(error: ChangeError) -> Self {
        match NotByLink::from(error) {
            NotByLink::Refused => Self::LinkGone,
            NotByLink::Busy(busy) => Self::Busy(busy),
            NotByLink::Store(error) => Self::Store(error),
        }
    }
}

impl EmailLinks {
    /// Creates the use case.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, .. } = on.clone();
        Self { accounts, sessions, audit, mail }
    }

    /// Queues another link to the address of an account. `false`: it is verified already.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn send_again(&self, user: &User) -> Result<bool, StoreError> {
        if user.email_verified {
            return Ok(false);
        }
        let letter = self.mail.letter(LetterKind::Verification, user)?;
        write_now(&self.accounts, &self.mail, letter).await?;
        Ok(true)
    }

    /// The link of a token that confirms an address, if it works now. Looking uses nothing up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find_confirming(&self, token: &str) -> Result<Option<Link>, StoreError> {
        self.mail.link(token, &CONFIRMING).await
    }

    /// The link of a token that restores an address, if it works now.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find_cancelling(&self, token: &str) -> Result<Option<Link>, StoreError> {
        self.mail.link(token, &[LinkPurpose::CancelChange]).await
    }

    /// Marks the address of an account as verified, or gives it the new one. The link is used up.
    ///
    /// # Errors
    /// [`EmailLinkError`]; nothing has changed.
    pub async fn confirm(&self, token: &str, client: Client) -> Result<(), EmailLinkError> {
        let link = self.find_confirming(token).await?.ok_or(EmailLinkError::LinkGone)?;
        let is_new = link.purpose == LinkPurpose::NewAddress;
        let change = Change {
            email: Some((link.email.clone(), true)),
            link: Some(UsedLink { digest: link.digest, purpose: link.purpose }),
            pending_email: is_new.then_some(PendingEmail::Settled),
            ..Change::default()
        };
        let this = self.clone();
        run_to_completion(async move {
            let Self { accounts, sessions, audit, .. } = this;
            let decide = move |_: &Account| Some(change.clone());
            finish_credential_change(&accounts, &sessions, link.user, None, decide).await?;
            let by = By::anonymous(client);
            let event = |kind| Event::new(kind, &by).about(link.user);
            let changed = is_new.then(|| event(Kind::EmailChanged).with("verified", true));
            audit.record(changed.into_iter().chain([event(Kind::EmailVerified)])).await;
            Ok(())
        })
        .await?
    }

    /// Restores the address that the link was sent to, or prevents that another takes its place.
    /// Every other link is void, and every session of the account ends.
    ///
    /// # Errors
    /// [`EmailLinkError`]; nothing has changed.
    pub async fn cancel(&self, token: &str, client: Client) -> Result<(), EmailLinkError> {
        let link = self.find_cancelling(token).await?.ok_or(EmailLinkError::LinkGone)?;
        let reason = EpochReason::RevokedByUser;
        let change = Change {
            link: Some(UsedLink { digest: link.digest, purpose: link.purpose }),
            pending_email: Some(PendingEmail::Settled),
            raise: Some(EpochRaise { reason, survivor: None }),
            ..Change::default()
        };
        let address = link.email.clone();
        let decide = move |account: &Account| {
            let email = (account.user.email != address).then(|| (address.clone(), true));
            Some(Change { email, ..change.clone() })
        };
        let this = self.clone();
        run_to_completion(async move {
            let Self { accounts, sessions, audit, .. } = this;
            let changed =
                finish_credential_change(&accounts, &sessions, link.user, None, decide).await?;
            let by = By::anonymous(client);
            let cancelled = Event::new(Kind::EmailChangeCancelled, &by).about(link.user);
            let restored = changed.account.as_ref().map(|account| &account.user.email);
            let is_restored = restored.is_some_and(|email| *email != changed.before.user.email);
            let cancelled = cancelled.with("restored", is_restored);
            let ended = ends(&changed, link.user, reason, &by);
            audit.record([cancelled].into_iter().chain(ended)).await;
            Ok(())
        })
        .await?
    }
}
