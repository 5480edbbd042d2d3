//! Accounts: users, email addresses and password checks.
//!
//! An account is added by sign-up, by the setup link, on the command line or by an import, and changed only
//! through [`AccountStore::change`]. The effect of a change on the sessions of the account travels
//! with it as an [`EpochRaise`]; this module knows no session, no HTTP and no SQL.

mod change;
mod directory;
mod email;
mod epoch;
mod factors;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod groups;
mod hashing;
mod import;
mod invitation;
mod letters;
mod password;
mod password_check;
mod role;
mod setup_link;
mod sign_up;
mod store;
mod user;

pub use change::{AddError, Addition, Change, ChangeError, Changed, PasswordChange, PendingEmail};
pub use directory::{Accounts, AccountsOptions, CreateError, NewPasswordError, NewUser};
pub use email::{Email, InvalidEmail};
pub use epoch::{Epoch, EpochRaise, EpochReason, KeptSession};
pub use factors::{
    Assertion, BrowserBinding, Ceremony, CeremonyPurpose, ChallengeDigest, Factor, FactorChange,
    FactorCheck, FactorStore, Factors, NewRecoveryCode, Passkey, PasskeyCheck, PasskeyCheckError,
    PasskeyFault, PasskeyId, PasskeyRefused, PasskeyUse, PendingDigest, PendingPurpose,
    PendingSession, Proof, ProvenPasskey, RecoveryCode, Registration, RelyingParty,
    SecondFactorPolicy, Selector, TotpCode, TotpSecret, TotpSecretId, TotpSetup, TypedCode,
};
#[cfg(any(test, feature = "testing"))]
pub use factors::{Quirk, SoftwareKey};
pub use groups::{Group, Groups, GroupsChange, InvalidGroups};
pub use hashing::{
    Busy, HashError, HashParameters, Hasher, HasherOptions, ImportedCosts, PasswordHash,
    PasswordMatch, RefusedHash, RefusedParameters,
};
pub use import::{ImportedUser, ImportedUsers};
pub use invitation::{InvitationDigest, InvitedUser, IssuedInvitation};
pub use letters::{
    Letter, LetterId, LetterKind, Link, LinkDigest, LinkPurpose, MOST_LETTERS_AN_HOUR, UsedLink,
};
pub use password::{Password, PasswordPolicy, WeakPassword};
pub use password_check::{Authenticated, FailedSignIn, PasswordCheck, PasswordCheckError};
pub use role::Role;
pub use setup_link::{SetupClaim, SetupLink};
pub use store::{
    Account, AccountCount, AccountPage, AccountStore, Credentials, ImportError, ImportSource,
    Invitation, Listing,
};
pub use user::{InvalidName, Name, Status, User, UserId};

#[cfg(test)]
mod tests;
