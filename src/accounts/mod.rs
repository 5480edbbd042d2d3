//! Who somebody is: accounts, the address they sign in with, and the proof by password.
//!
//! An account is added by sign-up, by the setup link or on the command line, and changed only
//! through [`AccountStore::change`]. What a change means for the sessions of the account travels
//! with it as an [`EpochRaise`]; this room knows no session, no HTTP and no SQL.

mod directory;
mod email;
mod epoch;
mod hashing;
mod password;
mod store;
mod user;

pub use directory::{Accounts, AuthenticateError, Authenticated, CreateError, NewUser};
pub use email::{Email, InvalidEmail};
pub use epoch::{Epoch, EpochRaise, EpochReason, Survivor};
pub use hashing::{HashError, Hasher, PasswordHash};
pub use password::{Password, PasswordPolicy, WeakPassword};
pub use store::{
    Account, AccountStore, AddError, Change, ChangeError, Changed, Credentials, Listing,
    PasswordChange,
};
pub use user::{InvalidName, Name, Role, Status, User, UserId};
