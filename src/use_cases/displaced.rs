//! What a new session put an end to, as events.

use crate::accounts::UserId;
use crate::audit::{By, Event};
use crate::sessions::{EndReason, EndedByStart, Owner, Session};

/// The ends of the sessions that made way for a new one of `user`. `leaving` is the live session
/// that the browser brought, as it was before: a visitor's is no sign-in that came to an end.
pub(super) fn ends(
    displaced: &EndedByStart,
    leaving: Option<&Session>,
    user: UserId,
    by: &By,
) -> Vec<Event> {
    let evicted = displaced.evicted.iter();
    let mut ends: Vec<Event> = evicted
        .map(|id| Event::session_ended(*id, EndReason::SessionLimit, by).about(user))
        .collect();
    let left = leaving.filter(|session| displaced.replaced == Some(session.id));
    if let Some(Session { id, owner: Owner::User { id: owner, .. }, .. }) = left {
        let same = *owner == user;
        let reason = if same { EndReason::Replaced } else { EndReason::SignedOut };
        ends.push(Event::session_ended(*id, reason, by).about(*owner));
    }
    ends
}
