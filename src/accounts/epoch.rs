//! The per-user epoch: a number that only rises, and with which every session of the user ends.

use super::Proof;

/// Counts the actions that ended all sessions of one user. A session is live only under the epoch
/// that its user has now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(i64);

impl Epoch {
    /// The epoch of a fresh account.
    pub const FIRST: Self = Self(1);

    /// The epoch of this number, as a store kept it.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number that a store keeps.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// The epoch after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Why an epoch was raised: the reasons that end all sessions of one user.
///
/// Each is also an [`EndReason`](crate::sessions::EndReason). That type has the reasons for the end
/// of a single session too, such as a timeout. The two are separate because a raise can only have
/// one of these seven, and because this module knows no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EpochReason {
    /// The password was changed.
    PasswordChanged,
    /// The role was changed.
    RoleChanged,
    /// The account was disabled.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// The user ended the other sessions, or all.
    RevokedByUser,
    /// An administrator or the command line ended all sessions of the user.
    RevokedByAdmin,
    /// A second factor was added or removed.
    FactorChanged,
}

impl EpochReason {
    const ALL: [Self; 7] = [
        Self::PasswordChanged,
        Self::RoleChanged,
        Self::AccountDisabled,
        Self::AccountDeleted,
        Self::RevokedByUser,
        Self::RevokedByAdmin,
        Self::FactorChanged,
    ];

    /// The word of the contract, for example `password_changed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::RoleChanged => "role_changed",
            Self::AccountDisabled => "account_disabled",
            Self::AccountDeleted => "account_deleted",
            Self::RevokedByUser => "revoked_by_user",
            Self::RevokedByAdmin => "revoked_by_admin",
            Self::FactorChanged => "factor_changed",
        }
    }

    /// Reads what [`EpochReason::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// The effect of an account change on the sessions of its user, in the same transaction.
#[derive(Clone, Debug)]
pub struct EpochRaise {
    /// Why the sessions end.
    pub reason: EpochReason,
    /// The one session that goes on, under a new token and the new epoch.
    pub survivor: Option<KeptSession>,
}

/// The session that outlives its own user's change. This module only passes it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptSession {
    /// The public handle of the session.
    pub session: uuid::Uuid,
    /// Digest of the token that the browser holds; only a session that still has it survives.
    pub from: [u8; 32],
    /// Digest of the token that it gets instead.
    pub to: [u8; 32],
    /// The proof that the change gave.
    pub proof: Proof,
}
