//! The port of the accounts, measured.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::outcome_of;
use crate::accounts::{
    Account, AccountCount, AccountPage, AccountStore, AddError, Change, ChangeError, Changed,
    Credentials, Email, Epoch, EpochReason, Invitation, InvitationDigest, Listing, PasswordHash,
    User, UserId,
};
use crate::failure::StoreError;
use crate::metrics::Metrics;

/// Times the calls of another store.
pub struct MeasuredAccounts {
    inner: Arc<dyn AccountStore>,
    metrics: Metrics,
}

impl MeasuredAccounts {
    /// Around this one.
    #[must_use]
    pub fn new(inner: Arc<dyn AccountStore>, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }

    async fn timed<T, E: Refusal>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let answer = call.await;
        let outcome = outcome_of(answer.as_ref().err().and_then(Refusal::failure));
        self.metrics.store_call("accounts", operation, outcome, begun.elapsed());
        answer
    }
}

/// A no of the store, which may be a failure or a rightful answer.
trait Refusal {
    fn failure(&self) -> Option<&StoreError>;
}

impl Refusal for StoreError {
    fn failure(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl Refusal for AddError {
    fn failure(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::EmailTaken | Self::AdministratorExists => None,
        }
    }
}

impl Refusal for ChangeError {
    fn failure(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::NotFound
            | Self::Moved
            | Self::KeptSessionEnded
            | Self::InvitationGone
            | Self::EmailTaken
            | Self::LastAdministrator => None,
        }
    }
}

#[async_trait]
impl AccountStore for MeasuredAccounts {
    async fn add(
        &self,
        user: &User,
        hash: &PasswordHash,
        only_first_administrator: bool,
    ) -> Result<(), AddError> {
        self.timed("add", self.inner.add(user, hash, only_first_administrator)).await
    }

    async fn find(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.timed("find", self.inner.find(id)).await
    }

    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        self.timed("credentials", self.inner.credentials(id)).await
    }

    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        self.timed("credentials_by_email", self.inner.credentials_by_email(email)).await
    }

    async fn list(&self, listing: &Listing) -> Result<AccountPage, StoreError> {
        self.timed("list", self.inner.list(listing)).await
    }

    async fn count(&self) -> Result<AccountCount, StoreError> {
        self.timed("count", self.inner.count()).await
    }

    async fn invite(&self, invitation: &Invitation) -> Result<bool, StoreError> {
        self.timed("invite", self.inner.invite(invitation)).await
    }

    async fn invited(
        &self,
        digest: &InvitationDigest,
    ) -> Result<Option<(Account, OffsetDateTime)>, StoreError> {
        self.timed("invited", self.inner.invited(digest)).await
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        self.timed("has_administrator", self.inner.has_administrator()).await
    }

    async fn upgrade_hash(
        &self,
        id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.timed("upgrade_hash", self.inner.upgrade_hash(id, from, to)).await
    }

    async fn change(
        &self,
        id: UserId,
        change: &Change,
        at: OffsetDateTime,
    ) -> Result<Changed, ChangeError> {
        self.timed("change", self.inner.change(id, change, at)).await
    }

    async fn raise_epochs(
        &self,
        at_least: Epoch,
        reason: EpochReason,
        at: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        self.timed("raise_epochs", self.inner.raise_epochs(at_least, reason, at)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.timed("ready", self.inner.ready()).await
    }
}
