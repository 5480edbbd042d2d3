//! A form that is sent once more, as by a double click: the second request takes the place of the
//! first, if it proves the same account.

use std::sync::Arc;

use crate::accounts::Password;
use crate::http::current::CurrentSession;
use crate::use_cases::{FormTurn, Login, LoginRequest};

/// Signs in again whoever was signed in by the same form, in place of the session from before.
/// `false`: the form was not sent before, or `password` is not that of the account.
pub(super) async fn sent_again(
    login: &Login,
    current: &CurrentSession,
    (turn, password): (&FormTurn, &str),
) -> bool {
    let Some(earlier) = turn.earlier() else { return false };
    let request = LoginRequest {
        email: earlier.email,
        password: Password::from_typed(password),
        remember_me: earlier.remember_me,
        client: current.client(),
        previous_token: current.token(),
        previous_session: current.session().ok().flatten(),
        form: turn.clone(),
    };
    match login.with_password(request).await {
        Ok((user, started)) => {
            current.began(started, Some(Arc::new(user)));
            true
        }
        Err(_) => false,
    }
}
