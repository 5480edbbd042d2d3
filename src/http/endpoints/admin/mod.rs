//! Pages and API for administrators. For everybody else these paths do not exist.

pub(in crate::http) mod applications;
pub(in crate::http) mod audit;
pub(in crate::http) mod clients;
pub(in crate::http) mod mail;
pub(in crate::http) mod overview;
pub(in crate::http) mod revocations;
pub(in crate::http) mod sessions;
pub(in crate::http) mod users;
pub(in crate::http) mod webhook;

use url::form_urlencoded::Serializer;

use crate::accounts::{Account, Accounts, IssuedInvitation, Role, Status, User, UserId};
use crate::http::endpoints::admin::sessions::view::SessionRow;
use crate::http::endpoints::admin::users::view::{InvitationLink, UserRow};
use crate::http::endpoints::sessions::page::{cards_of, client_view};
use crate::http::response::error::{Code, Problem};
use crate::http::state::Links;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{RejectedForm, problems_of};
use crate::sessions::{Child, Session, SessionId, device_name};

/// A path with what of these parameters is not empty.
fn path_with(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn user_row(user: &User) -> UserRow {
    UserRow {
        id: user.id.to_string(),
        email: user.email.display(),
        email_verified: user.email_verified,
        name: user.name.as_str().to_owned(),
        is_admin: user.role == Role::Admin,
        groups: user.groups.iter().map(str::to_owned).collect(),
        is_disabled: user.status == Status::Disabled,
        created_at: user.created_at,
    }
}

/// `children` of this session and of others.
fn session_row(session: &Session, children: &[Child], own: SessionId) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        device: device_name(&session.client.user_agent),
        is_current: session.id == own,
        user: session.owner.user().map(|user| user.to_string()),
        ip_address: session.client.ip_address.map(|address| address.to_string()),
        moved_to: session.moved_to.as_ref().map(client_view),
        started_at: session.created_at,
        last_seen_at: session.last_seen_at,
        applications: cards_of(session, children),
    }
}

fn invitation_link(email: &str, issued: &IssuedInvitation, links: &Links) -> InvitationLink {
    let url = links.invitation(&issued.secret);
    InvitationLink { email: email.to_owned(), url, expires_at: issued.expires_at }
}

/// The account of an id in a path.
async fn account_of(accounts: &Accounts, id: &str) -> Result<Account, Problem> {
    let id = UserId::parse(id).ok_or_else(Problem::not_found)?;
    accounts.find(id).await?.ok_or_else(Problem::not_found)
}

/// A form that failed, as [`problems_of`].
fn failed(problem: Problem, context: &PageContext) -> Result<(RejectedForm, Problems), Problem> {
    // The outcome is unknown: the account may be deleted, and its page with it.
    if problem.code == Code::Unavailable {
        return Err(problem);
    }
    // No form here has a password.
    problems_of(problem, context, 0)
}
