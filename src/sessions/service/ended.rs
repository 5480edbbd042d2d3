//! The consequences of an end: invalidate cache entries, notify subscribers, wait for leases.
//!
//! Every operation that ends sessions or changes their tokens goes through this module.

use super::Sessions;
use crate::accounts::UserId;
use crate::sessions::SessionId;
use crate::sessions::cache::Change;

/// The sessions that an operation ended, or may have ended.
#[derive(Clone, Copy, Debug)]
pub(in crate::sessions) enum EndScope<'a> {
    /// These sessions. Subscribers to the owner's list are notified where the owner is known.
    Sessions {
        /// Their ids.
        ids: &'a [SessionId],
        /// The user who owns all of them.
        owner: Option<UserId>,
    },
    /// Every session of one user.
    User(UserId),
    /// Every session.
    Everything,
}

impl Sessions {
    /// Invalidates cache entries and notifies subscribers. For an end with an unknown outcome, and
    /// for a change of token.
    pub(in crate::sessions) fn invalidate_and_notify(&self, scope: EndScope<'_>) {
        let (leases, subscribers) = (&self.service().leases, &self.service().subscribers);
        match scope {
            EndScope::Sessions { ids, owner } => {
                for id in ids {
                    leases.invalidate(Change::Session(*id));
                    subscribers.notify_session(*id);
                }
                if let Some(owner) = owner {
                    subscribers.notify_list(owner);
                }
            }
            EndScope::User(user) => {
                leases.invalidate(Change::User(user));
                subscribers.notify_user(user);
            }
            EndScope::Everything => {
                leases.invalidate(Change::Everything);
                subscribers.notify_all();
            }
        }
    }

    /// The one place for the consequences of an acknowledged end. Returns once no server accepts
    /// the sessions. The caller holds no lock and no connection.
    pub(in crate::sessions) async fn ended(&self, scope: EndScope<'_>) {
        self.invalidate_and_notify(scope);
        match scope {
            EndScope::Sessions { ids, .. } => {
                self.service().leases.wait().await;
                self.note_waited_ends(ids.iter().copied());
            }
            EndScope::User(_) => self.wait_for_user_leases().await,
            EndScope::Everything => self.service().leases.wait().await,
        }
    }
}
