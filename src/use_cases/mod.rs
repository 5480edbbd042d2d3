//! Deeds that take more than one room, one file each. No SQL, no HTTP, and no flow calls another.

mod change_account;
mod change_password;
mod check;
mod credential_change;
mod detached;
mod displaced;
mod figures;
mod invitations;
mod login;
mod logout;
mod proofs;
mod reauthenticate;
mod revoke_sessions;
mod sent_forms;
mod signup;

pub use change_account::{AccountChange, AccountChanges, OwnChangeError};
pub use change_password::{ChangePassword, ChangePasswordError};
pub use check::{Check, Identity};
pub use figures::{Counts, Figures};
pub use invitations::{AcceptError, Acceptance, Invitations};
pub use login::{Login, LoginError, LoginRequest};
pub use logout::Logout;
pub use reauthenticate::{Reauthenticate, ReauthenticateError};
pub use revoke_sessions::{RevokeSessions, RevokeSessionsError};
pub use sent_forms::{Done, FormTurn, SentForms};
pub use signup::{Signup, SignupError, SignupRequest};
