//! Forwards the port of second factors.

use async_trait::async_trait;

use super::{Intercepted, Interceptor, StoreCall, StoreFailure};
use crate::accounts::{
    BrowserBinding, Ceremony, ChallengeDigest, FactorStore, Name, Passkey, PasskeyId, PasskeyUse,
    PasswordHash, PendingDigest, PendingSession, Selector, TotpSecretId, TotpSetup, UserId,
};
use crate::failure::StoreError;

impl<I: Interceptor> Intercepted<dyn FactorStore, I> {
    async fn forward<T: Send, E: StoreFailure>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let name = StoreCall { store: "factors", operation };
        self.interceptor.intercept(name, call).await
    }
}

#[async_trait]
impl<I: Interceptor> FactorStore for Intercepted<dyn FactorStore, I> {
    async fn keep_totp_setup(
        &self,
        setup: &TotpSetup,
        begun_by: &BrowserBinding,
    ) -> Result<(), StoreError> {
        self.forward("keep_totp_setup", self.inner.keep_totp_setup(setup, begun_by)).await
    }

    async fn totp_setup(
        &self,
        user: UserId,
        begun_by: &BrowserBinding,
    ) -> Result<Option<TotpSetup>, StoreError> {
        self.forward("totp_setup", self.inner.totp_setup(user, begun_by)).await
    }

    async fn totp(&self, user: UserId) -> Result<Option<TotpSetup>, StoreError> {
        self.forward("totp", self.inner.totp(user)).await
    }

    async fn use_totp_step(&self, secret: TotpSecretId, step: i64) -> Result<bool, StoreError> {
        self.forward("use_totp_step", self.inner.use_totp_step(secret, step)).await
    }

    async fn recovery_codes_left(&self, user: UserId) -> Result<u32, StoreError> {
        self.forward("recovery_codes_left", self.inner.recovery_codes_left(user)).await
    }

    async fn recovery_code(
        &self,
        user: UserId,
        selector: &Selector,
    ) -> Result<Option<PasswordHash>, StoreError> {
        self.forward("recovery_code", self.inner.recovery_code(user, selector)).await
    }

    async fn use_recovery_code(
        &self,
        user: UserId,
        selector: &Selector,
        hash: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.forward("use_recovery_code", self.inner.use_recovery_code(user, selector, hash)).await
    }

    async fn keep_pending(&self, pending: &PendingSession) -> Result<(), StoreError> {
        self.forward("keep_pending", self.inner.keep_pending(pending)).await
    }

    async fn pending(&self, digest: &PendingDigest) -> Result<Option<PendingSession>, StoreError> {
        self.forward("pending", self.inner.pending(digest)).await
    }

    async fn count_code(&self, digest: &PendingDigest) -> Result<bool, StoreError> {
        self.forward("count_code", self.inner.count_code(digest)).await
    }

    async fn uncount_code(&self, digest: &PendingDigest) -> Result<(), StoreError> {
        self.forward("uncount_code", self.inner.uncount_code(digest)).await
    }

    async fn take_pending(&self, digest: &PendingDigest) -> Result<bool, StoreError> {
        self.forward("take_pending", self.inner.take_pending(digest)).await
    }

    async fn take_all_pending(&self) -> Result<(), StoreError> {
        self.forward("take_all_pending", self.inner.take_all_pending()).await
    }

    async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.forward("passkeys", self.inner.passkeys(user)).await
    }

    async fn passkey_of(&self, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
        self.forward("passkey_of", self.inner.passkey_of(credential_id)).await
    }

    async fn has_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        self.forward("has_passkey", self.inner.has_passkey(user, id)).await
    }

    async fn rename_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        name: &Name,
    ) -> Result<bool, StoreError> {
        self.forward("rename_passkey", self.inner.rename_passkey(user, id, name)).await
    }

    async fn use_passkey(&self, used: &PasskeyUse) -> Result<bool, StoreError> {
        self.forward("use_passkey", self.inner.use_passkey(used)).await
    }

    async fn keep_ceremony(&self, ceremony: &Ceremony) -> Result<(), StoreError> {
        self.forward("keep_ceremony", self.inner.keep_ceremony(ceremony)).await
    }

    async fn take_ceremony(
        &self,
        challenge: &ChallengeDigest,
        binding: &BrowserBinding,
    ) -> Result<Option<Ceremony>, StoreError> {
        self.forward("take_ceremony", self.inner.take_ceremony(challenge, binding)).await
    }
}
