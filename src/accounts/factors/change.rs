//! Changes of second factors, as part of a change of the account.

use super::{Passkey, PasskeyId, Selector, TotpSecretId};
use crate::accounts::PasswordHash;

/// A new recovery code, as stores keep it.
#[derive(Clone, Debug)]
pub struct NewRecoveryCode {
    /// Finds it among those of the account.
    pub selector: Selector,
    /// The hash of its secret.
    pub hash: PasswordHash,
}

/// The change of the second factors of an account.
#[derive(Clone, Debug)]
pub enum FactorChange {
    /// The secret of a set-up becomes the one of the account, in place of the one before. The
    /// change fails if another set-up began since.
    ActivateTotp {
        /// Which.
        secret: TotpSecretId,
        /// The step of the code that proved it, which is used up.
        step: i64,
        /// The recovery codes, in place of those before.
        codes: Vec<NewRecoveryCode>,
    },
    /// Other recovery codes, in place of those before.
    RenewCodes(Vec<NewRecoveryCode>),
    /// The authenticator app goes, and the recovery codes with the last factor.
    RemoveTotp,
    /// A new passkey. The change fails if its credential is one of any account.
    AddPasskey {
        /// Which.
        passkey: Box<Passkey>,
        /// The recovery codes of the first factor; otherwise those before stay.
        codes: Option<Vec<NewRecoveryCode>>,
    },
    /// A passkey goes, with the sessions that it started, and the recovery codes with the last
    /// factor. The change fails if the user has no such passkey.
    RemovePasskey(PasskeyId),
    /// Every factor goes, with the recovery codes.
    RemoveAll,
}
