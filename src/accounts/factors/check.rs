//! Checks of codes. The only place that compares them: each is counted before, by the throttle of
//! the account, and by the pending session that it is for.

use time::OffsetDateTime;

use super::{
    BrowserBinding, Factor, NewRecoveryCode, PendingDigest, PendingPurpose, PendingSession,
    RecoveryCode, SecondFactorPolicy, TotpCode, TotpSecret, TotpSecretId, TotpSetup,
};
use crate::accounts::hashing::{Expected, HashSlot};
use crate::accounts::{
    Account, Accounts, Factors, NewPasswordError, PasswordCheckError, PasswordMatch, UserId,
};
use crate::failure::StoreError;
use crate::throttle::{AccountKey, Network};

/// A code as typed. `None` has not the form of one, and counts as wrong.
#[derive(Clone, Debug)]
pub enum TypedCode {
    /// For the code of an authenticator app.
    Totp(Option<TotpCode>),
    /// For a recovery code.
    Recovery(Option<RecoveryCode>),
}

impl TypedCode {
    /// Takes what was typed for a code of an authenticator app.
    #[must_use]
    pub fn totp(typed: &str) -> Self {
        Self::Totp(TotpCode::parse(typed.trim()))
    }

    /// Takes what was typed for a recovery code.
    #[must_use]
    pub fn recovery(typed: &str) -> Self {
        Self::Recovery(RecoveryCode::parse(typed.trim()))
    }

    /// Takes what was typed where either may be: the forms cannot be confused.
    #[must_use]
    pub fn either(typed: &str) -> Self {
        match RecoveryCode::parse(typed.trim()) {
            Some(code) => Self::Recovery(Some(code)),
            None => Self::totp(typed),
        }
    }
}

/// A code to check.
#[derive(Clone, Debug)]
pub struct FactorCheck {
    /// As typed.
    pub code: TypedCode,
    /// The network of the client.
    pub from: Option<Network>,
    /// The pending session that it is for, if any.
    pub pending: Option<PendingDigest>,
}

impl Accounts {
    /// For how long a set-up can be finished.
    pub const SET_UP_LIFE: time::Duration = time::Duration::hours(1);

    /// The step that a sign-in of this account waits for after the password; `None`: no step.
    #[must_use]
    pub fn second_step(&self, account: &Account) -> Option<PendingPurpose> {
        if account.factors.any() {
            return Some(PendingPurpose::Code);
        }
        let is_missing = self.0.second_factor.applies_to(account.user.role);
        is_missing.then_some(PendingPurpose::SetUp)
    }

    /// Who must have a second factor.
    #[must_use]
    pub fn second_factor_policy(&self) -> SecondFactorPolicy {
        self.0.second_factor
    }

    /// Checks a code of an account and uses it up. Every refusal counts once and says the same.
    ///
    /// # Errors
    /// [`PasswordCheckError`]; nothing is proven.
    pub async fn prove_factor(
        &self,
        account: &Account,
        check: &FactorCheck,
    ) -> Result<Factor, PasswordCheckError> {
        let slot = self.0.hasher.reserve_slot()?;
        let key = AccountKey::of_address(account.user.email.as_str());
        let attempt = self.0.throttle.password(key, check.from, slot.clone()).await?;
        if let Some(pending) = &check.pending
            && !self.0.factors.count_code(pending).await?
        {
            return Err(PasswordCheckError::Refused);
        }
        let result = self.compare(slot, account, &check.code).await;
        match &result {
            Ok(_) => attempt.succeeded().await,
            Err(PasswordCheckError::Refused) => attempt.keep_counted(),
            Err(_) => {
                drop(attempt);
                self.uncount(check.pending.as_ref()).await;
            }
        }
        result
    }

