//! `/account/activity`: events of the user's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::UserId;
use crate::audit::{Actor, AuditListing, AuditPage, AuditTrail, Event, EventId, Recorded};
use crate::http::endpoints::account::view::{ActivityActor, ActivityEntry, ActivityPage};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::session::extract::CurrentUserOrLogin;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::sessions::{Sessions, device_name};

const PER_PAGE: u32 = 50;

/// `GET /account/activity`: sign-ins, failures and changes, the newest first.
pub(crate) async fn show(
    (State(audit), State(sessions)): (State<AuditTrail>, State<Sessions>),
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    // One that was made up shows the newest: this is a page, and its links are right.
    let before = query.find("cursor").and_then(EventId::parse);
    let user = current.user.id;
    let listing =
        AuditListing { user: Some(user), before, limit: PER_PAGE, ..AuditListing::default() };
    let AuditPage { events, next } = audit.list(&listing).await?;
    // Actions of an administrator on others are in the pages of those accounts.
    let entries = events.into_iter().filter(|one| one.event.subject == Some(user));
    let page = ActivityPage {
        context,
        now: sessions.now(),
        entries: entries.map(|one| activity_entry(one, user)).collect(),
        next_cursor: next.map(|next| next.to_string()),
    };
    Ok(render(StatusCode::OK, &page))
}

fn activity_entry(recorded: Recorded, user: UserId) -> ActivityEntry {
    let network = recorded.network();
    let Recorded { at, event, .. } = recorded;
    let is_failure = !event.is_ok();
    let why = event.details.get("reason").and_then(|reason| reason.as_str());
    ActivityEntry {
        kind: event.kind.as_str(),
        why: why.unwrap_or(if is_failure { &event.outcome } else { "" }).to_owned(),
        is_failure,
        at,
        by: activity_actor(&event, network, user),
    }
}

/// Hides the device and address of other users, also of administrators.
fn activity_actor(event: &Event, ip_address: Option<String>, user: UserId) -> ActivityActor {
    match event.by.actor {
        Actor::User(id) if id != user => ActivityActor::Administrator,
        Actor::CommandLine | Actor::Server => ActivityActor::Service,
        Actor::User(_) | Actor::Anonymous => {
            ActivityActor::Browser { device: device_name(&event.by.client.user_agent), ip_address }
        }
    }
}
