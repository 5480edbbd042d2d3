//! Where second factors and pending sessions are kept: the port, and what every backend promises.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{PendingDigest, PendingSession, Selector, TotpSecret};
use crate::accounts::{PasswordHash, UserId};
use crate::entropy::id;
use crate::failure::StoreError;

id! {
    /// Identifies the secret of an authenticator app.
    TotpSecretId
}

/// The secret of an authenticator app of an account: in use, or being set up.
#[derive(Debug)]
pub struct TotpSetup {
    /// Which.
    pub id: TotpSecretId,
    /// Whose.
    pub user: UserId,
    /// The secret.
    pub secret: TotpSecret,
    /// When its set-up began.
    pub created_at: OffsetDateTime,
}

/// Where second factors and pending sessions live: in the database of the accounts, which all
/// servers share. Every backend promises:
/// - **A code is used once**: of any number of calls at the same instant, one gets `true`.
/// - **Codes are counted before they are compared**: no pending session gets more than
///   [`PendingSession::MOST_CODES`].
/// - **Secrets of authenticator apps are encrypted**; the key is not in the database.
/// - **A failure is an error, never an absence.**
///
/// Factors are added and removed by [`super::FactorChange`] in a change of the account.
#[async_trait]
pub trait FactorStore: Send + Sync {
    /// Keeps the secret of a set-up, in place of another that is being set up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the key is missing.
    async fn keep_totp_setup(&self, setup: &TotpSetup) -> Result<(), StoreError>;

    /// The secret that is being set up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the key is missing.
    async fn totp_setup(&self, user: UserId) -> Result<Option<TotpSetup>, StoreError>;

    /// The secret in use.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the key is missing.
    async fn totp(&self, user: UserId) -> Result<Option<TotpSetup>, StoreError>;

    /// Uses the code of a step up. `false`: this or a later step was used before, or the secret is
    /// no longer in use.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it was used.
    async fn use_totp_step(&self, secret: TotpSecretId, step: i64) -> Result<bool, StoreError>;

    /// How many recovery codes are left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn recovery_codes_left(&self, user: UserId) -> Result<u32, StoreError>;

    /// The hash of a recovery code.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn recovery_code(
        &self,
        user: UserId,
        selector: &Selector,
    ) -> Result<Option<PasswordHash>, StoreError>;

    /// Uses a recovery code up. `false`: it was used or replaced before.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it was used.
    async fn use_recovery_code(
        &self,
        user: UserId,
        selector: &Selector,
        hash: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Keeps a pending session.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn keep_pending(&self, pending: &PendingSession) -> Result<(), StoreError>;

    /// The pending session of a token, expired or not, unless its codes are used up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending(&self, digest: &PendingDigest) -> Result<Option<PendingSession>, StoreError>;

    /// Counts a code for a pending session, before it is compared. `false`: there is no such
    /// session, or its codes are used up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn count_code(&self, digest: &PendingDigest) -> Result<bool, StoreError>;

    /// Takes the count of a code back that was not compared.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it stays counted.
    async fn uncount_code(&self, digest: &PendingDigest) -> Result<(), StoreError>;

    /// Deletes a pending session. `false`: another call has done that.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it is gone.
    async fn take_pending(&self, digest: &PendingDigest) -> Result<bool, StoreError>;
}
