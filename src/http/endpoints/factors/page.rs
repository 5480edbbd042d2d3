//! `/account/second-factor`: the second factors of the account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::accounts::{Accounts, RecoveryCode};
use crate::http::endpoints::factors::access::{authorized, to_proof};
use crate::http::endpoints::factors::view::{CodesPage, FactorsPage};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::see_other;
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUserOrLogin;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::use_cases::OwnFactors;

const PATH: &str = "/account/second-factor";

/// `GET /account/second-factor`.
pub(crate) async fn show(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let shown = own.of(current.user.id).await?.ok_or_else(Problem::no_session)?;
    let page = FactorsPage {
        context: PageContext { path: PATH.to_owned(), ..context },
        has_totp: shown.factors.totp,
        has_factor: shown.factors.any(),
        codes_left: shown.recovery_codes_left,
        passkeys: shown.passkeys,
        passkey_host: accounts.passkey_host().map(str::to_owned),
        user_handle: URL_SAFE_NO_PAD.encode(current.user.id.as_uuid().as_bytes()),
        done: query.find("done").map(str::to_owned),
    };
    Ok(render(StatusCode::OK, &page))
}

/// `POST /account/second-factor/remove`: removes the authenticator app.
pub(crate) async fn remove(
    State(own): State<OwnFactors>,
    current: CurrentSession,
    CurrentUserOrLogin(user): CurrentUserOrLogin,
) -> Result<Response, Problem> {
    let authorized = match authorized(&own, &user).await {
        Ok(authorized) => authorized,
        Err(problem) => return to_proof(problem, PATH),
    };
    user.actor.count_change().await?;
    let started = own.remove_totp(&user.user, (&user.session, &user.token), &authorized).await?;
    current.set_continued_session(started, user.user);
    Ok(see_other("/account/second-factor?done=removed"))
}

/// `POST /account/second-factor/recovery-codes`: ten new codes, shown in the answer and nowhere
/// else.
pub(crate) async fn renew_codes(
    State(own): State<OwnFactors>,
    CurrentUserOrLogin(user): CurrentUserOrLogin,
    context: PageContext,
) -> Result<Response, Problem> {
    let authorized = match authorized(&own, &user).await {
        Ok(authorized) => authorized,
        Err(problem) => return to_proof(problem, PATH),
    };
    user.actor.count_change().await?;
    let codes = own.renew_codes(user.user.id, (&user.session, &user.token), &authorized).await?;
    let page = codes_page(context, &codes, (false, PATH.to_owned()));
    Ok(render(StatusCode::OK, &page))
}

/// The page of new recovery codes.
pub(in crate::http) fn codes_page(
    context: PageContext,
    codes: &[RecoveryCode],
    (was_added, next): (bool, String),
) -> CodesPage {
    CodesPage {
        context: PageContext { path: PATH.to_owned(), ..context },
        codes: codes.iter().map(RecoveryCode::reveal).collect(),
        was_added,
        next,
    }
}
