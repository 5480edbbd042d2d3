//! `/admin/users`: list and creation of accounts.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{Accounts, Listing};
use crate::http::endpoints::admin::users::api::listing;
use crate::http::endpoints::admin::users::invitations::invited_user;
use crate::http::endpoints::admin::users::view::{NewUserTyped, UsersNotice, UsersPage};
use crate::http::endpoints::admin::{failed, invitation_link, path_with, user_row};
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::session::extract::{AdministratorOrLogin, FreshAdministratorOrProof};
use crate::http::state::Links;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::sessions::Sessions;
use crate::use_cases::Invitations;

/// `GET /admin/users`: a page of accounts, or of those that a search finds.
pub(in crate::http) async fn list(
    (State(accounts), State(sessions)): (State<Accounts>, State<Sessions>),
    _: AdministratorOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let listing = Listing { limit: query.limit_of_page()?, ..listing(&query)? };
    let page = page(&accounts, &sessions, context, &listing).await?;
    let notice = (query.find("done") == Some("deleted")).then_some(UsersNotice::Deleted);
    Ok(render(StatusCode::OK, &UsersPage { notice, ..page }))
}

async fn page(
    accounts: &Accounts,
    sessions: &Sessions,
    context: PageContext,
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
        context,
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
    FreshAdministratorOrProof(_, authorized): FreshAdministratorOrProof,
    context: PageContext,
    form: Form,
) -> Result<Response, Problem> {
    let (email, name) = (form.get("email"), form.get("name"));
    let role = form.find("role").filter(|role| !role.is_empty());
    let made = match invited_user(email, name, role, None) {
        Ok(invited) => invitations.create(invited, &authorized).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let context = PageContext { path: "/admin/users".to_owned(), ..context };
    let first = Listing { limit: 25, ..Listing::default() };
    match made {
        Ok((user, issued)) => {
            let invitation = Some(invitation_link(&user.email.display(), &issued, &links));
            let page = page(&accounts, &sessions, context, &first).await?;
            Ok(render(StatusCode::CREATED, &UsersPage { invitation, ..page }))
        }
        Err(problem) => {
            let (rejected, problems) = failed(problem, &context)?;
            let typed = NewUserTyped {
                email: email.to_owned(),
                name: name.to_owned(),
                is_admin: role == Some("admin"),
            };
            let page = page(&accounts, &sessions, context, &first).await?;
            Ok(rejected.render(&UsersPage { typed, problems, ..page }))
        }
    }
}
