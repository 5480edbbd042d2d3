//! Second factors: what else than the password proves the owner of an account.
//!
//! A sign-in of an account with a second factor stops after the password. A [`PendingSession`] keeps
//! its place, which is another kind of record in the database of the accounts: nothing that looks
//! for sessions can find it. [`FactorStore`] has these records, and what proves a factor.

mod change;
mod check;
mod factor;
mod passkey;
mod pending;
mod policy;
mod recovery;
mod store;
mod totp;

pub use change::{FactorChange, NewRecoveryCode};
pub use check::{FactorCheck, TypedCode};
pub use factor::{Factor, Factors, Proof};
pub use passkey::{
    Assertion, BrowserBinding, Ceremony, CeremonyPurpose, ChallengeDigest, Passkey, PasskeyCheck,
    PasskeyCheckError, PasskeyFault, PasskeyId, PasskeyRefused, PasskeyUse, ProvenPasskey,
    Registration, RelyingParty,
};
#[cfg(any(test, feature = "testing"))]
pub use passkey::{Quirk, SoftwareKey};
pub use pending::{PendingDigest, PendingPurpose, PendingSession};
pub use policy::SecondFactorPolicy;
pub use recovery::{RecoveryCode, Selector};
pub use store::{FactorStore, TotpSecretId, TotpSetup};
pub use totp::{TotpCode, TotpSecret};
