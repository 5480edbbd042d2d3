//! The kinds of second factors, and what a user has proven with one.

/// A second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// A code of an authenticator app.
    Totp,
    /// A recovery code, each for one use.
    RecoveryCode,
    /// A passkey.
    Passkey,
}

impl Factor {
    /// Every factor, in the order of [`Factor::number`].
    pub const ALL: [Self; 3] = [Self::Totp, Self::RecoveryCode, Self::Passkey];

    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }

    /// The number that stores keep, at least 1. Numbers never change.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Totp => 1,
            Self::RecoveryCode => 2,
            Self::Passkey => 3,
        }
    }

    /// The factor of this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|factor| i64::from(factor.number()) == number)
    }
}

/// The second factors that an account has now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Whether it has an authenticator app.
    pub totp: bool,
    /// Whether it has a passkey.
    pub passkeys: bool,
}

impl Factors {
    /// Whether a sign-in needs a second factor.
    #[must_use]
    pub fn any(self) -> bool {
        let Self { totp, passkeys } = self;
        totp || passkeys
    }
}

/// The proof that a user has just given, which moves times of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Nothing.
    Nothing,
    /// The password: `authenticated_at` moves.
    Password,
    /// A second factor: `authenticated_at` moves, and the session has this factor from now on.
    Factor(Factor),
}

impl Proof {
    /// Whether anything was proven.
    #[must_use]
    pub fn is_identity(self) -> bool {
        self != Self::Nothing
    }

    /// The factor that was proven.
    #[must_use]
    pub fn factor(self) -> Option<Factor> {
        match self {
            Self::Factor(factor) => Some(factor),
            Self::Nothing | Self::Password => None,
        }
    }

    /// The number that stores keep: 0 for nothing, 1 for the password, then the factors.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Password => 1,
            Self::Factor(factor) => 1 + factor.number(),
        }
    }

    /// The proof of this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Nothing),
            1 => Some(Self::Password),
            _ => Factor::from_number(i64::from(number) - 1).map(Self::Factor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_and_factor_is_read_back_from_its_number() {
        for factor in Factor::ALL {
            assert_eq!(Factor::from_number(i64::from(factor.number())), Some(factor));
            let proof = Proof::Factor(factor);
            assert_eq!(Proof::from_number(proof.number()), Some(proof));
        }
        for proof in [Proof::Nothing, Proof::Password] {
            assert_eq!(Proof::from_number(proof.number()), Some(proof));
        }
        assert_eq!((Factor::from_number(0), Proof::from_number(5)), (None, None));
    }
}
