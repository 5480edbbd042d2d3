//! The set-up of the factor that an account must have, by a pending session, which becomes a session.

use super::credential_change::{ends, finish_if_decided};
use super::own_factors::{NewFactor, OwnFactors, OwnFactorsError, added};
use super::own_passkeys::{AddedPasskey, default_name};
use super::pending::{digest_of, session_before};
use super::{new_session, run_to_completion, signed_in};
use crate::accounts::{
    Account, BrowserBinding, Change, EpochRaise, EpochReason, Factor, FactorChange, Letter,
    LetterKind, Name, PendingPurpose, PendingSession, RecoveryCode, Registration, TypedCode, User,
};
use crate::audit::By;
use crate::failure::StoreError;
use crate::metrics::SignInOutcome;
use crate::sessions::{Client, NewSession, SessionPasskey, StartedSession, Token, device_name};

impl OwnFactors {
    /// The pending session of a token that waits for a set-up, and its account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn pending_set_up(
        &self,
        token: &Token,
    ) -> Result<Option<(PendingSession, Account)>, StoreError> {
        let found = self.accounts.pending(&digest_of(token)).await?;
        Ok(found.filter(|(pending, _)| pending.purpose == PendingPurpose::SetUp))
    }

    /// As [`OwnFactors::confirm_totp`], by a pending session, which becomes a session.
    ///
    /// # Errors
    /// [`OwnFactorsError`] says whether the factor was added.
    pub async fn confirm_pending(
        &self,
        (pending, user): (PendingSession, &User),
        code: &TypedCode,
        (client, language): (Client, &'static str),
    ) -> Result<(Vec<RecoveryCode>, User, StartedSession), OwnFactorsError> {
        let browser = BrowserBinding::pending(&pending.digest);
        let new = self.activation(user, &browser, code).await?;
        self.finish_pending((pending, user), new, (client, language)).await
    }

    /// As [`OwnFactors::add_passkey`], by a pending session, which becomes a session.
    ///
    /// # Errors
    /// [`OwnFactorsError`] says whether the passkey was added.
    pub async fn add_passkey_by_pending(
        &self,
        (pending, user): (PendingSession, &User),
        (registration, name): (&Registration, Option<Name>),
        (client, language): (Client, &'static str),
    ) -> Result<(AddedPasskey, User, StartedSession), OwnFactorsError> {
        let binding = BrowserBinding::pending(&pending.digest);
        let name = name.unwrap_or_else(|| default_name(&client));
        let (passkey, new) = self.new_passkey(user, binding, registration, name).await?;
        let (recovery_codes, user, started) =
            self.finish_pending((pending, user), new, (client, language)).await?;
        Ok((AddedPasskey { passkey, recovery_codes }, user, started))
    }

    async fn finish_pending(
        &self,
        (pending, user): (PendingSession, &User),
        new: NewFactor,
        (client, language): (Client, &'static str),
    ) -> Result<(Vec<RecoveryCode>, User, StartedSession), OwnFactorsError> {
        let NewFactor { change, factor, codes: shown } = new;
        let passkey = match &change {
            FactorChange::AddPasskey { passkey, .. } => {
                Some(SessionPasskey { id: passkey.id, is_alone: false })
            }
            _ => None,
        };
        let letter = self.mail.letter(LetterKind::FactorAdded, user).map_err(StoreError::from)?;
        let letter = letter.map(|letter| Letter { language: language.to_owned(), ..letter });
        let this = self.clone();
        run_to_completion(async move {
            let added = (change, factor, letter);
            let account = this.add_to_pending(&pending, added, &client).await?;
            this.mail.wake();
            let device = device_name(&client.user_agent);
            let started = this.start(&account, &pending, (factor, passkey, client)).await?;
            this.mail.note_use(&account.user, language, &device).await;
            Ok((shown, account.user, started))
        })
        .await?
    }

    /// Adds the first factor, which voids every pending session of the account.
    async fn add_to_pending(
        &self,
        pending: &PendingSession,
        (factors, factor, letter): (FactorChange, Factor, Option<Letter>),
        client: &Client,
    ) -> Result<Account, OwnFactorsError> {
        let (user, epoch, reason) = (pending.user, pending.epoch, EpochReason::FactorChanged);
        let raise = Some(EpochRaise { reason, survivor: None });
        let letters = letter.into_iter().collect();
        let change = Change { factors: Some(factors), raise, letters, ..Change::default() };
        let decide = move |account: &Account| {
            let applies = account.epoch == epoch && !account.factors.any();
            applies.then(|| change.clone())
        };
        let Self { accounts, sessions, audit, .. } = self;
        let changed = finish_if_decided(accounts, sessions, user, decide).await?;
        let changed = changed.ok_or(OwnFactorsError::NotPending)?;
        accounts.take_pending(&pending.digest).await?;
        let by = By::anonymous(client.clone());
        let mut events = added(user, factor, true, &by);
        events.extend(ends(&changed, user, reason, &by));
        audit.record(events).await;
        changed.account.ok_or(OwnFactorsError::NotFound)
    }

    async fn start(
        &self,
        account: &Account,
        pending: &PendingSession,
        (factor, passkey, client): (Factor, Option<SessionPasskey>, Client),
    ) -> Result<StartedSession, OwnFactorsError> {
        let (previous_token, previous) = session_before(&self.sessions, pending).await;
        let browser = (client.clone(), previous_token);
        let beginning = new_session(account, Some(factor), pending.remember_me, browser);
        let beginning = NewSession { passkey, ..beginning };
        let started = self.sessions.start(beginning).await.map_err(OwnFactorsError::NotStarted)?;
        let events = signed_in(account.user.id, &started, previous.as_deref(), client);
        self.audit.record(events).await;
        self.metrics.sign_in(SignInOutcome::Ok);
        Ok(started)
    }
}
