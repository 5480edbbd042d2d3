//! The accounts, and making one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{failed, path_with, shown_invitation, user_row};
use crate::accounts::{Accounts, Listing};
use crate::http::api::admin::listing;
use crate::http::api::admin_invitations::invited_user;
use crate::http::body::Form;
use crate::http::error::Problem;
use crate::http::extract::{AdministratorOrLogin, FreshAdministratorOrProof};
use crate::http::pages::shown;
use crate::http::pages::views::{Frame, NewUserTyped, Problems, UsersNotice, UsersPage};
use crate::http::query::Query;
use crate::http::state::Links;
use crate::sessions::Sessions;
use crate::use_cases::Invitations;

/// `GET /admin/users`: a page of accounts, or of those that a search finds.
pub(in crate::http) async fn list(
    (State(accounts), State(sessions)): (State<Accounts>, State<Sessions>),
    _: AdministratorOrLogin,
    frame: Frame,
    query: Query,
) -> Result<Response, Problem> {
    let listing = Listing { limit: query.limit_of_page()?, ..listing(&query)? };
    let page = page((&accounts, &sessions), frame, &listing).await?;
    let notice = (query.find("done") == Some("deleted")).then_some(UsersNotice::Deleted);
    Ok(shown(StatusCode::OK, &UsersPage { notice, ..page }))
}

async fn page(
    (accounts, sessions): (&Accounts, &Sessions),
    frame: Frame,
    listing: &Listing,
) -> Result<UsersPage, Problem> {
    let found = accounts.list(listing).await?;
    sessions.wait_for_epochs(&found.accounts).await?;
    let query = listing.query.clone().unwrap_or_default();
    let limit = listing.limit.to_string();
    let next = found.next.map(|id| {
        let cursor = id.to_string();
        path_with("/admin/users", &[("query", &query), ("limit", &limit), ("cursor", &cursor)])
    });
    Ok(UsersPage {
        frame,
        query,
        users: found.accounts.iter().map(|account| user_row(&account.user)).collect(),
        next,
        typed: NewUserTyped::default(),
        problems: Problems::none(),
        invitation: None,
        notice: None,
    })
}

/// `POST /admin/users`: makes an account. The link is in the answer itself and nowhere else: not in
/// an address, which browsers and proxies keep.
pub(in crate::http) async fn create(
    (State(accounts), State(sessions)): (State<Accounts>, State<Sessions>),
    (State(invitations), State(links)): (State<Invitations>, State<Links>),
    FreshAdministratorOrProof(administrator): FreshAdministratorOrProof,
    frame: Frame,
    form: Form,
) -> Result<Response, Problem> {
    let (email, name) = (form.get("email"), form.get("name"));
    let role = form.find("role").filter(|role| !role.is_empty());
    let made = match invited_user(email, name, (role, None)) {
        Ok(invited) => {
            let by = administrator.actor.by();
            invitations.create(invited, &by).await.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    let frame = Frame { path: "/admin/users".to_owned(), ..frame };
    let first = Listing { limit: 25, ..Listing::default() };
    match made {
        Ok((user, issued)) => {
            let invitation = Some(shown_invitation(&user.email.display(), &issued, &links));
            let page = page((&accounts, &sessions), frame, &first).await?;
            Ok(shown(StatusCode::CREATED, &UsersPage { invitation, ..page }))
        }
        Err(problem) => {
            let (status, problems) = failed(problem, &frame)?;
            let typed = NewUserTyped {
                email: email.to_owned(),
                name: name.to_owned(),
                is_admin: role == Some("admin"),
            };
            let page = page((&accounts, &sessions), frame, &first).await?;
            Ok(shown(status, &UsersPage { typed, problems, ..page }))
        }
    }
}
