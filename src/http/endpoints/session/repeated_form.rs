//! Repeated submission of a form, as by a double click: the second request replaces the first, if
//! it proves the same account.

use std::sync::Arc;

use crate::accounts::Password;
use crate::http::session::current::CurrentSession;
use crate::use_cases::{FormTurn, Login, LoginRequest, SignIn};

/// Signs the same user in again, and replaces the session of the earlier submission.
/// `false`: the form was not sent before, or `password` is not that of the account.
pub(in crate::http) async fn repeat_sign_in(
    login: &Login,
    current: &CurrentSession,
    turn: &FormTurn,
    password: &str,
) -> bool {
    let Some(earlier) = turn.earlier() else { return false };
    let request = LoginRequest {
        email: earlier.email,
        password: Password::from_typed(password),
        remember_me: earlier.remember_me,
        from: current.browser(),
        form: turn.clone(),
    };
    match login.with_password(request).await {
        Ok(SignIn::Started(started)) => {
            let (user, started) = *started;
            current.set_session(started, Some(Arc::new(user)));
            true
        }
        // A second factor is not proven by a password.
        Ok(SignIn::Pending(_)) | Err(_) => false,
    }
}
