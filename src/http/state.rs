//! The rooms a handler may enter. No pool and no configuration: those stay inside the rooms.

use axum::extract::FromRef;

use crate::accounts::Accounts;
use crate::audit::AuditTrail;
use crate::flows::{
    AccountChanges, ChangePassword, Check, Login, Logout, Reauthenticate, RevokeSessions, Signup,
};
use crate::sessions::Sessions;

use super::cookie::CookieShape;

/// What handlers work with; each names the part that it touches.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) accounts: Accounts,
    pub(crate) sessions: Sessions,
    pub(crate) audit: AuditTrail,
    pub(crate) login: Login,
    pub(crate) logout: Logout,
    pub(crate) signup: Signup,
    pub(crate) reauthenticate: Reauthenticate,
    pub(crate) change_password: ChangePassword,
    pub(crate) revoke_sessions: RevokeSessions,
    pub(crate) account_changes: AccountChanges,
    pub(crate) check: Check,
    pub(crate) manners: Manners,
    pub(crate) cookie: CookieShape,
}

/// How the door treats people, as the operator chose.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Whether anybody may sign up.
    pub signup_is_open: bool,
    /// The fewest characters of a new password, in code points.
    pub password_min_length: u32,
}
