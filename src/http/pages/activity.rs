//! What happened to one's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::shown;
use super::views::{ActivityPage, Doer, Frame, Happening};
use crate::accounts::UserId;
use crate::audit::{Actor, AuditListing, AuditPage, AuditTrail, Event, EventId, Recorded};
use crate::http::error::Problem;
use crate::http::extract::CurrentUserOrLogin;
use crate::http::query::Query;
use crate::sessions::{Sessions, device_name};

const PER_PAGE: u32 = 50;

/// `GET /account/activity`: sign-ins, failures and changes, the newest first.
pub(crate) async fn show(
    (State(audit), State(sessions)): (State<AuditTrail>, State<Sessions>),
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    frame: Frame,
    query: Query,
) -> Result<Response, Problem> {
    // One that was made up shows the newest: this is a page, and its links are right.
    let before = query.find("cursor").and_then(EventId::parse);
    let user = current.user.id;
    let listing =
        AuditListing { user: Some(user), before, limit: PER_PAGE, ..AuditListing::default() };
    let AuditPage { events, next } = audit.list(&listing).await?;
    // What an administrator did to others is in their own pages.
    let entries = events.into_iter().filter(|one| one.event.subject == Some(user));
    let page = ActivityPage {
        frame,
        now: sessions.now(),
        entries: entries.map(|one| happening(one, user)).collect(),
        next_cursor: next.map(|next| next.to_string()),
    };
    Ok(shown(StatusCode::OK, &page))
}

fn happening(recorded: Recorded, user: UserId) -> Happening {
    let network = recorded.network();
    let Recorded { at, event, .. } = recorded;
    let is_failure = !event.is_ok();
    let why = event.details.get("reason").and_then(|reason| reason.as_str());
    Happening {
        kind: event.kind.as_str(),
        why: why.unwrap_or(if is_failure { &event.outcome } else { "" }).to_owned(),
        is_failure,
        at,
        by: doer(&event, network, user),
    }
}

/// Where other people are is not told, were they administrators.
fn doer(event: &Event, ip_address: Option<String>, user: UserId) -> Doer {
    match event.by.actor {
        Actor::User(id) if id != user => Doer::Administrator,
        Actor::CommandLine | Actor::Server => Doer::Service,
        Actor::User(_) | Actor::Anonymous => {
            Doer::Browser { device: device_name(&event.by.client.user_agent), ip_address }
        }
    }
}
