//! Where second factors and pending sessions are kept: the port, and what every backend promises.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{
    BrowserBinding, Ceremony, ChallengeDigest, Passkey, PasskeyId, PasskeyUse, PendingDigest,
    PendingSession, Selector, TotpSecret,
};
use crate::accounts::{Name, PasswordHash, UserId};
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
/// - **A challenge is signed once**: of any number of calls at the same instant, one takes it.
/// - **Counts of signatures are judged in the step that writes them**: one that is not higher than
///   the last is refused, unless the key is backed up or has never counted.
/// - **Secrets of authenticator apps are encrypted**; the key is not in the database.
/// - **A failure is an error, never an absence.**
///
/// Factors are added and removed by [`super::FactorChange`] in a change of the account.
#[async_trait]
pub trait FactorStore: Send + Sync {
    /// Keeps the secret of a set-up that this browser began, in place of another of the account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the key is missing.
    async fn keep_totp_setup(
        &self,
        setup: &TotpSetup,
        begun_by: &BrowserBinding,
    ) -> Result<(), StoreError>;

    /// The secret that is being set up, if this browser began it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the key is missing.
    async fn totp_setup(
        &self,
        user: UserId,
        begun_by: &BrowserBinding,
    ) -> Result<Option<TotpSetup>, StoreError>;

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

    /// Voids every pending session of all accounts.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown which are void.
    async fn take_all_pending(&self) -> Result<(), StoreError>;

    /// The passkeys of a user in the order in which they were added.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError>;

    /// The passkey of a credential.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn passkey_of(&self, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError>;

    /// Whether a user has this passkey.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn has_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool, StoreError>;

    /// Gives a passkey another name. `false`: the user has no such passkey.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn rename_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        name: &Name,
    ) -> Result<bool, StoreError>;

    /// Notes a use of a passkey. `false`: its count of signatures is refused, or the user has no
    /// such passkey.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it was noted.
    async fn use_passkey(&self, used: &PasskeyUse) -> Result<bool, StoreError>;

    /// Keeps a challenge that a browser was given.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn keep_ceremony(&self, ceremony: &Ceremony) -> Result<(), StoreError>;

    /// Takes a challenge that was given to this browser, which deletes it. It may have expired.
    /// `None`: it is unknown, was taken before, or was given to another browser.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether it was taken.
    async fn take_ceremony(
        &self,
        challenge: &ChallengeDigest,
        binding: &BrowserBinding,
    ) -> Result<Option<Ceremony>, StoreError>;
}
