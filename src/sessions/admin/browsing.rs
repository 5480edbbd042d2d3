//! Filtered pages of the sessions of all users, at a bounded cost.
//!
//! The store lists sessions by one index, the newest first, and the filter is applied while
//! reading. A page ends after 5 000 sessions read, with a cursor. More indexes would slow down
//! every sign-in and every write of activity.

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::accounts::UserId;
use crate::entropy::SET_BACK;
use crate::failure::StoreError;
use crate::sessions::{Child, ChildrenOf, Owner, Session, SessionId, Sessions, device_name};
use crate::text::folded;

/// The most sessions that one page reads.
const MAX_READ: u32 = 5_000;
/// The most sessions that one query reads.
const BATCH: u32 = 250;

/// The kind of a session's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A signed-in user.
    User,
    /// An anonymous visitor.
    Anonymous,
}

impl SessionKind {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Anonymous => "anonymous",
        }
    }

    /// Reads what [`SessionKind::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Anonymous].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Which sessions to return. `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Of this user.
    pub user: Option<UserId>,
    /// Of this kind.
    pub kind: Option<SessionKind>,
    /// Started or last seen at this address.
    pub ip_address: Option<IpAddr>,
    /// The device or program name contains this, in any case.
    pub device: Option<String>,
    /// Started at this instant or after it.
    pub started_from: Option<OffsetDateTime>,
    /// Started before this instant.
    pub started_until: Option<OffsetDateTime>,
}

/// A page of sessions, the newest first.
#[derive(Clone, Debug, Default)]
pub struct SessionPage {
    /// At most the requested number.
    pub sessions: Vec<Session>,
    /// Their children, at applications.
    pub children: Vec<Child>,
    /// The cursor of the next page; `None` after the last one. A page before the last may be short
    /// or empty.
    pub next: Option<SessionId>,
}

impl SessionFilter {
    fn matches(&self, session: &Session) -> bool {
        let is_user = session.owner != Owner::Anonymous;
        self.user.is_none_or(|user| session.owner.user() == Some(user))
            && self.kind.is_none_or(|kind| (kind == SessionKind::User) == is_user)
            && self.ip_address.is_none_or(|ip| {
                [&session.client, session.last_client()].iter().any(|c| c.ip_address == Some(ip))
            })
            && self.device.as_ref().is_none_or(|text| is_on(session, text))
            && self.started_from.is_none_or(|from| session.created_at >= from)
            && self.started_until.is_none_or(|until| session.created_at < until)
    }
}

fn is_on(session: &Session, text: &str) -> bool {
    let text = folded(text);
    [&session.client, session.last_client()]
        .iter()
        .map(|client| &client.user_agent)
        .any(|agent| folded(&device_name(agent)).contains(&text) || folded(agent).contains(&text))
}

impl Sessions {
    /// The live sessions that match, at most `limit`, after the cursor of the previous page.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn page(
        &self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<SessionPage, StoreError> {
        if let Some(user) = filter.user {
            return self.page_of_user(user, filter, after, limit).await;
        }
        let page = self.page_of_all(filter, after, limit).await?;
        // It waits for both lists.
        let children = self.children_of(&page.sessions).await?;
        Ok(SessionPage { children, ..page })
    }

    async fn page_of_all(
        &self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<SessionPage, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let newest =
            filter.started_until.map(|until| SessionId::first_of(until.saturating_add(SET_BACK)));
        let oldest = filter.started_from.map(SessionId::first_of);
        let mut before = match (after, newest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let (mut found, mut read) = (Vec::new(), 0);
        let mut at_once = limit.saturating_add(1).min(BATCH);
        while read < MAX_READ {
            let met = self.store().list_newest(before, at_once).await?;
            read += at_once;
            let mut live = met.sessions;
            self.keep_live(&mut live);
            for session in live {
                if oldest.is_some_and(|oldest| session.id < oldest) {
                    return Ok(SessionPage { sessions: found, ..SessionPage::default() });
                }
                if found.len() == most {
                    return Ok(SessionPage { sessions: found, next: before, ..Default::default() });
                }
                before = Some(session.id);
                if filter.matches(&session) {
                    found.push(session);
                }
            }
            before = met.next;
            if before.is_none() {
                break;
            }
            at_once = BATCH;
        }
        Ok(SessionPage { sessions: found, next: before, ..Default::default() })
    }

    /// The limit bounds the number of sessions of one user.
    async fn page_of_user(
        &self,
        user: UserId,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<SessionPage, StoreError> {
        let mut sessions = self.list(user).await?;
        let children = self.children(ChildrenOf::User(user)).await?;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.id));
        sessions.retain(|session| {
            after.is_none_or(|after| session.id < after) && filter.matches(session)
        });
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        let next = sessions.last().filter(|_| more).map(|session| session.id);
        Ok(SessionPage { sessions, children, next })
    }
}
