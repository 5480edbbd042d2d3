//! Why a session ended.
//!
//! [`EpochReason`] has the seven reasons for which a change of an account ends all sessions of the
//! user. [`EndReason`] has these and the reasons for the end of a single session. They are two types
//! because accounts know no session, and because no timeout can raise an epoch.

use crate::accounts::EpochReason;

/// Why a session ended. Kept for a day after the end, and returned to a request with its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// No request for the idle timeout.
    IdleTimeout,
    /// The absolute timeout passed, however busy it was.
    AbsoluteTimeout,
    /// Its browser signed out, or signed in as another user.
    SignedOut,
    /// Its user ended it from another session.
    RevokedByUser,
    /// An administrator or the command line ended it.
    RevokedByAdmin,
    /// The password was changed.
    PasswordChanged,
    /// The role was changed.
    RoleChanged,
    /// A newer sign-in evicted it.
    SessionLimit,
    /// The account was disabled.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// The token was rotated away; the session may continue under another.
    Replaced,
    /// A second factor was added or removed, or the session lacks one that is required now.
    FactorChanged,
    /// The passkey that started it was deleted.
    CredentialRemoved,
}

impl EndReason {
    /// All reasons.
    pub const ALL: [Self; 13] = [
        Self::IdleTimeout,
        Self::AbsoluteTimeout,
        Self::SignedOut,
        Self::RevokedByUser,
        Self::RevokedByAdmin,
        Self::PasswordChanged,
        Self::RoleChanged,
        Self::SessionLimit,
        Self::AccountDisabled,
        Self::AccountDeleted,
        Self::Replaced,
        Self::FactorChanged,
        Self::CredentialRemoved,
    ];

    /// The name in the API, for example `idle_timeout`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle_timeout",
            Self::AbsoluteTimeout => "absolute_timeout",
            Self::SignedOut => "signed_out",
            Self::RevokedByUser => "revoked_by_user",
            Self::RevokedByAdmin => "revoked_by_admin",
            Self::PasswordChanged => "password_changed",
            Self::RoleChanged => "role_changed",
            Self::SessionLimit => "session_limit",
            Self::AccountDisabled => "account_disabled",
            Self::AccountDeleted => "account_deleted",
            Self::Replaced => "replaced",
            Self::FactorChanged => "factor_changed",
            Self::CredentialRemoved => "credential_removed",
        }
    }

    /// Reads what [`EndReason::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

impl From<EpochReason> for EndReason {
    fn from(reason: EpochReason) -> Self {
        match reason {
            EpochReason::PasswordChanged => Self::PasswordChanged,
            EpochReason::RoleChanged => Self::RoleChanged,
            EpochReason::AccountDisabled => Self::AccountDisabled,
            EpochReason::AccountDeleted => Self::AccountDeleted,
            EpochReason::RevokedByUser => Self::RevokedByUser,
            EpochReason::RevokedByAdmin => Self::RevokedByAdmin,
            EpochReason::FactorChanged => Self::FactorChanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_reason_has_the_same_name_as_its_end_reason() {
        let both = EndReason::ALL.map(|end| (end, EpochReason::parse(end.as_str())));
        let both: Vec<_> =
            both.into_iter().filter_map(|(end, epoch)| Some((end, epoch?))).collect();
        assert_eq!(both.len(), 7);
        assert!(both.iter().all(|(end, epoch)| EndReason::from(*epoch) == *end));
    }
}
