//! Changes accounts, for administrators, the command line and the owners. Some changes end sessions.

use std::sync::{Arc, Mutex, PoisonError};

use super::authorization::Authorized;
use super::credential_change::{ends, finish_credential_change};
use super::run_to_completion;
use crate::accounts::{
    Account, Accounts, Busy, Change, ChangeError, Changed, Email, EpochRaise, EpochReason,
    FactorChange, GroupsChange, Letter, LetterKind, Name, PasswordChange, PasswordHash,
    PendingEmail, Role, Status, UserId,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::sessions::{FreshProof, Sessions};
use crate::throttle::{AttemptError, Network, Throttled};

/// Changes accounts.
#[derive(Clone)]
pub struct AccountChanges {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Option<Mail>,
}

/// The change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new address, and whether it counts as verified.
    pub email: Option<(Email, bool)>,
    /// Whether the account is no longer to have another address, whose owner has yet to confirm it.
    pub withdraws_email: bool,
    /// A new role.
    pub role: Option<Role>,
    /// Other groups.
    pub groups: Option<GroupsChange>,
    /// A new status.
    pub status: Option<Status>,
    /// The hash of a new password, set by the command line.
    pub password: Option<PasswordHash>,
    /// Whether every second factor goes.
    pub reset_factors: bool,
    /// Whether the account goes altogether.
    pub delete: bool,
}

/// A change by the owner; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct OwnChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new address, which requires a fresh proof of identity.
    pub email: Option<(Email, FreshProof)>,
    /// Whether the present address stays: an address that was asked for before is withdrawn.
    pub keeps_email: bool,
}

/// The result of a change by the owner.
#[derive(Clone, Debug)]
pub struct OwnChanged {
    /// The account before and after.
    pub changed: Changed,
    /// The address that it is to have once its owner has confirmed it, if one was asked for.
    pub pending_email: Option<Email>,
}

/// Why an owner could not change the account.
#[derive(Debug, thiserror::Error)]
pub enum OwnChangeError {
    /// Nothing has changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// There were too many questions for addresses from this network, sign-ups among them.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many are being answered at this moment.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl From<AttemptError> for OwnChangeError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => Self::Throttled(throttled),
            AttemptError::Busy => Self::Busy(Busy::A_MOMENT),
            AttemptError::Store(error) => Self::Change(error.into()),
        }
    }
}

impl AccountChanges {
    /// Creates the use case.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { accounts, sessions, audit, mail: None }
    }

    /// The same, and owners are notified by mail.
    #[must_use]
    pub fn with_mail(self, mail: Mail) -> Self {
        Self { mail: Some(mail), ..self }
    }

    /// Changes an account. A new role, a new password, disabling and deleting end every session
    /// of it in the same step; other groups end none. A field that has the wanted value already
    /// changes nothing.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing has changed.
    pub async fn apply(
        &self,
        id: UserId,
        wanted: AccountChange,
        authorized: &Authorized,
    ) -> Result<Changed, ChangeError> {
        self.apply_as(id, wanted, authorized.by()).await
    }

    async fn apply_as(
        &self,
        id: UserId,
        wanted: AccountChange,
        by: &By,
    ) -> Result<Changed, ChangeError> {
        let (this, by) = (self.clone(), by.clone());
        run_to_completion(async move {
            let Self { accounts, sessions, audit, mail } = this;
            // `decide` may run several times: the last decision is the one that was applied.
            let decided: Arc<Mutex<Option<Change>>> = Arc::default();
            let decide = |account: &Account| {
                let mut change = decide(account, &wanted);
                if let (Some(change), Some(mail)) = (&mut change, &mail) {
                    change.letters = notices(mail, account, change);
                }
                decided.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&change);
                change
            };
            let changed = finish_credential_change(&accounts, &sessions, id, None, decide).await?;
            mail.iter().for_each(Mail::wake);
            let change = decided.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(change) = change {
                if change.name.is_some() {
                    tracing::info!(user.id = %id, actor = %by.actor, "name changed");
                }
                let mut events = events(&changed, &change, &by);
                if let Some(raise) = &change.raise {
                    events.extend(ends(&changed, id, raise.reason, &by));
                }
                audit.record(events).await;
            }
            Ok(changed)
        })
        .await?
    }
}

