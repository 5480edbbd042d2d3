//! `/admin/users/{id}`: one account and its changes.

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{Accounts, EpochReason, User, UserId};
use crate::http::endpoints::admin::users::api::{AccountBody, account_change};
use crate::http::endpoints::admin::users::view::{UserNotice, UserPage, UserTyped};
use crate::http::endpoints::admin::{account_of, failed, invitation_link, session_row, user_row};
use crate::http::endpoints::factors::access::{authorized_over, to_proof};
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::see_other;
use crate::http::session::extract::{AdministratorOrLogin, FreshAdministratorOrProof, PathId};
use crate::http::state::{AppState, Links};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{RejectedForm, render};
use crate::sessions::{ChildrenOf, SessionId, Sessions};
use crate::use_cases::{AccountChange, AccountChanges, Invitations, OwnFactors, RevokeSessions};

/// How many sessions the page shows; there is a way to the others.
const MOST_SESSIONS: usize = 25;

/// The services that the page reads.
#[derive(Clone)]
pub(in crate::http) struct UserPageServices {
    accounts: Accounts,
    sessions: Sessions,
}

impl FromRef<AppState> for UserPageServices {
    fn from_ref(state: &AppState) -> Self {
        Self { accounts: Accounts::from_ref(state), sessions: Sessions::from_ref(state) }
    }
}

impl UserPageServices {
    async fn page(
        &self,
        context: PageContext,
        id: &str,
        own: SessionId,
    ) -> Result<UserPage, Problem> {
        let account = account_of(&self.accounts, id).await?;
        self.sessions.wait_for_epochs(std::slice::from_ref(&account)).await?;
        let has_factor = account.factors.any();
        let user: User = account.user;
        let listed = self.sessions.list(user.id).await?;
        let children = self.sessions.children(ChildrenOf::User(user.id)).await?;
        Ok(UserPage {
            context: PageContext { path: path_of(id), ..context },
            now: self.sessions.now(),
            user: user_row(&user),
            typed: UserTyped {
                email: user.email.display(),
                name: user.name.as_str().to_owned(),
                groups: user.groups.iter().collect::<Vec<_>>().join(" "),
            },
            sessions: listed
                .iter()
                .take(MOST_SESSIONS)
                .map(|one| session_row(one, &children, own))
                .collect(),
            has_factor,
            invitation: None,
            notice: None,
            problems: Problems::none(),
        })
    }

    /// The page again, with what was wrong.
    async fn page_with_problem(
        &self,
        context: PageContext,
        id: &str,
        own: SessionId,
        problem: Problem,
    ) -> Result<(RejectedForm, UserPage), Problem> {
        let (rejected, problems) = failed(problem, &context)?;
        Ok((rejected, UserPage { problems, ..self.page(context, id, own).await? }))
    }
}

fn path_of(id: &str) -> String {
    format!("/admin/users/{id}")
}

/// `GET /admin/users/{id}`.
pub(in crate::http) async fn show(
    State(services): State<UserPageServices>,
    AdministratorOrLogin(current): AdministratorOrLogin,
    context: PageContext,
    PathId(id): PathId,
    query: Query,
) -> Result<Response, Problem> {
    let notice = match query.find("done") {
        Some("changed") => Some(UserNotice::Changed),
        Some(count) => count.parse().ok().map(UserNotice::Ended),
        None => None,
    };
    let page = services.page(context, &id, current.session.id).await?;
    Ok(render(StatusCode::OK, &UserPage { notice, ..page }))
}

