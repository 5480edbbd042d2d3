//! The consent of users to clients.

use super::{ClientId, Consent, Scope, Tokens};
use crate::accounts::UserId;
use crate::failure::StoreError;

impl Tokens {
    /// The scopes that a user has allowed a client; `None`: it was never allowed anything.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn consent(
        &self,
        user: UserId,
        client: ClientId,
    ) -> Result<Option<Vec<Scope>>, StoreError> {
        self.store().consent(user, client).await
    }

    /// Adds to what a user allows a client. `false`: one of them is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn give_consent(
        &self,
        user: UserId,
        client: ClientId,
        scopes: Vec<Scope>,
    ) -> Result<bool, StoreError> {
        let consent = Consent { user, client, scopes, given_at: self.now() };
        self.store().give_consent(&consent).await
    }

    /// The consents of a user, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn consents(&self, user: UserId) -> Result<Vec<Consent>, StoreError> {
        self.store().consents(user).await
    }

    /// Forgets the consent of a user to a client. No server accepts its tokens once this returns.
    /// `false`: there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it may be forgotten.
    pub(crate) async fn withdraw_consent(
        &self,
        user: UserId,
        client: ClientId,
    ) -> Result<bool, StoreError> {
        let withdrawn = self.store().withdraw_consent(user, client).await;
        self.sessions().forget_everything().await;
        withdrawn
    }
}
