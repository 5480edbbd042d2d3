//! Passkeys: keys of an authenticator that sign a challenge (`WebAuthn`). One that verified its user
//! proves as much as a password and a second factor.
//!
//! [`RelyingParty`] is the only part that knows the library. A ceremony asks a browser to sign a
//! challenge. Its record is kept in the database, is bound to that browser, and is used once.

mod ceremony;
mod check;
mod relying_party;
#[cfg(any(test, feature = "testing"))]
mod software_key;

use time::OffsetDateTime;

use crate::accounts::{Name, UserId};
use crate::entropy::id;

pub use ceremony::{BrowserBinding, Ceremony, CeremonyPurpose, ChallengeDigest};
pub use check::{PasskeyCheck, PasskeyCheckError, PasskeyFault, PasskeyRefused, ProvenPasskey};
pub use relying_party::{Assertion, Registration, RelyingParty};
#[cfg(any(test, feature = "testing"))]
pub use software_key::{Quirk, SoftwareKey};

id! {
    /// The handle of a passkey, which is not the id of its credential.
    PasskeyId
}

/// A passkey of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its handle.
    pub id: PasskeyId,
    /// Whose.
    pub user: UserId,
    /// How its owner calls it.
    pub name: Name,
    /// The id that the authenticator chose; of one account only.
    pub credential_id: Vec<u8>,
    /// The public key and what it was made with, as [`RelyingParty`] writes it.
    pub credential: String,
    /// The highest count of signatures so far; 0 where the key does not count.
    pub sign_count: u32,
    /// Whether the key was backed up at its last use.
    pub backed_up: bool,
    /// When it was added.
    pub created_at: OffsetDateTime,
    /// When it last proved its owner.
    pub last_used_at: Option<OffsetDateTime>,
}

/// A use of a passkey, as the authenticator signed it.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyUse {
    /// Which.
    pub id: PasskeyId,
    /// Whose.
    pub user: UserId,
    /// The count of signatures.
    pub sign_count: u32,
    /// Whether the key is backed up.
    pub backed_up: bool,
    /// When.
    pub at: OffsetDateTime,
}

#[cfg(test)]
mod tests;