    async fn uncount(&self, pending: Option<&PendingDigest>) {
        let Some(pending) = pending else { return };
        if let Err(error) = self.0.factors.uncount_code(pending).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not take the count of a code back; it stays counted");
        }
    }

    async fn compare(
        &self,
        slot: HashSlot,
        account: &Account,
        code: &TypedCode,
    ) -> Result<Factor, PasswordCheckError> {
        let is_right = match code {
            TypedCode::Totp(Some(code)) => self.compare_totp(account.user.id, code).await?,
            TypedCode::Recovery(Some(code)) => self.compare_recovery(slot, account, code).await?,
            TypedCode::Totp(None) | TypedCode::Recovery(None) => false,
        };
        match (is_right, code) {
            (false, _) => Err(PasswordCheckError::Refused),
            (true, TypedCode::Totp(_)) => Ok(Factor::Totp),
            (true, TypedCode::Recovery(_)) => Ok(Factor::RecoveryCode),
        }
    }

    async fn compare_totp(&self, user: UserId, code: &TotpCode) -> Result<bool, StoreError> {
        let Some(TotpSetup { id, secret, .. }) = self.0.factors.totp(user).await? else {
            return Ok(false);
        };
        match secret.step_of(code, self.0.clock.now()) {
            Some(step) => self.0.factors.use_totp_step(id, step).await,
            None => Ok(false),
        }
    }

    async fn compare_recovery(
        &self,
        slot: HashSlot,
        account: &Account,
        code: &RecoveryCode,
    ) -> Result<bool, PasswordCheckError> {
        let (user, selector) = (account.user.id, code.selector());
        let hash = self.0.factors.recovery_code(user, selector).await?;
        let imported = self.0.store.imported_costs().await?;
        let expected = Expected { hash: hash.as_ref(), is_active: true, imported: &imported };
        match (self.0.hasher.verify(slot, code.secret(), expected).await?, hash) {
            (PasswordMatch::Yes { .. }, Some(hash)) => {
                Ok(self.0.factors.use_recovery_code(user, selector, &hash).await?)
            }
            _ => Ok(false),
        }
    }

    /// Begins the set-up of an authenticator app, in place of another set-up of the account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the key is missing.
    pub async fn begin_totp(
        &self,
        user: UserId,
        begun_by: &BrowserBinding,
    ) -> Result<TotpSetup, StoreError> {
        let now = self.0.clock.now();
        let id = TotpSecretId::from_uuid(self.0.entropy.id(now)?);
        let secret = TotpSecret::generate(&self.0.entropy)?;
        let setup = TotpSetup { id, user, secret, created_at: now };
        self.0.factors.keep_totp_setup(&setup, begun_by).await?;
        Ok(setup)
    }

    /// The set-up that this browser began within the last hour.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the key is missing.
    pub async fn totp_setup(
        &self,
        user: UserId,
        begun_by: &BrowserBinding,
    ) -> Result<Option<TotpSetup>, StoreError> {
        let found = self.0.factors.totp_setup(user, begun_by).await?;
        let oldest = self.0.clock.now().saturating_sub(Self::SET_UP_LIFE);
        Ok(found.filter(|setup| setup.created_at > oldest))
    }

    /// The step whose code this is, for a secret that is being set up.
    #[must_use]
    pub fn step_of_setup(&self, setup: &TotpSetup, code: &TypedCode) -> Option<i64> {
        let TypedCode::Totp(Some(code)) = code else { return None };
        setup.secret.step_of(code, self.0.clock.now())
    }

    /// Ten new recovery codes, and their hashes.
    ///
    /// # Errors
    /// [`NewPasswordError`] without a free slot for hashing; there are no codes.
    pub async fn new_recovery_codes(
        &self,
    ) -> Result<(Vec<RecoveryCode>, Vec<NewRecoveryCode>), NewPasswordError> {
        let codes = RecoveryCode::generate_all(&self.0.entropy).map_err(StoreError::from)?;
        let mut hashed = Vec::with_capacity(codes.len());
        for code in &codes {
            let hash = self.0.hasher.hash(code.secret()).await?;
            hashed.push(NewRecoveryCode { selector: code.selector().clone(), hash });
        }
        Ok((codes, hashed))
    }

    /// How many recovery codes an account has left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn recovery_codes_left(&self, user: UserId) -> Result<u32, StoreError> {
        self.0.factors.recovery_codes_left(user).await
    }

    /// The words for the factors that a sign-in of this account may use.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn factors_to_use(&self, account: &Account) -> Result<Vec<Factor>, StoreError> {
        let Factors { totp, passkeys } = account.factors;
        let has_codes = self.recovery_codes_left(account.user.id).await? > 0;
        let passkeys = passkeys && self.passkeys_are_on();
        let all =
            [(Factor::Totp, totp), (Factor::RecoveryCode, has_codes), (Factor::Passkey, passkeys)];
        Ok(all.into_iter().filter_map(|(factor, is_there)| is_there.then_some(factor)).collect())
    }

    /// Keeps a pending session for ten minutes.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn keep_pending(&self, pending: &PendingSession) -> Result<(), StoreError> {
        self.0.factors.keep_pending(pending).await
    }

    /// Deletes the pending session that a browser has, if it has one, and returns the token that the
    /// browser had before that.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn replace_pending(
        &self,
        brought: Option<PendingDigest>,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        let Some(digest) = brought else { return Ok(None) };
        match self.0.factors.pending(&digest).await? {
            Some(pending) => {
                self.0.factors.take_pending(&digest).await?;
                Ok(pending.previous)
            }
            None => Ok(Some(*digest.as_bytes())),
        }
    }

    /// When a pending session that begins now is void.
    #[must_use]
    pub fn pending_until(&self) -> OffsetDateTime {
        self.0.clock.now().saturating_add(PendingSession::LIFETIME.try_into().unwrap_or_default())
    }

    /// The pending session of a token and its account as it is now; `None` once it is void.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn pending(
        &self,
        digest: &PendingDigest,
    ) -> Result<Option<(PendingSession, Account)>, StoreError> {
        let Some(pending) = self.0.factors.pending(digest).await? else { return Ok(None) };
        if self.0.clock.now() >= pending.expires_at || pending.expires_at > self.latest_pending() {
            return Ok(None);
        }
        let Some(account) = self.0.store.find(pending.user).await? else { return Ok(None) };
        let counts = account.epoch == pending.epoch
            && self.second_step(&account) == Some(pending.purpose)
            && account.user.status == crate::accounts::Status::Active;
        Ok(counts.then_some((pending, account)))
    }

    /// A pending session beyond this is of a wrong clock.
    fn latest_pending(&self) -> OffsetDateTime {
        self.pending_until().saturating_add(crate::clock::SKEW)
    }

    /// Uses a pending session up. `false`: another request has.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown.
    pub async fn take_pending(&self, digest: &PendingDigest) -> Result<bool, StoreError> {
        self.0.factors.take_pending(digest).await
    }

    /// Voids the pending sessions of all accounts.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown which are void.
    pub async fn take_all_pending(&self) -> Result<(), StoreError> {
        self.0.factors.take_all_pending().await
    }
}
