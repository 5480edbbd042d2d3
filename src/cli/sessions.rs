//! `anteroom session …`: lists and revokes sessions.

use super::administration::Administration;
use super::arguments::{RevokedSessions, SessionCommand};
use super::tables::{print, print_json, table};
use super::{Failure, terminal};
use crate::accounts::EpochReason;
use crate::audit::{By, Event, Kind};
use crate::config::Config;
use crate::http::{SessionBody, timestamp};
use crate::sessions::{
    Child, ChildrenOf, Client, EndReason, Ended, Session, SessionId, device_name,
};
use crate::store::SessionOrder;

pub(super) async fn run(command: SessionCommand, config: &Config) -> Result<(), Failure> {
    let administration = Administration::open_existing(config).await?;
    let run = async |opened: &Administration| match command {
        SessionCommand::List { user, json } => list(opened, user.as_deref(), json).await,
        SessionCommand::Revoke(RevokedSessions::One(id)) => revoke_one(opened, id).await,
        SessionCommand::Revoke(RevokedSessions::OfUser(email)) => {
            revoke_of_user(opened, &email).await
        }
        SessionCommand::Revoke(RevokedSessions::All { yes }) => revoke_all(opened, yes).await,
    };
    administration.finish(run).await
}

async fn list(
    administration: &Administration,
    email: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    if administration.sessions_in_memory {
        return Err("the sessions are in the memory of the server (SESSIONS=memory:), where no \
                    command can list them: use SESSIONS=database to see them"
            .into());
    }
    let (sessions, children) = match email {
        Some(email) => {
            let user = administration.account(email).await?.user.id;
            let sessions = administration.sessions.list(user).await?;
            (sessions, administration.sessions.children(ChildrenOf::User(user)).await?)
        }
        None => all(administration).await?,
    };
    if json {
        let policy = administration.sessions.policy();
        return print_json(&SessionBody::list(&sessions, &children, policy, None));
    }
    let mut rows = Vec::with_capacity(sessions.len() + children.len());
    for session in &sessions {
        rows.push(row(session));
        let own = children.iter().filter(|child| child.parent == session.id);
        rows.extend(own.map(|child| row_of_child(child, session)));
    }
    Ok(print(&table(
        ["ID", "USER", "DEVICE", "ADDRESS", "LAST ADDRESS", "STARTED", "SEEN", "EXPIRES"],
        &rows,
    ))?)
}

fn address(client: &Client) -> String {
    client.ip_address.map(|ip| ip.to_string()).unwrap_or_default()
}

fn row(session: &Session) -> [String; 8] {
    [
        session.id.to_string(),
        session.owner.user().map_or_else(|| "anonymous".to_owned(), |user| user.to_string()),
        device_name(&session.client.user_agent),
        address(&session.client),
        address(session.last_client()),
        timestamp(session.created_at),
        timestamp(session.last_seen_at),
        timestamp(session.expires_at),
    ]
}

/// Only the handle, the device and the start are a child's.
fn row_of_child(child: &Child, parent: &Session) -> [String; 8] {
    let device = device_name(&child.client.user_agent);
    let mut row = row(parent);
    row[0] = child.id.to_string();
    row[2] = format!("{device} at {}", child.origin.as_str());
    row[3] = address(&child.client);
    row[4] = String::new();
    row[5] = timestamp(child.created_at);
    row
}

async fn all(administration: &Administration) -> Result<(Vec<Session>, Vec<Child>), Failure> {
    const PAGE: u32 = 500;
    let (mut all, mut children, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let (page, next) = administration.sessions.list_all(after, PAGE).await?;
        children.extend(administration.sessions.children_of(&page).await?);
        all.extend(page);
        match next {
            Some(id) => after = Some(id),
            None => return Ok((all, children)),
        }
    }
}

fn ended(administration: &Administration) -> Ended {
    Ended { reason: EndReason::RevokedByAdmin, at: administration.sessions.now() }
}

async fn revoke_one(administration: &Administration, id: SessionId) -> Result<(), Failure> {
    if administration.sessions_in_memory {
        let order = SessionOrder::EndOne(id, ended(administration));
        administration.order(&order).await?;
        let event = Event::session_ended(id, EndReason::RevokedByAdmin, &By::command_line());
        administration.audit.record([event.outcome("ordered")]).await;
        return administration.report(&format!("{id}: revoked, if the server has it"));
    }
    let (revoke, by) = (&administration.revoke_sessions, By::command_line());
    if revoke.one(id, None, EndReason::RevokedByAdmin, &by).await? {
        return administration.report(&format!("{id}: revoked"));
    }
    Err(format!("no live session has the id {id}: see `anteroom session list`").into())
}

async fn revoke_of_user(administration: &Administration, email: &str) -> Result<(), Failure> {
    let account = administration.account(email).await?;
    let revoke = &administration.revoke_sessions;
    let by = By::command_line();
    let revoked = revoke.all(account.user.id, EpochReason::RevokedByAdmin, &by).await?;
    let email = account.user.email.display();
    if administration.sessions_in_memory {
        administration.record_ordered_ends(account.user.id, EndReason::RevokedByAdmin).await;
        return administration.report(&format!("{email}: all sessions revoked"));
    }
    administration.report(&format!("{email}: sessions revoked: {revoked}"))
}

async fn revoke_all(administration: &Administration, yes: bool) -> Result<(), Failure> {
    let place = &administration.location;
    let question = format!("Revoke every session in {place}?");
    if !terminal::confirm(&question, yes)? {
        return Err("nothing was revoked".into());
    }
    match end_all(administration).await? {
        None => administration.report("all sessions revoked"),
        Some(revoked) => administration.report(&format!("sessions revoked: {revoked}")),
    }
}

/// Revokes every session, including anonymous ones. Returns how many; `None` where only the servers
/// know.
pub(super) async fn end_all(administration: &Administration) -> Result<Option<u64>, Failure> {
    // Otherwise a sign-in that waits for its second step would go on.
    administration.accounts.take_all_pending().await?;
    if administration.sessions_in_memory {
        administration.order(&SessionOrder::EndAll(ended(administration))).await?;
        record_all(administration, "ordered", None).await;
        return Ok(None);
    }
    let revoked = administration.sessions.revoke_all(EndReason::RevokedByAdmin).await?;
    record_all(administration, Event::OK, Some(revoked)).await;
    Ok(Some(revoked))
}

/// Records one event without a subject, for the sessions of all users.
async fn record_all(administration: &Administration, outcome: &'static str, count: Option<u64>) {
    let event = Event::new(Kind::SessionEnded, &By::command_line()).outcome(outcome);
    let event = event.with("reason", EndReason::RevokedByAdmin.as_str()).with("of", "everybody");
    let event = match count {
        Some(count) => event.with("count", count),
        None => event,
    };
    administration.audit.record([event]).await;
}
