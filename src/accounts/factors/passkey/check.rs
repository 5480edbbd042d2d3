//! Ceremonies of passkeys: begins them, and checks the answers of browsers. The only place that
//! decides whether a passkey proves its owner.

use serde_json::Value;

use super::relying_party::{Asked, NewKey, NotRight, Signed};
use super::{
    Assertion, BrowserBinding, Ceremony, CeremonyPurpose, ChallengeDigest, Passkey, PasskeyId,
    PasskeyUse, Registration, RelyingParty,
};
use crate::accounts::{Account, Accounts, Name, Status, User, UserId};
use crate::failure::StoreError;

use PasskeyFault as Fault;

/// Who has to own the passkey, and to which browsers the challenge was given.
#[derive(Debug)]
pub struct PasskeyCheck {
    /// The answer of the browser.
    pub assertion: Assertion,
    /// The bindings of the browser: one of them has the challenge.
    pub bindings: Vec<BrowserBinding>,
    /// The account to prove; `None` to sign in with the passkey alone.
    pub user: Option<UserId>,
}

/// A passkey that proved its owner.
#[derive(Clone, Debug)]
pub struct ProvenPasskey {
    /// Which.
    pub id: PasskeyId,
    /// Its owner.
    pub account: Account,
    /// Whether its count of signatures went back, which is tolerated of a backed-up key.
    pub count_went_back: bool,
}

/// The fault of an answer of an authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyFault {
    /// Nobody has this passkey.
    UnknownPasskey,
    /// It is of another account than the one to prove.
    PasskeyOfAnotherAccount,
    /// The signature, or what is signed, is wrong.
    WrongPasskey,
    /// Its count of signatures is not higher than the last one, so there may be a copy of it.
    CountWentBack,
    /// The challenge is not one of this browser, or was used.
    UnknownChallenge,
    /// The challenge is older than five minutes.
    ExpiredChallenge,
    /// The challenge is for another purpose or account.
    OtherChallenge,
    /// The account is disabled.
    AccountDisabled,
    /// This server takes no passkeys.
    PasskeysOff,
}

impl PasskeyFault {
    /// The outcome in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownPasskey => "unknown_passkey",
            Self::PasskeyOfAnotherAccount => "passkey_of_another_account",
            Self::WrongPasskey => "wrong_passkey",
            Self::CountWentBack => "count_went_back",
            Self::UnknownChallenge => "unknown_challenge",
            Self::ExpiredChallenge => "expired_challenge",
            Self::OtherChallenge => "other_challenge",
            Self::AccountDisabled => "account_disabled",
            Self::PasskeysOff => "passkeys_off",
        }
    }
}

/// A passkey did not prove anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the passkey was refused: {}", .why.as_str())]
pub struct PasskeyRefused {
    /// For the audit trail.
    pub why: PasskeyFault,
    /// The owner of the credential, if it is known.
    pub user: Option<UserId>,
}

impl PasskeyRefused {
    /// Whether there is no such passkey here, so that browsers may forget it. That tells nobody
    /// anything: ids of credentials cannot be guessed.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.why == PasskeyFault::UnknownPasskey
    }
}

/// Why a passkey was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyCheckError {
    /// Unknown or wrong, or the challenge is. Which is for the audit trail alone.
    #[error(transparent)]
    Refused(#[from] PasskeyRefused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn refused(why: Fault, user: Option<UserId>) -> PasskeyCheckError {
    PasskeyRefused { why, user }.into()
}

impl Accounts {
    /// Whether passkeys can be used on this server.
    #[must_use]
    pub fn passkeys_are_on(&self) -> bool {
        self.0.relying_party.is_some()
    }

    /// The id under which browsers keep passkeys of this server.
    #[must_use]
    pub fn passkey_host(&self) -> Option<&str> {
        self.0.relying_party.as_ref().map(RelyingParty::id)
    }

