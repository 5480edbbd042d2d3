//! Who must have a second factor.

use crate::accounts::Role;

/// Who must have a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactorPolicy {
    /// Nobody, but everybody may.
    #[default]
    Optional,
    /// Administrators.
    Administrators,
    /// Everybody.
    Required,
}

impl SecondFactorPolicy {
    /// Every policy, the least strict first.
    pub const ALL: [Self; 3] = [Self::Optional, Self::Administrators, Self::Required];

    /// The value of the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Administrators => "administrators",
            Self::Required => "required",
        }
    }

    /// Whether an account of this role must have one.
    #[must_use]
    pub fn applies_to(self, role: Role) -> bool {
        match self {
            Self::Optional => false,
            Self::Administrators => role == Role::Admin,
            Self::Required => true,
        }
    }
}
