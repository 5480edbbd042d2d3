//! Setting the password of an account that an administrator made, by the link that they gave.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::again::sent_again;
use super::arrival::{Arrivals, go_on};
use super::login::{retrying, shown_again};
use super::views::{Frame, InvitationPage, Problems};
use super::{problems_of, shown};
use crate::accounts::{InvitationDigest, Password, User};
use crate::http::body::Form;
use crate::http::current::CurrentSession;
use crate::http::error::Problem;
use crate::http::query::Query;
use crate::http::state::FormSettings;
use crate::sessions::Sessions;
use crate::use_cases::{Acceptance, Invitations, Login, SentForms};

fn page(frame: Frame, (token, user): (&str, &User), form_settings: FormSettings) -> InvitationPage {
    InvitationPage {
        // A change of language comes back by GET, which needs the token too.
        frame: Frame { path: format!("/invitation?token={token}"), ..frame },
        token: token.to_owned(),
        email: user.email.display(),
        minimum_length: form_settings.password_min_length,
        problems: Problems::none(),
    }
}

/// `GET /invitation?token=…`: the form. Looking at it uses nothing up.
pub(crate) async fn form(
    State(invitations): State<Invitations>,
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    frame: Frame,
    query: Query,
) -> Result<Response, Problem> {
    let token = query.find("token").unwrap_or_default();
    let invited = invitations.find(&InvitationDigest::of(token)).await?;
    let user = invited.ok_or_else(Problem::needless_invitation)?;
    let frame = Frame { form: forms.name(), ..frame };
    Ok(shown(StatusCode::OK, &page(frame, (token, &user), form_settings)))
}

/// `POST /invitation`: sets the password and signs in.
pub(crate) async fn submit(
    (State(invitations), State(login)): (State<Invitations>, State<Login>),
    (State(forms), State(form_settings)): (State<SentForms>, State<FormSettings>),
    (State(arrivals), State(sessions)): (State<Arrivals>, State<Sessions>),
    (current, frame): (CurrentSession, Frame),
    form: Form,
) -> Result<Response, Problem> {
    let (token, password) = (form.get("token"), form.get("password"));
    let turn = forms.turn(form.get("form")).await;
    if sent_again(&login, &current, (&turn, password)).await {
        return Ok(go_on((&arrivals, &sessions), &current, &form));
    }
    let invitation = InvitationDigest::of(token);
    let invited = invitations.find(&invitation).await?;
    let user = invited.ok_or_else(Problem::needless_invitation)?;
    let acceptance = Acceptance {
        invitation,
        password: Password::from_typed(password),
        client: current.client(),
        previous_token: current.token(),
        previous_session: current.session().ok().flatten(),
        form: turn,
    };
    match invitations.accept(acceptance).await.map_err(Problem::from) {
        Ok((user, started)) => {
            current.began(started, Some(Arc::new(user)));
            Ok(go_on((&arrivals, &sessions), &current, &form))
        }
        Err(problem) => {
            let retry_after = problem.retry_after;
            let (status, problems) =
                problems_of(problem, &frame, form_settings.password_min_length)?;
            let frame = shown_again(frame, &form);
            let page = InvitationPage { problems, ..page(frame, (token, &user), form_settings) };
            Ok(retrying(retry_after, shown(status, &page)))
        }
    }
}
