//! The set-up of the factor that an account must have, by a pending session, which becomes a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::credential_change::{ends, finish_credential_change};
use super::own_factors::{OwnFactors, OwnFactorsError, added};
use super::pending::{digest_of, session_before};
use super::{new_session, run_to_completion, signed_in};
use crate::accounts::{
    Account, Change, EpochRaise, EpochReason, Factor, FactorChange, Letter, LetterKind,
    PendingPurpose, PendingSession, RecoveryCode, TypedCode, User,
};
use crate::audit::By;
use crate::failure::StoreError;
use crate::sessions::{Client, StartedSession, Token, device_name};

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
        let (shown, factors) = self.activation(user, code).await?;
        let letter = self.mail.letter(LetterKind::FactorAdded, user).map_err(StoreError::from)?;
        let letter = letter.map(|letter| Letter { language: language.to_owned(), ..letter });
        let this = self.clone();
        run_to_completion(async move {
            let account = this.add_to_pending(&pending, (factors, letter), &client).await?;
            this.mail.wake();
            let device = device_name(&client.user_agent);
            let started = this.start(&account, &pending, client).await?;
            this.mail.note_use(&account.user, language, &device).await;
            Ok((shown, account.user, started))
        })
        .await?
    }

    /// Adds the first factor, which voids every pending session of the account.
    async fn add_to_pending(
        &self,
        pending: &PendingSession,
        (factors, letter): (FactorChange, Option<Letter>),
        client: &Client,
    ) -> Result<Account, OwnFactorsError> {
        let (user, epoch, reason) = (pending.user, pending.epoch, EpochReason::FactorChanged);
        let raise = Some(EpochRaise { reason, survivor: None });
        let letters = letter.into_iter().collect();
        let change = Change { factors: Some(factors), raise, letters, ..Change::default() };
        let decided = Arc::new(AtomicBool::new(false));
        let is_decided = Arc::clone(&decided);
        let decide = move |account: &Account| {
            let applies = account.epoch == epoch && !account.factors.any();
            is_decided.store(applies, Ordering::SeqCst);
            applies.then(|| change.clone())
        };
        let Self { accounts, sessions, audit, .. } = self;
        let changed = finish_credential_change(accounts, sessions, user, None, decide).await?;
        if !decided.load(Ordering::SeqCst) {
            return Err(OwnFactorsError::NotPending);
        }
        accounts.take_pending(&pending.digest).await?;
        let by = By::anonymous(client.clone());
        let mut events = added(user, &by);
        events.extend(ends(&changed, user, reason, &by));
        audit.record(events).await;
        changed.account.ok_or(OwnFactorsError::NotFound)
    }

    async fn start(
        &self,
        account: &Account,
        pending: &PendingSession,
        client: Client,
    ) -> Result<StartedSession, OwnFactorsError> {
        let (previous_token, previous) = session_before(&self.sessions, pending).await;
        let browser = (client.clone(), previous_token);
        let beginning = new_session(account, Some(Factor::Totp), pending.remember_me, browser);
        let started = self.sessions.start(beginning).await.map_err(OwnFactorsError::NotStarted)?;
        let events = signed_in(account.user.id, &started, previous.as_deref(), client);
        self.audit.record(events).await;
        Ok(started)
    }
}
