//! Changes of passkeys by the owner of an account.

use serde_json::Value;

use super::authorization::Authorized;
use super::credential_change::finish_credential_change;
use super::own_factors::{NewFactor, OwnFactorChange, OwnFactors, OwnFactorsError, added};
use super::run_to_completion;
use crate::accounts::{
    Account, BrowserBinding, Change, Factor, FactorChange, LetterKind, Name, Passkey,
    PasskeyCheckError, PasskeyId, Proof, RecoveryCode, Registration, User, UserId,
};
use crate::audit::{Event, Kind};
use crate::failure::StoreError;
use crate::sessions::{Client, EndReason, Session, StartedSession, Token, device_name};

/// A passkey that was added.
#[derive(Clone, Debug)]
pub struct AddedPasskey {
    /// The passkey.
    pub passkey: Passkey,
    /// Ten recovery codes with the first factor of the account, shown once; otherwise none.
    pub recovery_codes: Vec<RecoveryCode>,
}

/// How a passkey is called unless its owner says otherwise: after the device that it was made on.
pub(super) fn default_name(client: &Client) -> Name {
    let device = device_name(&client.user_agent);
    let name = if device.is_empty() { "Passkey" } else { &*device };
    Name::parse(name).unwrap_or_else(|_| Name::from_stored("Passkey".to_owned()))
}

/// How many passkeys an account may have.
const MOST_PASSKEYS: usize = 20;

impl OwnFactors {
    /// Begins to add a passkey: the options for the browser. `None` where passkeys are off. Callers
    /// hold an [`Authorized`] or a pending session.
    ///
    /// # Errors
    /// [`OwnFactorsError`]; no passkey can be added.
    pub async fn begin_passkey(
        &self,
        user: &User,
        binding: BrowserBinding,
        language: &str,
    ) -> Result<Option<Value>, OwnFactorsError> {
        self.require_verified(user, language).await?;
        self.require_space(user).await?;
        Ok(self.accounts.begin_registration(user, binding).await?)
    }

    /// Adds a passkey that the browser has made. The other sessions end, and this one continues
    /// under a new token.
    ///
    /// # Errors
    /// [`OwnFactorsError`]; nothing has changed.
    pub async fn add_passkey(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        (registration, name): (&Registration, Option<Name>),
        authorized: &Authorized,
    ) -> Result<(AddedPasskey, Option<StartedSession>), OwnFactorsError> {
        let binding = BrowserBinding::session(session.id.as_uuid());
        let name = name.unwrap_or_else(|| default_name(&authorized.by().client));
        let (passkey, new) = self.new_passkey(user, binding, registration, name).await?;
        let NewFactor { change, factor, codes: recovery_codes } = new;
        let change = OwnFactorChange {
            factors: change,
            proof: Proof::Factor(factor),
            events: added(user.id, factor, !recovery_codes.is_empty(), authorized.by()),
            letter: LetterKind::FactorAdded,
        };
        let started = self.change_in_session(user, (session, token), change, authorized).await?;
        Ok((AddedPasskey { passkey, recovery_codes }, started))
    }

    /// Each passkey makes pages and options longer. Two that are added at the same instant may be one
    /// too many.
    async fn require_space(&self, user: &User) -> Result<(), OwnFactorsError> {
        let count = self.accounts.passkeys(user.id).await?.len();
        if count < MOST_PASSKEYS { Ok(()) } else { Err(OwnFactorsError::TooManyPasskeys) }
    }

    /// The change that adds a passkey, and the recovery codes if it is the first factor. Another
    /// first factor at the same instant ends the session of this one.
    pub(super) async fn new_passkey(
        &self,
        user: &User,
        binding: BrowserBinding,
        registration: &Registration,
        name: Name,
    ) -> Result<(Passkey, NewFactor), OwnFactorsError> {
        if !self.may_add_to(user) {
            return Err(OwnFactorsError::EmailUnverified);
        }
        self.require_space(user).await?;
        let checked = self.accounts.check_registration(user.id, binding, registration, name).await;
        let passkey = checked.map_err(|error| match error {
            PasskeyCheckError::Refused(_) => OwnFactorsError::WrongPasskey,
            PasskeyCheckError::Store(error) => error.into(),
        })?;
        let account = self.accounts.find(user.id).await?.ok_or(OwnFactorsError::NotFound)?;
        let (shown, codes) = if account.factors.any() {
            (Vec::new(), None)
        } else {
            let (shown, codes) = self.accounts.new_recovery_codes().await?;
            (shown, Some(codes))
        };
        let change = FactorChange::AddPasskey { passkey: Box::new(passkey.clone()), codes };
        Ok((passkey, NewFactor { change, factor: Factor::Passkey, codes: shown }))
    }

    /// Gives a passkey another name, and returns it.
    ///
    /// # Errors
    /// [`OwnFactorsError::NotFound`] where the user has no such passkey; nothing has changed.
    pub async fn rename_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        name: &Name,
    ) -> Result<Passkey, OwnFactorsError> {
        if !self.accounts.rename_passkey(user, id, name).await? {
            return Err(OwnFactorsError::NotFound);
        }
        let passkeys = self.accounts.passkeys(user).await?;
        passkeys.into_iter().find(|one| one.id == id).ok_or(OwnFactorsError::NotFound)
    }

    /// Deletes a passkey. Exactly the sessions that it started end.
    ///
    /// # Errors
    /// [`OwnFactorsError::NotFound`] where the user has no such passkey. After
    /// [`OwnFactorsError::Change`] it may be deleted; then its sessions are accepted no more.
    pub async fn remove_passkey(
        &self,
        user: &User,
        id: PasskeyId,
        authorized: &Authorized,
    ) -> Result<(), OwnFactorsError> {
        if !self.accounts.has_passkey(user.id, id).await? {
            return Err(OwnFactorsError::NotFound);
        }
        let letter = self.mail.letter(LetterKind::FactorRemoved, user).map_err(StoreError::from)?;
        let change = Change {
            factors: Some(FactorChange::RemovePasskey(id)),
            letters: letter.into_iter().collect(),
            ..Change::default()
        };
        let (this, by, user) = (self.clone(), authorized.by().clone(), user.id);
        run_to_completion(async move {
            let Self { accounts, sessions, audit, mail, .. } = this;
            let started = sessions.of_passkey(user, id).await?;
            let decide = move |_: &Account| Some(change.clone());
            finish_credential_change(&accounts, &sessions, user, None, decide).await?;
            mail.wake();
            let removed = Event::new(Kind::FactorRemoved, &by).about(user);
            let removed = removed.with("factor", Factor::Passkey.as_str());
            let reason = EndReason::CredentialRemoved;
            let ends = started.into_iter();
            let ends = ends.map(|session| Event::session_ended(session, reason, &by).about(user));
            audit.record([removed].into_iter().chain(ends)).await;
            // Where they are in another store. If this fails, a server does it later, and until
            // then every check refuses them.
            sessions.end_of_passkey(user, id).await?;
            Ok(())
        })
        .await?
    }
}
