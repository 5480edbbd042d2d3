//! The handles a handler may enter. No pool and no configuration: those stay inside the handles.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::accounts::Accounts;
use crate::audit::AuditTrail;
use crate::sessions::Sessions;
use crate::use_cases::{
    AccountChanges, ChangePassword, Check, Figures, Invitations, Login, Logout, Reauthenticate,
    RevokeSessions, SentForms, Signup,
};
use crate::webhook::Webhook;

use crate::http::endpoints::session::arrival::Arrivals;
use crate::http::session::cookie::CookieShape;

/// Each field can be named by a handler as `State` of its type.
macro_rules! handles {
    ($($field:ident: $room:ty,)+) => {
        /// The handles, put together once.
        pub(crate) struct Handles {
            $(pub(crate) $field: $room,)+
        }

        $(impl FromRef<AppState> for $room {
            fn from_ref(state: &AppState) -> Self {
                state.0.$field.clone()
            }
        })+
    };
}

handles! {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    login: Login,
    logout: Logout,
    signup: Signup,
    reauthenticate: Reauthenticate,
    change_password: ChangePassword,
    revoke_sessions: RevokeSessions,
    account_changes: AccountChanges,
    invitations: Invitations,
    figures: Figures,
    links: Links,
    check: Check,
    webhook: Webhook,
    forms: SentForms,
    arrivals: Arrivals,
    form_settings: FormSettings,
    cookie: CookieShape,
}

/// What handlers work with; each names the part that it touches. The router copies it several
/// times for every request.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Handles>);

impl From<Handles> for AppState {
    fn from(handles: Handles) -> Self {
        Self(Arc::new(handles))
    }
}

/// Absolute links, for what leaves the browser.
#[derive(Clone, Debug)]
pub(crate) struct Links(Arc<str>);

impl Links {
    /// To pages under this origin.
    pub(crate) fn to(origin: &str) -> Self {
        Self(origin.into())
    }

    /// By which an invitation is accepted.
    pub(crate) fn invitation(&self, secret: &str) -> String {
        format!("{}/invitation?token={secret}", self.0)
    }
}

/// How the request_guard treats people, as the operator chose.
#[derive(Clone, Copy, Debug)]
pub struct FormSettings {
    /// Whether anybody may sign up.
    pub signup_is_open: bool,
    /// The fewest characters of a new password, in code points.
    pub password_min_length: u32,
}
