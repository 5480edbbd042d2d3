//! One account: what it is, and what can be done to it.

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{failed, session_row, shown_invitation, user_row};
use crate::accounts::{Accounts, EpochReason, User, UserId};
use crate::http::api::admin::{AccountBody, account_change, find};
use crate::http::body::Form;
use crate::http::error::Problem;
use crate::http::extract::{AdministratorOrLogin, FreshAdministratorOrProof, PathId};
use crate::http::pages::shown;
use crate::http::pages::views::{Frame, Problems, UserNotice, UserPage};
use crate::http::query::Query;
use crate::http::redirect::see_other;
use crate::http::state::{AppState, Links};
use crate::sessions::{SessionId, Sessions};
use crate::use_cases::{AccountChange, AccountChanges, Invitations, RevokeSessions};

/// How many sessions the page shows; there is a way to the others.
const MOST_SESSIONS: usize = 25;

/// What the page is made of.
#[derive(Clone)]
pub(in crate::http) struct Shown {
    accounts: Accounts,
    sessions: Sessions,
}

impl FromRef<AppState> for Shown {
    fn from_ref(state: &AppState) -> Self {
        Self { accounts: Accounts::from_ref(state), sessions: Sessions::from_ref(state) }
    }
}

impl Shown {
    async fn page(&self, frame: Frame, id: &str, own: SessionId) -> Result<UserPage, Problem> {
        let account = find(&self.accounts, id).await?;
        self.sessions.wait_for_epochs(std::slice::from_ref(&account)).await?;
        let user: User = account.user;
        let listed = self.sessions.list(user.id).await?;
        Ok(UserPage {
            frame: Frame { path: path_of(id), ..frame },
            now: self.sessions.now(),
            user: user_row(&user),
            typed: (user.email.display(), user.name.as_str().to_owned()),
            sessions: listed.iter().take(MOST_SESSIONS).map(|one| session_row(one, own)).collect(),
            invitation: None,
            notice: None,
            problems: Problems::none(),
        })
    }

    /// The page again, with what was wrong.
    async fn again(
        &self,
        frame: Frame,
        (id, own): (&str, SessionId),
        problem: Problem,
    ) -> Result<(StatusCode, UserPage), Problem> {
        let (status, problems) = failed(problem, &frame)?;
        Ok((status, UserPage { problems, ..self.page(frame, id, own).await? }))
    }
}

fn path_of(id: &str) -> String {
    format!("/admin/users/{id}")
}

/// `GET /admin/users/{id}`.
pub(in crate::http) async fn show(
    State(rooms): State<Shown>,
    AdministratorOrLogin(current): AdministratorOrLogin,
    frame: Frame,
    PathId(id): PathId,
    query: Query,
) -> Result<Response, Problem> {
    let notice = match query.find("done") {
        Some("changed") => Some(UserNotice::Changed),
        Some(count) => count.parse().ok().map(UserNotice::Ended),
        None => None,
    };
    let page = rooms.page(frame, &id, current.session.id).await?;
    Ok(shown(StatusCode::OK, &UserPage { notice, ..page }))
}

/// `POST /admin/users/{id}`: changes what the form has of address, name, role and status.
pub(in crate::http) async fn change(
    (State(rooms), State(changes)): (State<Shown>, State<AccountChanges>),
    FreshAdministratorOrProof(current): FreshAdministratorOrProof,
    frame: Frame,
    PathId(id): PathId,
    form: Form,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let field = |name| form.find(name).map(str::to_owned);
    let body = AccountBody {
        status: field("status"),
        role: field("role"),
        name: field("name"),
        email: field("email"),
    };
    let outcome = match account_change(&body) {
        Ok(change) => changes.apply(user, change, &current.actor.by()).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(_) => Ok(see_other(&format!("{}?done=changed", path_of(&id)))),
        Err(problem) => {
            let (status, page) = rooms.again(frame, (&id, current.session.id), problem).await?;
            let (email, name) = page.typed.clone();
            let typed = (body.email.unwrap_or(email), body.name.unwrap_or(name));
            Ok(shown(status, &UserPage { typed, ..page }))
        }
    }
}

/// `POST /admin/users/{id}/delete`: deletes the account, with all its sessions.
pub(in crate::http) async fn delete(
    (State(rooms), State(changes)): (State<Shown>, State<AccountChanges>),
    FreshAdministratorOrProof(current): FreshAdministratorOrProof,
    frame: Frame,
    PathId(id): PathId,
    form: Form,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    if !form.ticked("sure") {
        let page = rooms.page(frame, &id, current.session.id).await?;
        let problems = Problems::of_field("sure", page.frame.text("admin-delete-unsure"));
        return Ok(shown(StatusCode::UNPROCESSABLE_ENTITY, &UserPage { problems, ..page }));
    }
    let change = AccountChange { delete: true, ..AccountChange::default() };
    match changes.apply(user, change, &current.actor.by()).await.map_err(Problem::from) {
        Ok(_) => Ok(see_other("/admin/users?done=deleted")),
        Err(problem) => {
            let (status, page) = rooms.again(frame, (&id, current.session.id), problem).await?;
            Ok(shown(status, &page))
        }
    }
}

/// `POST /admin/users/{id}/invitation`: a new link, shown in the answer and nowhere else.
pub(in crate::http) async fn invite(
    State(rooms): State<Shown>,
    (State(invitations), State(links)): (State<Invitations>, State<Links>),
    FreshAdministratorOrProof(current): FreshAdministratorOrProof,
    frame: Frame,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let issued = invitations.renew(user, &current.actor.by()).await?;
    let issued = issued.ok_or_else(Problem::not_found)?;
    let page = rooms.page(frame, &id, current.session.id).await?;
    let invitation = Some(shown_invitation(&page.user.email, &issued, &links));
    Ok(shown(StatusCode::CREATED, &UserPage { invitation, ..page }))
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
