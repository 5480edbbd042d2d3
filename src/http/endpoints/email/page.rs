//! `/verify-email` and `/cancel-email-change`: the pages of mailed links, each with a button. Looking
//! at one uses nothing up, because mail programs look at links by themselves.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::Link;
use crate::http::endpoints::email::view::EmailLinkPage;
use crate::http::endpoints::recovery::api::by_mail;
use crate::http::endpoints::recovery::view::MailSentPage;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::{Code, Problem};
use crate::http::security::redirect::see_other;
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::mail::Mail;
use crate::use_cases::EmailLinks;

const VERIFY: &str = "/verify-email";
const CANCEL: &str = "/cancel-email-change";

fn asked(
    context: PageContext,
    (path, token): (&'static str, &str),
    link: Option<Link>,
    [title, lead, submit]: [String; 3],
) -> Result<Response, Problem> {
    let link = link.ok_or_else(Problem::link_expired)?;
    let page = EmailLinkPage {
        // A change of language comes back by GET, which needs the token too.
        context: PageContext { path: format!("{path}?token={token}"), ..context },
        action: path,
        token: token.to_owned(),
        email: link.email.display(),
        title,
        lead,
        submit,
    };
    Ok(render(StatusCode::OK, &page))
}

/// `GET /verify-email?token=…`: a page with a button.
pub(crate) async fn verify_form(
    (State(links), State(mail)): (State<EmailLinks>, State<Mail>),
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let token = query.find("token").unwrap_or_default();
    let link = links.find_confirming(token).await?;
    let texts = [
        context.text("verify-email-title"),
        context.text("verify-email-lead"),
        context.text("verify-email-submit"),
    ];
    asked(context, (VERIFY, token), link, texts)
}

/// `POST /verify-email`: confirms the address.
pub(crate) async fn verify(
    (State(links), State(mail)): (State<EmailLinks>, State<Mail>),
    current: CurrentSession,
    form: Form,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    links.confirm(form.get("token"), current.client()).await?;
    Ok(see_other("/verify-email/done"))
}

/// `GET /cancel-email-change?token=…`: a page with a button.
pub(crate) async fn cancel_form(
    (State(links), State(mail)): (State<EmailLinks>, State<Mail>),
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let token = query.find("token").unwrap_or_default();
    let link = links.find_cancelling(token).await?;
    let texts = [
        context.text("cancel-email-title"),
        context.text("cancel-email-lead"),
        context.text("cancel-email-submit"),
    ];
    asked(context, (CANCEL, token), link, texts)
}

/// `POST /cancel-email-change`: restores the address, and ends every session.
pub(crate) async fn cancel(
    (State(links), State(mail)): (State<EmailLinks>, State<Mail>),
    current: CurrentSession,
    form: Form,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    links.cancel(form.get("token"), current.client()).await?;
    Ok(see_other("/cancel-email-change/done"))
}

/// `GET /verify-email/done`.
pub(crate) async fn verified(
    State(mail): State<Mail>,
    context: PageContext,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let title = context.text("verify-email-done-title");
    let lead = context.text("verify-email-done-lead");
    Ok(render(StatusCode::OK, &MailSentPage { context, title, lead }))
}

/// `GET /cancel-email-change/done`.
pub(crate) async fn cancelled(
    State(mail): State<Mail>,
    context: PageContext,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let title = context.text("cancel-email-done-title");
    let lead = context.text("cancel-email-done-lead");
    Ok(render(StatusCode::OK, &MailSentPage { context, title, lead }))
}

/// `POST /account/verification`: mails the link that confirms the address again.
pub(crate) async fn send_again(
    (State(links), State(mail)): (State<EmailLinks>, State<Mail>),
    CurrentUserOrLogin(current): CurrentUserOrLogin,
) -> Result<Response, Problem> {
    by_mail(&mail)?;
    let CurrentUser { user, actor, .. } = &current;
    match actor.counted(links.send_again(user)).await {
        Ok(_) => Ok(see_other("/account?done=verification")),
        Err(problem) if problem.code == Code::TooManyAttempts => Ok(see_other("/account")),
        Err(problem) => Err(problem),
    }
}
