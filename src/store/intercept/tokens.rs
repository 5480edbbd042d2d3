//! Forwards the port of clients, signing keys and revoked tokens.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Intercepted, Interceptor, StoreCall, StoreFailure};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::AccessToken;
use crate::tokens::{
    AddClientError, Algorithm, ClientId, Consent, DeniedToken, KeyRotation, NewKey, NewSecret,
    OAuthClient, Scope, SigningKey, TokenStore,
};

impl StoreFailure for AddClientError {
    fn failure(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Invalid(_) | Self::NameTaken | Self::TooMany => None,
        }
    }
}

impl<I: Interceptor> Intercepted<dyn TokenStore, I> {
    async fn forward<T: Send, E: StoreFailure>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.interceptor.intercept(StoreCall { store: "tokens", operation }, call).await
    }
}

#[async_trait]
impl<I: Interceptor> TokenStore for Intercepted<dyn TokenStore, I> {
    async fn clients(&self) -> Result<Vec<OAuthClient>, StoreError> {
        self.forward("clients", self.inner.clients()).await
    }

    async fn keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.forward("keys", self.inner.keys()).await
    }

    async fn add_client(
        &self,
        client: &OAuthClient,
        secret: Option<&NewSecret>,
    ) -> Result<(), AddClientError> {
        self.forward("add_client", self.inner.add_client(client, secret)).await
    }

    async fn add_secret(&self, client: ClientId, secret: &NewSecret) -> Result<bool, StoreError> {
        self.forward("add_secret", self.inner.add_secret(client, secret)).await
    }

    async fn remove_client(&self, client: ClientId) -> Result<bool, StoreError> {
        self.forward("remove_client", self.inner.remove_client(client)).await
    }

    async fn add_first_keys(
        &self,
        algorithm: Algorithm,
        keys: &[NewKey; 2],
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.forward("add_first_keys", self.inner.add_first_keys(algorithm, keys, now)).await
    }

    async fn rotate(&self, rotation: &KeyRotation) -> Result<bool, StoreError> {
        self.forward("rotate", self.inner.rotate(rotation)).await
    }

    async fn delete_keys(&self, retired_before: OffsetDateTime) -> Result<u64, StoreError> {
        self.forward("delete_keys", self.inner.delete_keys(retired_before)).await
    }

    async fn deny(&self, token: &DeniedToken) -> Result<(), StoreError> {
        self.forward("deny", self.inner.deny(token)).await
    }

    async fn is_denied(&self, token: &AccessToken) -> Result<bool, StoreError> {
        self.forward("is_denied", self.inner.is_denied(token)).await
    }

    async fn consent(
        &self,
        user: UserId,
        client: ClientId,
    ) -> Result<Option<Vec<Scope>>, StoreError> {
        self.forward("consent", self.inner.consent(user, client)).await
    }

    async fn give_consent(&self, consent: &Consent) -> Result<bool, StoreError> {
        self.forward("give_consent", self.inner.give_consent(consent)).await
    }

    async fn consents(&self, user: UserId) -> Result<Vec<Consent>, StoreError> {
        self.forward("consents", self.inner.consents(user)).await
    }

    async fn withdraw_consent(&self, user: UserId, client: ClientId) -> Result<bool, StoreError> {
        self.forward("withdraw_consent", self.inner.withdraw_consent(user, client)).await
    }

    async fn delete_all_keys(&self) -> Result<(), StoreError> {
        self.forward("delete_all_keys", self.inner.delete_all_keys()).await
    }
}
