//! A change of an account: what it is, what came of it, and why it was refused.

use super::{
    Account, Email, Epoch, EpochRaise, FactorChange, GroupsChange, InvalidGroups, InvitationDigest,
    Letter, Name, PasswordHash, Role, Status, UsedLink, User,
};
use crate::failure::StoreError;

/// The change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The epoch that the account had when this was decided.
    pub seen: Epoch,
    /// The person as it was decided by; `None` where only the epoch counts.
    pub seen_user: Option<User>,
    /// Whether all sessions of the user end with the change.
    pub raise: Option<EpochRaise>,
    /// A new name.
    pub name: Option<Name>,
    /// A new address, and whether it counts as verified.
    pub email: Option<(Email, bool)>,
    /// A new role.
    pub role: Option<Role>,
    /// Other groups.
    pub groups: Option<GroupsChange>,
    /// A new status.
    pub status: Option<Status>,
    /// A new password.
    pub password: Option<PasswordChange>,
    /// Other second factors.
    pub factors: Option<FactorChange>,
    /// The invitation that is used up by it: the change fails unless it works until the end.
    pub invitation: Option<InvitationDigest>,
    /// The mailed link that is used up by it: the change fails unless it works until the end.
    pub link: Option<UsedLink>,
    /// Whether the account is to have another address, or no longer.
    pub pending_email: Option<PendingEmail>,
    /// Mail that is queued with it.
    pub letters: Vec<Letter>,
    /// Whether it is made only if its letters are within the limit of their recipient.
    pub needs_letters: bool,
    /// Whether the account goes altogether.
    pub delete: bool,
}

/// A change of the address that an account is to have once its owner has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PendingEmail {
    /// It is this one, in place of one that was asked for before.
    Asked(Email),
    /// There is none any more.
    Settled,
}

/// How an account is added.
#[derive(Clone, Debug, Default)]
pub struct Addition {
    /// Whether it is added only while there is no active administrator.
    pub only_first_administrator: bool,
    /// Whether a sign-up makes it that waits for its address to be confirmed.
    pub signed_up_by_mail: bool,
    /// Mail that is queued with it.
    pub letters: Vec<Letter>,
}

impl Change {
    /// Whether the account still is what this was decided by. The epoch alone does not tell:
    /// confirming an address raises none. The name decides nothing, and groups change in one step.
    #[must_use]
    pub fn fits(&self, account: &Account) -> bool {
        fn decisive(user: &User) -> (&Email, bool, Role, Status) {
            (&user.email, user.email_verified, user.role, user.status)
        }
        let seen_user = self.seen_user.as_ref();
        account.epoch == self.seen
            && seen_user.is_none_or(|seen| decisive(seen) == decisive(&account.user))
    }

    /// Whether everything stays as it is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let Self {
            seen: _,
            seen_user: _,
            raise,
            name,
            email,
            role,
            groups,
            status,
            password,
            factors,
            invitation,
            link,
            pending_email,
            letters,
            needs_letters: _,
            delete,
        } = self;
        let profile = name.is_some() || email.is_some();
        let rights = role.is_some() || groups.is_some() || status.is_some();
        let credentials = password.is_some() || factors.is_some();
        let used = invitation.is_some() || link.is_some();
        let by_mail = pending_email.is_some() || !letters.is_empty();
        !(profile || rights || raise.is_some() || credentials || used || by_mail || *delete)
    }

    /// Whether an invitation of the account, made before, is void with it: it was sent to somebody
    /// who may be another by now, or is no longer wanted.
    #[must_use]
    pub fn voids_invitation(&self) -> bool {
        let is_disabled = self.status == Some(Status::Disabled);
        self.delete || is_disabled || self.email.is_some() || self.password.is_some()
    }
}

/// A new password.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The hash that was proven; the change fails if the account has another one by now.
    pub from: Option<PasswordHash>,
    /// The new hash.
    pub to: PasswordHash,
}

/// The result of a change.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The account before the change.
    pub before: Account,
    /// The account after the change; `None` once deleted.
    pub account: Option<Account>,
    /// The epoch after the change.
    pub epoch: Epoch,
    /// How many sessions ended in the same step, the survivor not counted. `None`: sessions are
    /// kept elsewhere and have to be updated.
    pub ended: Option<u64>,
}

/// Why an account could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Another account has this address.
    #[error("another account has this address")]
    EmailTaken,
    /// An active administrator exists already, and the account was to be the first.
    #[error("an administrator exists already")]
    AdministratorExists,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an account could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such account.
    #[error("no such account")]
    NotFound,
    /// The account changed since it was read: read it again and decide again.
    #[error("the account has changed since it was read")]
    Moved,
    /// The session that was to outlive the change has ended or has another token by now. The caller
    /// asked for the change asked with a session that no longer counts.
    #[error("the session that was to outlive the change is gone")]
    KeptSessionEnded,
    /// The invitation was used, replaced or withdrawn before.
    #[error("the invitation does not work any more")]
    InvitationGone,
    /// The mailed link was used, has expired or is void.
    #[error("the link does not work any more")]
    LinkGone,
    /// The recipient of its letters got as many as strangers may cause, and the change needs them.
    #[error("the recipient got too many messages within an hour")]
    TooManyLetters,
    /// The set-up of a second factor was used, or another began before, or the passkey to remove is
    /// gone.
    #[error("the second factor, or its set-up, is gone")]
    FactorGone,
    /// The credential of a new passkey is one of this account or another already.
    #[error("the credential is in use")]
    CredentialTaken,
    /// Another account has this address.
    #[error("another account has this address")]
    EmailTaken,
    /// The account would have too many groups.
    #[error(transparent)]
    Groups(#[from] InvalidGroups),
    /// The change would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
