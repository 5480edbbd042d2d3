//! Recovery: a mailed link sets a new password.

use super::credential_change::{NotByLink, ends, finish_credential_change};
use super::{Dependencies, run_to_completion};
use crate::accounts::{
    Account, Accounts, Busy, Change, ChangeError, Email, EpochRaise, EpochReason, LetterKind,
    LinkPurpose, NewPasswordError, Password, PasswordChange, UsedLink, User, WeakPassword,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::sessions::{Client, Sessions};
use crate::throttle::{AttemptError, Network, Throttled};

/// Lets people set a new password by mail.
#[derive(Clone)]
pub struct Recovery {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
}

/// Why a link was not asked for, or no password was set.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The link is used, expired, void or unknown.
    #[error("the link does not work")]
    LinkGone,
    /// The password may not be used.
    #[error(transparent)]
    Weak(WeakPassword),
    /// There were too many such requests from this network, sign-ups among them.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords are being hashed, or the account keeps changing.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AttemptError> for RecoveryError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => Self::Throttled(throttled),
            AttemptError::Busy => Self::Busy(Busy::A_MOMENT),
            AttemptError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NewPasswordError> for RecoveryError {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Weak(weak) => Self::Weak(weak),
            NewPasswordError::Busy(busy) => Self::Busy(busy),
            NewPasswordError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for RecoveryError {
    fn from(error: ChangeError) -> Self {
        match NotByLink::from(error) {
            NotByLink::Refused => Self::LinkGone,
            NotByLink::Busy(busy) => Self::Busy(busy),
            NotByLink::Store(error) => Self::Store(error),
        }
    }
}

impl Recovery {
    /// Creates the use case.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, .. } = on.clone();
        Self { accounts, sessions, audit, mail }
    }

    /// Queues a message with a link, if an account that may sign in has this address. The result is
    /// the same without one, and takes as long. Nothing of the account changes.
    ///
    /// # Errors
    /// [`RecoveryError`]; it depends on no account.
    pub async fn request(
        &self,
        email: &Email,
        language: &str,
        client: Client,
    ) -> Result<(), RecoveryError> {
        let letter = self.mail.letter_by_stranger(LetterKind::Recovery, (None, email), language);
        let Some(letter) = letter.map_err(StoreError::from)? else { return Ok(()) };
        let this = self.clone();
        run_to_completion(async move {
            let by = By::anonymous(client);
            let from = by.client.ip_address.map(Network::of);
            let attempt = this.accounts.count_address(from).await;
            if let Err(AttemptError::Throttled(_)) = &attempt {
                let throttled = Event::new(Kind::Throttled, &by).outcome("refused");
                this.audit.record([throttled.with("limit", "sign_ups")]).await;
            }
            let attempt = attempt?;
            let user = this.accounts.write_to(&letter).await?;
            attempt.keep_counted();
            let asked = Event::new(Kind::RecoveryRequested, &by);
            let asked = match user {
                Some(user) => asked.about(user.id),
                None => asked.outcome("no_account"),
            };
            this.audit.record([asked]).await;
            Ok(())
        })
        .await?
    }

    /// Whose password a link sets, if it works now. Looking uses nothing up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find(&self, token: &str) -> Result<Option<User>, StoreError> {
        let Some(link) = self.mail.link(token, &[LinkPurpose::Recovery]).await? else {
            return Ok(None);
        };
        Ok(self.accounts.find(link.user).await?.map(|account| account.user))
    }

    /// Sets a password, which uses the link up, ends every session of the account, and marks its
    /// address as verified. Nobody is signed in.
    ///
    /// # Errors
    /// [`RecoveryError`]; nothing has changed.
    pub async fn confirm(
        &self,
        token: &str,
        password: &Password,
        client: Client,
    ) -> Result<(), RecoveryError> {
        let link = self.mail.link(token, &[LinkPurpose::Recovery]).await?;
        let link = link.ok_or(RecoveryError::LinkGone)?;
        let account = self.accounts.find(link.user).await?;
        let user = account.ok_or(RecoveryError::LinkGone)?.user;
        let to = self.accounts.hash_new_password(password, (&user.email, &user.name)).await?;
        let letter = self.mail.letter(LetterKind::PasswordChanged, &user);
        let letters = letter.map_err(StoreError::from)?.into_iter().collect();
        let reason = EpochReason::PasswordChanged;
        let change = Change {
            password: Some(PasswordChange { from: None, to }),
            link: Some(UsedLink { digest: link.digest, purpose: link.purpose }),
            raise: Some(EpochRaise { reason, survivor: None }),
            letters,
            ..Change::default()
        };
        let decide = move |account: &Account| {
            // The link was sent there, and is void once the account has another address.
            Some(Change { email: Some((account.user.email.clone(), true)), ..change.clone() })
        };
        let this = self.clone();
        run_to_completion(async move {
            let Self { accounts, sessions, audit, mail } = this;
            let changed =
                finish_credential_change(&accounts, &sessions, user.id, None, decide).await?;
            mail.wake();
            let by = By::anonymous(client);
            let set = Event::new(Kind::PasswordChanged, &by).about(user.id).with("by", "recovery");
            let verified = (!changed.before.user.email_verified)
                .then(|| Event::new(Kind::EmailVerified, &by).about(user.id));
            let ended = ends(&changed, user.id, reason, &by);
            audit.record([set].into_iter().chain(verified).chain(ended)).await;
            Ok(())
        })
        .await?
    }
}