impl AccountChanges {
    /// As [`AccountChanges::apply`], for the owner of the account. A new address counts like a
    /// sign-up from this network: the answer tells who has an account. With mail on it takes effect
    /// once its owner has confirmed it, and the answer tells nothing.
    ///
    /// # Errors
    /// [`OwnChangeError`]; nothing has changed.
    pub async fn by_owner(
        &self,
        id: UserId,
        wanted: OwnChange,
        by: &By,
    ) -> Result<OwnChanged, OwnChangeError> {
        let OwnChange { name, email, keeps_email } = wanted;
        let Some((email, _)) = email else {
            let withdraws_email = keeps_email
                && self.accounts.pending_email(id).await.map_err(ChangeError::from)?.is_some();
            let wanted = AccountChange { name, withdraws_email, ..AccountChange::default() };
            let changed = self.apply_as(id, wanted, by).await?;
            return Ok(OwnChanged { changed, pending_email: None });
        };
        let is_by_mail = self.mail.as_ref().is_some_and(Mail::is_on);
        let (wanted, asked) = if is_by_mail {
            (AccountChange { name, ..AccountChange::default() }, Some(email))
        } else {
            let email = Some((email, false));
            (AccountChange { name, email, ..AccountChange::default() }, None)
        };
        let (this, by) = (self.clone(), by.clone());
        run_to_completion(async move {
            let from = by.client.ip_address.map(Network::of);
            let attempt = this.accounts.count_address(from).await;
            if let Err(AttemptError::Throttled(_)) = &attempt {
                let throttled = Event::new(Kind::Throttled, &by).about(id).outcome("refused");
                this.audit.record([throttled.with("limit", "sign_ups")]).await;
            }
            let attempt = attempt?;
            let changed = this.apply_as(id, wanted, &by).await;
            if matches!(changed, Ok(_) | Err(ChangeError::EmailTaken)) {
                attempt.keep_counted();
            }
            let changed = changed?;
            match asked {
                None => Ok(OwnChanged { changed, pending_email: None }),
                Some(email) => this.ask_for_address(id, email, &by).await,
            }
        })
        .await
        .map_err(ChangeError::from)?
    }
}

impl AccountChanges {
    /// Mails a link to the new address, and one that prevents the change to the present address. A
    /// taken address gets no link, which the answer does not tell.
    async fn ask_for_address(
        &self,
        id: UserId,
        email: Email,
        by: &By,
    ) -> Result<OwnChanged, OwnChangeError> {
        let Some(mail) = &self.mail else { return Err(ChangeError::NotFound.into()) };
        let no_id = |error| ChangeError::from(StoreError::from(error));
        let confirming = mail.letter_to(LetterKind::NewAddress, Some(id), &email);
        let confirming = confirming.map_err(no_id)?;
        // To the address that the account has in the end, which another request may just restore.
        let cancelling = mail.letter_to(LetterKind::AddressChanging, Some(id), &email);
        let cancelling = cancelling.map_err(no_id)?;
        let decide = |account: &Account| {
            let to = account.user.email.clone();
            let cancelling =
                cancelling.clone().map(|letter| Letter { to, detail: email.display(), ..letter });
            Some(Change {
                pending_email: Some(PendingEmail::Asked(email.clone())),
                letters: confirming.clone().into_iter().chain(cancelling).collect(),
                ..Change::default()
            })
        };
        let changed =
            finish_credential_change(&self.accounts, &self.sessions, id, None, decide).await?;
        mail.wake();
        self.audit.record([Event::new(Kind::EmailChangeRequested, by).about(id)]).await;
        Ok(OwnChanged { changed, pending_email: Some(email) })
    }

    /// The address that an account is to have once its owner has confirmed it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn pending_email(&self, id: UserId) -> Result<Option<Email>, StoreError> {
        self.accounts.pending_email(id).await
    }
}

