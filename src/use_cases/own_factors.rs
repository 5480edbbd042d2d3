//! Changes of second factors by the owner of an account. Each ends the other sessions in the step
//! that adds or removes a factor.

use super::authorization::Authorized;
use super::credential_change::{commit_kept, ends, finish_credential_change, finish_if_decided};
use super::{Dependencies, run_to_completion, send_confirmation};
use crate::accounts::{
    Account, Accounts, BrowserBinding, Busy, Change, ChangeError, EpochRaise, EpochReason, Factor,
    FactorChange, Factors, LetterKind, NewPasswordError, Passkey, Proof, RecoveryCode, TotpSetup,
    TypedCode, User, UserId,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::sessions::{
    EndReason, KeptSessionError, Session, Sessions, StartError, StartedSession, Token,
};

/// Lets people set up and remove their second factors.
#[derive(Clone)]
pub struct OwnFactors {
    pub(super) accounts: Accounts,
    pub(super) sessions: Sessions,
    pub(super) audit: AuditTrail,
    pub(super) mail: Mail,
    pub(super) metrics: Metrics,
}

/// The factors of an account, for its owner.
#[derive(Clone, Debug)]
pub struct FactorsShown {
    /// Which.
    pub factors: Factors,
    /// How many recovery codes can still be used.
    pub recovery_codes_left: u32,
    /// Its passkeys; none where they are off.
    pub passkeys: Vec<Passkey>,
}

/// New recovery codes, shown once, and the session that goes on; `None` if it ended since.
pub type Renewed = (Vec<RecoveryCode>, Option<StartedSession>);

/// A factor that is about to be added.
pub(super) struct NewFactor {
    pub(super) change: FactorChange,
    pub(super) factor: Factor,
    /// The new recovery codes, to show; empty where those before stay.
    pub(super) codes: Vec<RecoveryCode>,
}

/// A change of factors by a signed-in user, with what is recorded and mailed about it.
pub(super) struct OwnFactorChange {
    pub(super) factors: FactorChange,
    pub(super) proof: Proof,
    pub(super) events: Vec<Event>,
    pub(super) letter: LetterKind,
}

/// Why a factor was not changed.
#[derive(Debug, thiserror::Error)]
pub enum OwnFactorsError {
    /// There is no set-up to finish, or no factor to remove.
    #[error("there is no such factor")]
    NotFound,
    /// The code was wrong.
    #[error("the code is wrong")]
    WrongCode,
    /// The new passkey was not accepted.
    #[error("the passkey is not accepted")]
    WrongPasskey,
    /// The account has as many passkeys as allowed.
    #[error("the account has as many passkeys as allowed")]
    TooManyPasskeys,
    /// Mail is on, and the address of the account is not verified. The link was sent again.
    #[error("the address is not verified")]
    EmailUnverified,
    /// The session ended before the change.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
    /// The pending session is void, or was used by another request.
    #[error("no sign-in waits for a second factor")]
    NotPending,
    /// The factor was added, but its owner has to sign in.
    #[error("the factor was added, but no session started")]
    NotStarted(#[source] StartError),
    /// Too many passwords and codes are being hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The account could not be changed.
    #[error(transparent)]
    Change(ChangeError),
}

impl From<StoreError> for OwnFactorsError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl From<ChangeError> for OwnFactorsError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::FactorGone | ChangeError::NotFound => Self::NotFound,
            ChangeError::CredentialTaken => Self::WrongPasskey,
            error => Self::Change(error),
        }
    }
}

impl From<NewPasswordError> for OwnFactorsError {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Busy(busy) => Self::Busy(busy),
            NewPasswordError::Store(error) => error.into(),
            // Codes are made here and have the right length.
            NewPasswordError::Weak(_) => Self::NotFound,
        }
    }
}

impl From<KeptSessionError> for OwnFactorsError {
    fn from(error: KeptSessionError) -> Self {
        match error {
            KeptSessionError::Ended(reason) => Self::Ended(reason),
            KeptSessionError::Store(error) => error.into(),
        }
    }
}

