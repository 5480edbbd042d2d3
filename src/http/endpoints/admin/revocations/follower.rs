//! A client of the revocation feed: what it reads, and how long it may.

use std::pin::pin;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use crate::accounts::Role;
use crate::http::response::error::{Code, Problem};
use crate::http::response::json::{Id, Timestamp};
use crate::http::session::extract::CurrentUser;
use crate::sessions::{Cursor, Revocation, Revocations, SessionSubscription, Sessions};
use crate::use_cases::Check;

/// Interval between checks that a waiting client is still an administrator.
pub(in crate::http) const LOOK: Duration = Duration::from_secs(1);

/// The end of a session, or of one of its tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocation)]
pub(crate) struct RevocationBody {
    /// The place in the feed right after this one.
    cursor: String,
    #[schema(value_type = String, format = "uuid")]
    session_id: Id,
    /// `null` where nobody had signed in.
    #[schema(value_type = Option<String>, format = "uuid")]
    user_id: Option<Id>,
    /// With `replaced` the session may go on under another token: forget the old one, and ask.
    reason: &'static str,
    #[schema(value_type = String, format = DateTime)]
    ended_at: Timestamp,
}

/// Ended sessions after a cursor.
#[derive(Serialize, ToSchema)]
pub(crate) struct RevocationsBody {
    revocations: Vec<RevocationBody>,
    /// The next value of `after`.
    next_cursor: String,
}

impl From<&Revocation> for RevocationBody {
    fn from(revocation: &Revocation) -> Self {
        Self {
            cursor: revocation.cursor.as_str().to_owned(),
            session_id: Id::of(revocation.session.as_uuid()),
            user_id: revocation.user.map(|user| Id::of(user.as_uuid())),
            reason: revocation.ended.reason.as_str(),
            ended_at: Timestamp::of(revocation.ended.at),
        }
    }
}

/// A client of the feed, for as long as it is an administrator.
pub(in crate::http) struct Follower {
    pub(in crate::http) sessions: Sessions,
    check: Check,
    administrator: CurrentUser,
    watch: SessionSubscription,
}

impl Follower {
    pub(in crate::http) fn new(
        sessions: Sessions,
        check: Check,
        administrator: CurrentUser,
    ) -> Self {
        let digest = administrator.token.digest();
        let watch = sessions.subscribe(&administrator.session, digest, false);
        Self { sessions, check, administrator, watch }
    }

    /// Whether this is an administrator still.
    pub(in crate::http) async fn may_go_on(&self) -> Result<(), Problem> {
        let visitor = self.check.who(&self.administrator.token).await?;
        match visitor.user.map(|user| user.role) {
            Some(Role::Admin) => Ok(()),
            Some(Role::User) | None => Err(Problem::not_found()),
        }
    }

    /// As [`Self::may_go_on`], but a failing store does not refuse the client.
    async fn is_not_refused(&self) -> Result<(), Problem> {
        match self.may_go_on().await {
            Err(problem) if problem.code != Code::Unavailable => Err(problem),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whether the server stops.
    pub(in crate::http) fn is_closed(&self) -> bool {
        self.watch.is_closed()
    }

    /// The ends after a cursor; without one the feed begins now.
    pub(in crate::http) async fn read(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<(Vec<Revocation>, Cursor), Problem> {
        match self.sessions.revocations_after(after, limit).await? {
            Revocations::After { revocations, next } => Ok((revocations, next)),
            Revocations::Expired => Err(Problem::cursor_expired()),
        }
    }

    /// Waits for `something` or the end of the server, and no longer than until the deadline.
    ///
    /// # Errors
    /// This is no administrator any more. While the stores are silent that is not known.
    pub(in crate::http) async fn wait_for(
        &self,
        something: impl Future<Output = ()>,
        deadline: Option<Instant>,
    ) -> Result<(), Problem> {
        let mut something = pin!(something);
        let left = || deadline.map_or(LOOK, |at| at.saturating_duration_since(Instant::now()));
        let mut is_over = false;
        while !is_over && !left().is_zero() && !self.watch.is_closed() {
            let own = self.watch.changed();
            is_over = tokio::select! {
                () = &mut something => true,
                _ = own => false,
                () = sleep(left().min(LOOK)) => false,
            };
            self.is_not_refused().await?;
        }
        Ok(())
    }

    /// The answer to one request, which waits until something ended.
    pub(in crate::http) async fn answer(
        &self,
        after: Option<&Cursor>,
        limit: u32,
        wait: Duration,
    ) -> Result<RevocationsBody, Problem> {
        let deadline = Instant::now() + wait;
        loop {
            let something = self.sessions.something_ended();
            let (revocations, next) = self.read(after, limit).await?;
            // An entry may be the end of the session that asks.
            if !revocations.is_empty() {
                self.is_not_refused().await?;
            }
            let is_late = Instant::now() >= deadline || self.is_closed();
            if after.is_none() || !revocations.is_empty() || is_late {
                let revocations = revocations.iter().map(RevocationBody::from).collect();
                return Ok(RevocationsBody { revocations, next_cursor: next.as_str().to_owned() });
            }
            self.wait_for(something, Some(deadline)).await?;
        }
    }
}