    /// The passkeys of a user in the order in which they were added; none where they are off.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        if !self.passkeys_are_on() {
            return Ok(Vec::new());
        }
        self.0.factors.passkeys(user).await
    }

    /// Whether a user has this passkey.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn has_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        self.0.factors.has_passkey(user, id).await
    }

    /// Gives a passkey another name. `false`: the user has no such passkey.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn rename_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        name: &Name,
    ) -> Result<bool, StoreError> {
        self.0.factors.rename_passkey(user, id, name).await
    }

    /// Begins to add a passkey: the options for the browser. `None` where passkeys are off.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn begin_registration(
        &self,
        user: &User,
        binding: BrowserBinding,
    ) -> Result<Option<Value>, StoreError> {
        let Some(relying_party) = &self.0.relying_party else { return Ok(None) };
        let existing = self.0.factors.passkeys(user.id).await?;
        let challenge = self.0.entropy.bytes()?;
        let asked = relying_party.ask_to_register(user, &existing, &challenge)?;
        let who = (CeremonyPurpose::Register, Some(user.id));
        self.keep_ceremony(&challenge, binding, who, asked).await.map(Some)
    }

    /// Begins to prove a passkey: the options for the browser. With a user they name the passkeys
    /// of that account; without, the browser offers those that it has. `None` where passkeys are off
    /// or the user has none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn begin_proof(
        &self,
        user: Option<UserId>,
        binding: BrowserBinding,
    ) -> Result<Option<Value>, StoreError> {
        let Some(relying_party) = &self.0.relying_party else { return Ok(None) };
        let (passkeys, purpose) = match user {
            Some(user) => (self.0.factors.passkeys(user).await?, CeremonyPurpose::Prove),
            None => (Vec::new(), CeremonyPurpose::SignIn),
        };
        if user.is_some() && passkeys.is_empty() {
            return Ok(None);
        }
        let challenge = self.0.entropy.bytes()?;
        let asked = relying_party.ask_to_prove(&passkeys, &challenge)?;
        self.keep_ceremony(&challenge, binding, (purpose, user), asked).await.map(Some)
    }

    async fn keep_ceremony(
        &self,
        challenge: &[u8],
        binding: BrowserBinding,
        (purpose, user): (CeremonyPurpose, Option<UserId>),
        Asked { options, state }: Asked,
    ) -> Result<Value, StoreError> {
        let lifetime = Ceremony::LIFETIME.try_into().unwrap_or_default();
        let ceremony = Ceremony {
            challenge: ChallengeDigest::of(challenge),
            binding,
            purpose,
            user,
            state,
            expires_at: self.0.clock.now().saturating_add(lifetime),
        };
        self.0.factors.keep_ceremony(&ceremony).await?;
        Ok(options)
    }

    /// Takes the ceremony of a challenge that was given to this browser. It is used up.
    async fn take_ceremony(
        &self,
        challenge: &[u8],
        bindings: &[BrowserBinding],
    ) -> Result<Ceremony, PasskeyCheckError> {
        let digest = ChallengeDigest::of(challenge);
        for binding in bindings {
            let taken = self.0.factors.take_ceremony(&digest, binding).await?;
            let Some(ceremony) = taken else { continue };
            let now = self.0.clock.now();
            let longest = Ceremony::LIFETIME.try_into().unwrap_or_default();
            let latest = now.saturating_add(longest).saturating_add(crate::clock::SKEW);
            if now >= ceremony.expires_at || ceremony.expires_at > latest {
                return Err(refused(Fault::ExpiredChallenge, ceremony.user));
            }
            return Ok(ceremony);
        }
        Err(refused(Fault::UnknownChallenge, None))
    }

    /// The new passkey of a right answer to [`Accounts::begin_registration`]. It is not kept yet.
    ///
    /// # Errors
    /// [`PasskeyCheckError`]; there is no passkey.
    pub async fn check_registration(
        &self,
        user: UserId,
        binding: BrowserBinding,
        registration: &Registration,
        name: Name,
    ) -> Result<Passkey, PasskeyCheckError> {
        let Some(relying_party) = &self.0.relying_party else {
            return Err(refused(Fault::PasskeysOff, Some(user)));
        };
        let ceremony = self.take_ceremony(&registration.challenge(), &[binding]).await?;
        if ceremony.purpose != CeremonyPurpose::Register || ceremony.user != Some(user) {
            return Err(refused(Fault::OtherChallenge, Some(user)));
        }
        let NewKey { credential_id, credential, sign_count, backed_up } = relying_party
            .register(&ceremony.state, registration)
            .map_err(|error| not_right(&error, user))?;
        let now = self.0.clock.now();
        let id = PasskeyId::from_uuid(self.0.entropy.id(now).map_err(StoreError::from)?);
        let last_used_at = None;
        Ok(Passkey {
            id,
            user,
            name,
            credential_id,
            credential,
            sign_count,
            backed_up,
            created_at: now,
            last_used_at,
        })
    }

    /// Checks the answer to [`Accounts::begin_proof`]. It counts neither as a password nor as a code:
    /// nobody can guess a signature.
    ///
    /// # Errors
    /// [`PasskeyCheckError`]; nothing is proven.
    pub async fn prove_passkey(
        &self,
        check: &PasskeyCheck,
    ) -> Result<ProvenPasskey, PasskeyCheckError> {
        let Some(relying_party) = &self.0.relying_party else {
            return Err(refused(Fault::PasskeysOff, check.user));
        };
        let PasskeyCheck { assertion, bindings, user } = check;
        let ceremony = self.take_ceremony(&assertion.challenge(), bindings).await?;
        let known = match (ceremony.purpose, ceremony.user, user) {
            (CeremonyPurpose::SignIn, None, None) => None,
            (CeremonyPurpose::Prove, Some(asked), None) => Some(asked),
            (CeremonyPurpose::Prove, Some(asked), Some(user)) if asked == *user => Some(asked),
            _ => return Err(refused(Fault::OtherChallenge, *user)),
        };
        let passkey = self.0.factors.passkey_of(assertion.credential_id()).await?;
        let passkey = passkey.ok_or_else(|| refused(Fault::UnknownPasskey, known))?;
        let owner = passkey.user;
        let handle = assertion.user_handle();
        let is_owner = handle.is_some_and(|handle| handle == owner.as_uuid().as_bytes());
        // An authenticator need not tell the owner where the passkeys were named.
        let fits = if known.is_some() { handle.is_none() || is_owner } else { is_owner };
        if !fits || known.is_some_and(|known| known != owner) {
            return Err(refused(Fault::PasskeyOfAnotherAccount, Some(owner)));
        }
        let Signed { sign_count, backed_up } = relying_party
            .prove(&ceremony.state, &passkey, assertion)
            .map_err(|error| not_right(&error, owner))?;
        let counts = passkey.sign_count > 0 || sign_count > 0;
        let count_went_back = counts && sign_count <= passkey.sign_count;
        let at = self.0.clock.now();
        let used = PasskeyUse { id: passkey.id, user: owner, sign_count, backed_up, at };
        if !self.0.factors.use_passkey(&used).await? {
            // Another proof at the same instant may have counted since this one was read.
            let is_there = self.0.factors.has_passkey(owner, passkey.id).await?;
            let why = if is_there { Fault::CountWentBack } else { Fault::UnknownPasskey };
            return Err(refused(why, Some(owner)));
        }
        let account = self.0.store.find(owner).await?;
        let account = account.ok_or_else(|| refused(Fault::UnknownPasskey, None))?;
        if account.user.status != Status::Active {
            return Err(refused(Fault::AccountDisabled, Some(owner)));
        }
        Ok(ProvenPasskey { id: passkey.id, account, count_went_back })
    }
}

/// The log says what was wrong: who sets up a proxy or a domain needs it.
fn not_right(error: &NotRight, user: UserId) -> PasskeyCheckError {
    let error: &dyn std::error::Error = error;
    tracing::info!(error, "refused the answer of an authenticator");
    refused(Fault::WrongPasskey, Some(user))
}
