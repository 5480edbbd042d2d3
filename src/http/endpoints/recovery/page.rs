//! `/recover`: asks for a link, and sets a password by it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{Password, User};
use crate::http::endpoints::recovery::api::{ask, by_mail};
use crate::http::endpoints::recovery::view::{MailSentPage, RecoverPage, SetPasswordPage};
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::see_other;
use crate::http::session::current::CurrentSession;
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::mail::Mail;
use crate::use_cases::Recovery;

/// `GET /recover`: the form.
pub(crate) async fn form(
    State(mail): State<Mail>,
    context: PageContext,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let page = RecoverPage { context, problems: Problems::none(), email: String::new() };
    Ok(render(StatusCode::OK, &page))
}

/// `POST /recover`: asks for a link. The answer is the same for every address.
pub(crate) async fn submit(
    (State(recovery), State(mail)): (State<Recovery>, State<Mail>),
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let email = form.get("email");
    match ask(&recovery, &current, email).await {
        Ok(()) => Ok(see_other("/recover/sent")),
        Err(problem) => {
            let (rejected, problems) = problems_of(problem, &context, 0)?;
            let context = PageContext { path: "/recover".to_owned(), ..context };
            Ok(rejected.render(&RecoverPage { context, problems, email: email.to_owned() }))
        }
    }
}

/// `GET /recover/sent`: says to look at the mail. It is the same for every address.
pub(crate) async fn sent(
    State(mail): State<Mail>,
    context: PageContext,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let title = context.text("recover-sent-title");
    let lead = context.text("recover-sent-lead");
    Ok(render(StatusCode::OK, &MailSentPage { context, title, lead }))
}

fn page(
    context: PageContext,
    (token, user): (&str, Option<User>),
    form_settings: FormSettings,
) -> SetPasswordPage {
    SetPasswordPage {
        // A change of language comes back by GET, which needs the token too.
        context: PageContext { path: format!("/recover/confirm?token={token}"), ..context },
        token: token.to_owned(),
        email: user.map(|user| user.email.display()).unwrap_or_default(),
        minimum_length: form_settings.password_min_length,
        problems: Problems::none(),
    }
}

/// `GET /recover/confirm?token=…`: the form. Looking at it uses nothing up.
pub(crate) async fn confirm_form(
    (State(recovery), State(mail)): (State<Recovery>, State<Mail>),
    State(form_settings): State<FormSettings>,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let token = query.find("token").unwrap_or_default();
    let user = recovery.find(token).await?.ok_or_else(Problem::link_expired)?;
    Ok(render(StatusCode::OK, &page(context, (token, Some(user)), form_settings)))
}

/// `POST /recover/confirm`: sets the password. Nobody is signed in by it.
pub(crate) async fn confirm(
    (State(recovery), State(mail)): (State<Recovery>, State<Mail>),
    State(form_settings): State<FormSettings>,
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let token = form.get("token");
    let password = Password::from_typed(form.get("new_password"));
    let set = recovery.confirm(token, &password, current.client()).await;
    match set.map_err(Problem::from) {
        Ok(()) => Ok(see_other("/login")),
        Err(problem) => {
            let minimum_length = form_settings.password_min_length;
            let (rejected, problems) = problems_of(problem, &context, minimum_length)?;
            let user = recovery.find(token).await?;
            let page = page(context, (token, user), form_settings);
            let page = SetPasswordPage { problems, ..page };
            Ok(rejected.render(&page))
        }
    }
}
