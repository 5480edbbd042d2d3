//! The services and settings that handlers can extract as `State`.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::accounts::Accounts;
use crate::audit::AuditTrail;
use crate::mail::Mail;
use crate::sessions::Sessions;
use crate::use_cases::{
    AccessTokens, AccountChanges, ChangePassword, Check, Clients, CodeFlow, EmailLinks, Figures,
    Handover, Invitations, Login, Logout, OwnFactors, PasskeySignIn, Reauthenticate, Recovery,
    RevokeSessions, SecondFactor, SentForms, Signup,
};
use crate::webhook::Webhook;

use crate::http::forward_auth::ForwardAuth;
use crate::http::security::applications::Applications;
use crate::http::session::cookie::CookieShape;
use crate::http::session::recent_sign_ins::RecentSignIns;

/// Each field can be named by a handler as `State` of its type.
macro_rules! services {
    ($($field:ident: $service:ty,)+) => {
        /// All services of the handlers.
        pub(crate) struct HandlerServices {
            $(pub(crate) $field: $service,)+
        }

        $(impl FromRef<AppState> for $service {
            fn from_ref(state: &AppState) -> Self {
                state.0.$field.clone()
            }
        })+
    };
}

services! {
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
    recovery: Recovery,
    email_links: EmailLinks,
    mail: Mail,
    links: Links,
    check: Check,
    webhook: Webhook,
    forms: SentForms,
    recent_sign_ins: RecentSignIns,
    form_settings: FormSettings,
    cookie: CookieShape,
    forward_auth: ForwardAuth,
    applications: Applications,
    handover: Handover,
    second_factor: SecondFactor,
    own_factors: OwnFactors,
    passkey_sign_in: PasskeySignIn,
    access_tokens: AccessTokens,
    clients: Clients,
    code_flow: CodeFlow,
}

/// The state of the router, which clones it several times for every request.
#[derive(Clone)]
pub(crate) struct AppState(Arc<HandlerServices>);

impl From<HandlerServices> for AppState {
    fn from(services: HandlerServices) -> Self {
        Self(Arc::new(services))
    }
}

/// Absolute links, for use outside of the browser.
#[derive(Clone, Debug)]
pub(crate) struct Links(Arc<str>);

impl Links {
    /// To pages under this origin.
    pub(crate) fn to(origin: &str) -> Self {
        Self(origin.into())
    }

    /// The form for signing in.
    pub(crate) fn sign_in(&self) -> String {
        format!("{}/login", self.0)
    }

    /// The name of the service, for authenticator apps: its host.
    pub(crate) fn service(&self) -> &str {
        self.0.split_once("://").map_or(&*self.0, |(_, host)| host)
    }

    /// By which an invitation is accepted.
    pub(crate) fn invitation(&self, secret: &str) -> String {
        format!("{}/invitation?token={secret}", self.0)
    }
}

/// Settings that forms show: whether sign-up and recovery are open, the minimum password length.
#[derive(Clone, Copy, Debug)]
pub struct FormSettings {
    /// Whether anybody may sign up.
    pub signup_is_open: bool,
    /// The fewest characters of a new password, in code points.
    pub password_min_length: u32,
    /// Whether people can set a new password by mail.
    pub recovery_is_open: bool,
    /// Whether people can sign in with passkeys.
    pub passkeys_are_on: bool,
}