/// The mail about a change by somebody else than the owner. Without randomness there is none: the
/// change counts.
fn notices(mail: &Mail, account: &Account, change: &Change) -> Vec<Letter> {
    let password = change.password.is_some().then_some(LetterKind::PasswordChanged);
    let factors = change.factors.is_some().then_some(LetterKind::FactorRemoved);
    let letter = |kind| mail.letter(kind, &account.user).ok().flatten();
    password.into_iter().chain(factors).filter_map(letter).collect()
}

/// One event for each change that has a kind. A new name has none: it grants no access, and is
/// only logged.
fn events(changed: &Changed, change: &Change, by: &By) -> Vec<Event> {
    let before = &changed.before.user;
    let event = |kind| Event::new(kind, by).about(before.id);
    if change.delete {
        return vec![event(Kind::AccountDeleted)];
    }
    let status = change.status.map(|status| match status {
        Status::Disabled => event(Kind::AccountDisabled),
        Status::Active => event(Kind::AccountEnabled),
    });
    let role = change.role.map(|role| {
        event(Kind::RoleChanged).with("from", before.role.as_str()).with("to", role.as_str())
    });
    let groups = other_groups(changed).map(|(added, removed)| {
        event(Kind::GroupsChanged).with("added", added).with("removed", removed)
    });
    let email = change
        .email
        .as_ref()
        .map(|(_, verified)| event(Kind::EmailChanged).with("verified", *verified));
    let withdrawn = change.pending_email == Some(PendingEmail::Settled);
    let withdrawn = withdrawn.then(|| event(Kind::EmailChangeCancelled).with("restored", false));
    let password = change.password.as_ref().map(|_| event(Kind::PasswordChanged));
    let factors = change.factors.as_ref().map(|_| event(Kind::FactorRemoved).with("factor", "all"));
    [status, role, groups, email, withdrawn, password, factors].into_iter().flatten().collect()
}

/// The groups that the account has more and fewer than before, if it has others. The store decided
/// which: another change may have come first.
fn other_groups(changed: &Changed) -> Option<(Vec<&str>, Vec<&str>)> {
    let (before, after) = (&changed.before.user.groups, &changed.account.as_ref()?.user.groups);
    let names = (after.without(before).collect(), before.without(after).collect());
    (before != after).then_some(names)
}

fn decide(account: &Account, wanted: &AccountChange) -> Option<Change> {
    let user = &account.user;
    let change = Change {
        name: wanted.name.clone().filter(|name| *name != user.name),
        email: wanted.email.clone().filter(|(email, verified)| {
            *email != user.email || (*verified && !user.email_verified)
        }),
        role: wanted.role.filter(|role| *role != user.role),
        groups: wanted
            .groups
            .clone()
            .filter(|change| change.applied_to(&user.groups).as_ref() != Ok(&user.groups)),
        status: wanted.status.filter(|status| *status != user.status),
        password: wanted.password.clone().map(|to| PasswordChange { from: None, to }),
        factors: (wanted.reset_factors && account.factors.any()).then_some(FactorChange::RemoveAll),
        pending_email: wanted.withdraws_email.then_some(PendingEmail::Settled),
        delete: wanted.delete,
        ..Change::default()
    };
    if change.is_nothing() {
        return None;
    }
    let reason = ends_sessions(&change);
    let raise = reason.map(|reason| EpochRaise { reason, survivor: None });
    Some(Change { raise, ..change })
}

/// Why a change ends the sessions of the account, the gravest first.
fn ends_sessions(change: &Change) -> Option<EpochReason> {
    if change.delete {
        Some(EpochReason::AccountDeleted)
    } else if change.status == Some(Status::Disabled) {
        Some(EpochReason::AccountDisabled)
    } else if change.role.is_some() {
        Some(EpochReason::RoleChanged)
    } else if change.password.is_some() {
        Some(EpochReason::PasswordChanged)
    } else if change.factors.is_some() {
        Some(EpochReason::FactorChanged)
    } else {
        None
    }
}
