//! Forwards the account store port.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Intercepted, Interceptor, StoreCall, StoreFailure};
use crate::accounts::{
    Account, AccountCount, AccountPage, AccountStore, AddError, Addition, Change, ChangeError,
    Changed, Credentials, Email, Epoch, EpochReason, ImportError, ImportSource, ImportedCosts,
    Invitation, InvitationDigest, Letter, Listing, PasswordHash, User, UserId,
};
use crate::failure::StoreError;

impl<I: Interceptor> Intercepted<dyn AccountStore, I> {
    async fn forward<T: Send, E: StoreFailure>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let name = StoreCall { store: "accounts", operation };
        self.interceptor.intercept(name, call).await
    }
}

#[async_trait]
impl<I: Interceptor> AccountStore for Intercepted<dyn AccountStore, I> {
    async fn add(
        &self,
        user: &User,
        hash: &PasswordHash,
        addition: &Addition,
    ) -> Result<(), AddError> {
        self.forward("add", self.inner.add(user, hash, addition)).await
    }

    async fn write_to(&self, letter: &Letter) -> Result<Option<User>, StoreError> {
        self.forward("write_to", self.inner.write_to(letter)).await
    }

    async fn pending_email(&self, user: UserId) -> Result<Option<Email>, StoreError> {
        self.forward("pending_email", self.inner.pending_email(user)).await
    }

    async fn find(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.forward("find", self.inner.find(id)).await
    }

    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        self.forward("credentials", self.inner.credentials(id)).await
    }

    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        self.forward("credentials_by_email", self.inner.credentials_by_email(email)).await
    }

    async fn list(&self, listing: &Listing) -> Result<AccountPage, StoreError> {
        self.forward("list", self.inner.list(listing)).await
    }

    async fn count(&self) -> Result<AccountCount, StoreError> {
        self.forward("count", self.inner.count()).await
    }

    async fn invite(&self, invitation: &Invitation) -> Result<bool, StoreError> {
        self.forward("invite", self.inner.invite(invitation)).await
    }

    async fn invited(
        &self,
        digest: &InvitationDigest,
    ) -> Result<Option<(Account, OffsetDateTime)>, StoreError> {
        self.forward("invited", self.inner.invited(digest)).await
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        self.forward("has_administrator", self.inner.has_administrator()).await
    }

    async fn upgrade_hash(
        &self,
        id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.forward("upgrade_hash", self.inner.upgrade_hash(id, from, to)).await
    }

    async fn import(&self, source: &mut dyn ImportSource) -> Result<u64, ImportError> {
        self.forward("import", self.inner.import(source)).await
    }

    async fn imported_costs(&self) -> Result<ImportedCosts, StoreError> {
        self.forward("imported_costs", self.inner.imported_costs()).await
    }

    async fn taken(&self, emails: &[Email]) -> Result<Vec<Email>, StoreError> {
        self.forward("taken", self.inner.taken(emails)).await
    }

    async fn reserved(
        &self,
        emails: &[Email],
        at: OffsetDateTime,
    ) -> Result<Vec<Email>, StoreError> {
        self.forward("reserved", self.inner.reserved(emails, at)).await
    }

    async fn export(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Credentials>, StoreError> {
        self.forward("export", self.inner.export(after, limit)).await
    }

    async fn change(
        &self,
        id: UserId,
        change: &Change,
        at: OffsetDateTime,
    ) -> Result<Changed, ChangeError> {
        self.forward("change", self.inner.change(id, change, at)).await
    }

    async fn raise_epochs(
        &self,
        at_least: Epoch,
        reason: EpochReason,
        at: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        self.forward("raise_epochs", self.inner.raise_epochs(at_least, reason, at)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.forward("ready", self.inner.ready()).await
    }
}