impl OwnFactors {
    /// Creates the use case. A set-up that finishes a sign-in is counted in the metrics.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, metrics } = on.clone();
        Self { accounts, sessions, audit, mail, metrics }
    }

    /// The factors of a user. `None`: the account is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn of(&self, user: UserId) -> Result<Option<FactorsShown>, StoreError> {
        let Some(account) = self.accounts.find(user).await? else { return Ok(None) };
        let recovery_codes_left = self.accounts.recovery_codes_left(user).await?;
        let passkeys = self.accounts.passkeys(user).await?;
        Ok(Some(FactorsShown { factors: account.factors, recovery_codes_left, passkeys }))
    }

    /// The right to change factors or to delete the account: `Some` if the user proved the second
    /// factor within the last ten minutes or, without one, the password.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn authorize(
        &self,
        session: &Session,
        by: By,
    ) -> Result<Option<Authorized>, StoreError> {
        let Some(user) = session.owner.user() else { return Ok(None) };
        let account = self.accounts.find(user).await?;
        let has_factor = account.is_some_and(|account| account.factors.any());
        let proof = if has_factor {
            self.sessions.fresh_factor(session)
        } else {
            self.sessions.fresh_proof(session)
        };
        Ok(proof.map(|proof| Authorized::by_user(proof, by)))
    }

    /// Begins the set-up of an authenticator app, in place of another set-up of this user. Callers
    /// hold an [`Authorized`] or a pending session.
    ///
    /// # Errors
    /// [`OwnFactorsError`]; nothing is being set up.
    pub async fn begin_totp(
        &self,
        user: &User,
        browser: &BrowserBinding,
        language: &str,
    ) -> Result<TotpSetup, OwnFactorsError> {
        self.require_verified(user, language).await?;
        Ok(self.accounts.begin_totp(user.id, browser).await?)
    }

    /// Sends the link again where the address has to be verified first.
    pub(super) async fn require_verified(
        &self,
        user: &User,
        language: &str,
    ) -> Result<(), OwnFactorsError> {
        if self.may_add_to(user) {
            return Ok(());
        }
        send_confirmation(&self.accounts, &self.mail, user, language).await?;
        Err(OwnFactorsError::EmailUnverified)
    }

    /// With mail on, factors are for verified addresses only: otherwise somebody could sign up with
    /// the address of another person, who could then not get the account back by mail.
    pub(super) fn may_add_to(&self, user: &User) -> bool {
        user.email_verified || !self.mail.is_on()
    }

    /// The set-up that this browser began within the last hour. Callers hold an [`Authorized`] or a
    /// pending session.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn totp_setup(
        &self,
        user: UserId,
        browser: &BrowserBinding,
    ) -> Result<Option<TotpSetup>, StoreError> {
        self.accounts.totp_setup(user, browser).await
    }

    /// Adds the authenticator app that is being set up, if the code is its. The session continues
    /// under a new token.
    ///
    /// # Errors
    /// [`OwnFactorsError`]; nothing has changed.
    pub async fn confirm_totp(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        code: &TypedCode,
        authorized: &Authorized,
    ) -> Result<Renewed, OwnFactorsError> {
        let browser = BrowserBinding::session(session.id.as_uuid());
        let NewFactor { change, factor, codes: shown } =
            self.activation(user, &browser, code).await?;
        let change = OwnFactorChange {
            factors: change,
            proof: Proof::Factor(factor),
            events: added(user.id, factor, true, authorized.by()),
            letter: LetterKind::FactorAdded,
        };
        let kept = self.change_in_session(user, (session, token), change, authorized);
        Ok((shown, kept.await?))
    }

    /// The change that finishes a set-up, and the codes to show.
    pub(super) async fn activation(
        &self,
        user: &User,
        browser: &BrowserBinding,
        code: &TypedCode,
    ) -> Result<NewFactor, OwnFactorsError> {
        if !self.may_add_to(user) {
            return Err(OwnFactorsError::EmailUnverified);
        }
        let setup = self.accounts.totp_setup(user.id, browser).await?;
        let setup = setup.ok_or(OwnFactorsError::NotFound)?;
        let step = self.accounts.step_of_setup(&setup, code).ok_or(OwnFactorsError::WrongCode)?;
        let (shown, codes) = self.accounts.new_recovery_codes().await?;
        let change = FactorChange::ActivateTotp { secret: setup.id, step, codes };
        Ok(NewFactor { change, factor: Factor::Totp, codes: shown })
    }

    /// Removes the authenticator app. The session continues under a new token.
    ///
    /// # Errors
    /// [`OwnFactorsError`]; nothing has changed.
    pub async fn remove_totp(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        authorized: &Authorized,
    ) -> Result<Option<StartedSession>, OwnFactorsError> {
        let account = self.accounts.find(user.id).await?;
        if !account.is_some_and(|account| account.factors.totp) {
            return Err(OwnFactorsError::NotFound);
        }
        let removed = Event::new(Kind::FactorRemoved, authorized.by()).about(user.id);
        let change = OwnFactorChange {
            factors: FactorChange::RemoveTotp,
            proof: Proof::Nothing,
            events: vec![removed.with("factor", Factor::Totp.as_str())],
            letter: LetterKind::FactorRemoved,
        };
        self.change_in_session(user, (session, token), change, authorized).await
    }

    /// Replaces the recovery codes, unless the session ends before.
    ///
    /// # Errors
    /// [`OwnFactorsError`]; nothing has changed.
    pub async fn renew_codes(
        &self,
        user: UserId,
        (session, token): (&Session, &Token),
        authorized: &Authorized,
    ) -> Result<Vec<RecoveryCode>, OwnFactorsError> {
        let account = self.accounts.find(user).await?;
        let account = account.filter(|account| account.factors.any());
        let Account { epoch, user: owner, .. } = account.ok_or(OwnFactorsError::NotFound)?;
        let kind = LetterKind::RecoveryCodesRenewed;
        let letter = self.mail.letter(kind, &owner).map_err(StoreError::from)?;
        let (shown, codes) = self.accounts.new_recovery_codes().await?;
        // Hashing takes long. A session that ended meanwhile must not get new codes.
        self.sessions.require_live(session.id, token).await?;
        let (this, by) = (self.clone(), authorized.by().clone());
        run_to_completion(async move {
            let decide = move |account: &Account| {
                let applies = account.epoch == epoch && account.factors.any();
                let factors = Some(FactorChange::RenewCodes(codes.clone()));
                let letters = letter.iter().cloned().collect();
                applies.then(|| Change { factors, letters, ..Change::default() })
            };
            let Self { accounts, sessions, audit, mail, .. } = this;
            let changed = finish_if_decided(&accounts, &sessions, user, decide).await?;
            changed.ok_or(ChangeError::Moved)?;
            mail.wake();
            audit.record([codes_created(user, &by)]).await;
            Ok(shown)
        })
        .await?
    }

    /// Changes factors, ends the other sessions and rotates the token of this one, in one step.
    pub(super) async fn change_in_session(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        change: OwnFactorChange,
        authorized: &Authorized,
    ) -> Result<Option<StartedSession>, OwnFactorsError> {
        let OwnFactorChange { factors, proof, events: done, letter } = change;
        let letters = self.mail.letter(letter, user).map_err(StoreError::from)?;
        let user = user.id;
        let mut kept = self.sessions.prepare_kept_session(session, token, proof).await?;
        let reason = EpochReason::FactorChanged;
        let change = Change {
            factors: Some(factors),
            raise: Some(EpochRaise { reason, survivor: Some(kept.record()) }),
            letters: letters.into_iter().collect(),
            ..Change::default()
        };
        let decide = move |_: &_| Some(change.clone());
        let (this, by, events) = (self.clone(), authorized.by().clone(), done.clone());
        let (kept, changed) = run_to_completion(async move {
            let Self { accounts, sessions, audit, mail, .. } = this;
            let changed =
                finish_credential_change(&accounts, &sessions, user, Some(&mut kept), decide).await;
            mail.wake();
            if let Ok(changed) = &changed {
                let ended = ends(changed, user, reason, &by);
                audit.record(events.into_iter().chain(ended)).await;
            }
            (kept, changed)
        })
        .await?;
        commit_kept(kept, changed, (&self.audit, done)).await
    }
}

/// The events of a set-up that was finished.
pub(super) fn added(user: UserId, factor: Factor, with_codes: bool, by: &By) -> Vec<Event> {
    let added = Event::new(Kind::FactorAdded, by).about(user).with("factor", factor.as_str());
    let codes = with_codes.then(|| codes_created(user, by));
    [added].into_iter().chain(codes).collect()
}

fn codes_created(user: UserId, by: &By) -> Event {
    Event::new(Kind::RecoveryCodesCreated, by).about(user)
}