/// `POST /admin/users/{id}`: changes what the form has of address, name, groups, role and status.
pub(in crate::http) async fn change(
    (State(services), State(changes)): (State<UserPageServices>, State<AccountChanges>),
    FreshAdministratorOrProof(current, authorized): FreshAdministratorOrProof,
    context: PageContext,
    PathId(id): PathId,
    form: Form,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let field = |name| form.find(name).map(str::to_owned);
    let body = AccountBody {
        status: field("status"),
        role: field("role"),
        groups: form.find("groups").map(names_in),
        name: field("name"),
        email: field("email"),
    };
    let outcome = match account_change(&body) {
        Ok(change) => changes.apply(user, change, &authorized).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(see_other(&format!("{}?done=changed", path_of(&id)))),
        Err(problem) => {
            let (rejected, page) =
                services.page_with_problem(context, &id, current.session.id, problem).await?;
            let kept = page.typed.clone();
            let typed = UserTyped {
                email: body.email.unwrap_or(kept.email),
                name: body.name.unwrap_or(kept.name),
                groups: form.find("groups").map_or(kept.groups, str::to_owned),
            };
            Ok(rejected.render(&UserPage { typed, ..page }))
        }
    }
}

/// Names of groups as they are typed, with blanks or commas between them.
fn names_in(typed: &str) -> Vec<String> {
    let names = typed.split(|c: char| c.is_whitespace() || c == ',');
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `POST /admin/users/{id}/delete`: deletes the account, with all its sessions.
pub(in crate::http) async fn delete(
    (State(services), State(own)): (State<UserPageServices>, State<OwnFactors>),
    State(changes): State<AccountChanges>,
    FreshAdministratorOrProof(current, _): FreshAdministratorOrProof,
    context: PageContext,
    PathId(id): PathId,
    form: Form,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    if !form.ticked("sure") {
        let page = services.page(context, &id, current.session.id).await?;
        let problems = Problems::of_field("sure", page.context.text("admin-delete-unsure"));
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &UserPage { problems, ..page }));
    }
    let authorized = match authorized_over(&own, &current, user).await {
        Ok(authorized) => authorized,
        Err(problem) => return to_proof(problem, &path_of(&id)),
    };
    let change = AccountChange { delete: true, ..AccountChange::default() };
    match changes.apply(user, change, &authorized).await.map_err(Problem::from) {
        Ok(_) => Ok(see_other("/admin/users?done=deleted")),
        Err(problem) => {
            let (rejected, page) =
                services.page_with_problem(context, &id, current.session.id, problem).await?;
            Ok(rejected.render(&page))
        }
    }
}

/// `POST /admin/users/{id}/invitation`: a new link, shown in the answer and nowhere else.
pub(in crate::http) async fn invite(
    State(services): State<UserPageServices>,
    (State(invitations), State(links)): (State<Invitations>, State<Links>),
    FreshAdministratorOrProof(current, authorized): FreshAdministratorOrProof,
    context: PageContext,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let issued = invitations.renew(user, &authorized).await?;
    let issued = issued.ok_or_else(Problem::not_found)?;
    let page = services.page(context, &id, current.session.id).await?;
    let invitation = Some(invitation_link(&page.user.email, &issued, &links));
    Ok(render(StatusCode::CREATED, &UserPage { invitation, ..page }))
}

/// `POST /admin/users/{id}/reset-factors`: removes every second factor of the account.
pub(in crate::http) async fn reset_factors(
    (State(changes), State(own)): (State<AccountChanges>, State<OwnFactors>),
    FreshAdministratorOrProof(current, _): FreshAdministratorOrProof,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let authorized = match authorized_over(&own, &current, user).await {
        Ok(authorized) => authorized,
        Err(problem) => return to_proof(problem, &path_of(&id)),
    };
    let change = AccountChange { reset_factors: true, ..AccountChange::default() };
    changes.apply(user, change, &authorized).await?;
    Ok(see_other(&format!("{}?done=changed", path_of(&id))))
}

/// `POST /admin/users/{id}/revoke-sessions`: ends every session of the account.
pub(in crate::http) async fn revoke_sessions(
    State(revoke): State<RevokeSessions>,
    AdministratorOrLogin(current): AdministratorOrLogin,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let by = current.actor.by();
    let revoked = revoke.all(user, EpochReason::RevokedByAdmin, &by).await?;
    Ok(see_other(&format!("{}?done={revoked}", path_of(&id))))
}
