//! Checks a session token: its session, and the account of the session.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::{Account, Accounts, Status, User};
use crate::failure::StoreError;
use crate::sessions::cache::{Remembered, RememberedChild, Ticket};
use crate::sessions::{
    Child, EndReason, LiveChild, Origin, Owner, ResumeError, Session, SessionId, Sessions, Token,
    TokenDigest,
};

/// How long a check waits before it looks again, where the account has a higher epoch than the
/// session: the change that raised it tells sessions in a separate store right after.
const SETTLING: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(75),
];

/// How often a check tries to end a session whose account is not what it was, while others go on
/// changing it. After that it is refused as it is.
const ENDINGS: u32 = 4;

/// Looks a token up: its session, and the account that the session belongs to.
#[derive(Clone)]
pub struct Check {
    accounts: Accounts,
    sessions: Sessions,
}

/// Who holds a live session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The session.
    pub session: Arc<Session>,
    /// The person; `None` for an anonymous session.
    pub user: Option<Arc<User>>,
    /// Whether this was remembered, so that no store was asked.
    pub under_lease: bool,
}

/// Who holds the token of a live child. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ChildIdentity {
    /// The child.
    pub child: Arc<Child>,
    /// Its parent and the person.
    pub identity: Identity,
}

/// How a session is looked up.
#[derive(Clone, Copy)]
enum Lookup<'l> {
    /// By its token.
    Token(&'l Token, TokenDigest),
    /// By the token of its child at an origin.
    Child(&'l Token, TokenDigest, &'l Origin),
    /// By its id.
    Id(SessionId),
}

/// A session that was found.
struct Found {
    session: Session,
    child: Option<Child>,
    /// Its token, where it was found by its id.
    token: Option<TokenDigest>,
}

/// The answer of the stores for a live token, and the ticket from before they were asked.
struct Answer {
    child: Option<Child>,
    /// The token of the session, where that was found by its id.
    session_token: Option<TokenDigest>,
    session: Session,
    account: Option<Account>,
    ticket: Option<Ticket>,
}

impl Check {
    /// Creates the use case.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions) -> Self {
        Self { accounts, sessions }
    }

    /// Who holds `token`. The session is live only under the epoch that its user has now, so
    /// whatever was decided about the account before this call holds.
    ///
    /// # Errors
    /// [`ResumeError`] says why the token opens nothing, or that a store failed.
    pub async fn who(&self, token: &Token) -> Result<Identity, ResumeError> {
        let digest = token.digest();
        match self.remembered(&digest) {
            Some(visitor) => Ok(visitor),
            None => self.ask(token, &digest).await,
        }
    }

    /// Who holds the token of this digest, where that is remembered under a lease and no store has
    /// to be asked.
    #[must_use]
    pub fn remembered(&self, digest: &TokenDigest) -> Option<Identity> {
        let Remembered { session, user } = self.sessions.remembered(digest)?;
        Some(Identity { session, user, under_lease: true })
    }

    /// Who holds `token` of a child at this origin. It is live with its parent, as by
    /// [`Check::who`]. At another origin it opens nothing, and neither does the token of a session.
    ///
    /// # Errors
    /// As [`Check::who`].
    pub async fn who_at(
        &self,
        token: &Token,
        origin: &Origin,
    ) -> Result<ChildIdentity, ResumeError> {
        let digest = token.digest();
        match self.remembered_at(&digest, origin) {
            Some(visitor) => Ok(visitor),
            None => self.ask_at(token, &digest, origin).await,
        }
    }

    /// Who holds the token of this digest at this origin, where that is remembered under a lease.
    #[must_use]
    pub fn remembered_at(&self, digest: &TokenDigest, origin: &Origin) -> Option<ChildIdentity> {
        let RememberedChild { child, session, user } =
            self.sessions.remembered_child(digest, origin)?;
        Some(ChildIdentity { child, identity: Identity { session, user, under_lease: true } })
    }

    async fn ask(&self, token: &Token, digest: &TokenDigest) -> Result<Identity, ResumeError> {
        let Answer { session, account, ticket, .. } =
            self.read(Lookup::Token(token, *digest)).await?;
        let session = Arc::new(session);
        if let Some(ticket) = ticket {
            self.sessions.remember(ticket, digest, &session, account.as_ref());
        }
        let user = account.map(|account| Arc::new(account.user));
        Ok(Identity { session, user, under_lease: false })
    }

    async fn ask_at(
        &self,
        token: &Token,
        digest: &TokenDigest,
        origin: &Origin,
    ) -> Result<ChildIdentity, ResumeError> {
        let answer = self.read(Lookup::Child(token, *digest, origin)).await?;
        let Answer { child: Some(child), session, account, ticket, .. } = answer else {
            return Err(ResumeError::Unknown);
        };
        let (child, session) = (Arc::new(child), Arc::new(session));
        if let Some(ticket) = ticket {
            let parent = (&session, account.as_ref());
            self.sessions.remember_child(ticket, digest, &child, parent);
        }
        let user = account.map(|account| Arc::new(account.user));
        Ok(ChildIdentity { child, identity: Identity { session, user, under_lease: false } })
    }

    /// The live session of this id, its token and the account that it belongs to, by the stores, as
    /// [`Check::who`] finds them.
    ///
    /// # Errors
    /// As [`Check::who`].
    pub(super) async fn by_id(
        &self,
        id: SessionId,
    ) -> Result<(Session, TokenDigest, Option<Account>), ResumeError> {
        let answer = self.read(Lookup::Id(id)).await?;
        let Answer { session, account, session_token: Some(token), .. } = answer else {
            return Err(ResumeError::Unknown);
        };
        Ok((session, token, account))
    }

    /// The session, or the child at its origin and its parent.
    async fn find(&self, lookup: Lookup<'_>) -> Result<Found, ResumeError> {
        match lookup {
            Lookup::Token(_, digest) => {
                let session = self.sessions.resume_digest(&digest).await?;
                Ok(Found { session, child: None, token: None })
            }
            Lookup::Id(id) => {
                let (session, token) = self.sessions.resume_id(id).await?;
                Ok(Found { session, child: None, token: Some(token) })
            }
            Lookup::Child(_, digest, origin) => {
                let live = self.sessions.resume_child_digest(&digest, origin).await?;
                let LiveChild { child, parent } = live;
                Ok(Found { session: parent, child: Some(child), token: None })
            }
        }
    }

    /// Ends a session whose account is not what it was, if it is still found in the same way.
    /// Returns whether it has ended. One that was found by its id is only refused: whatever changed
    /// the account ends it.
    async fn end(
        &self,
        lookup: Lookup<'_>,
        session: &Session,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        match lookup {
            Lookup::Token(token, _) | Lookup::Child(token, _, _) => {
                self.sessions.revoke_unchanged(session, token, reason).await
            }
            Lookup::Id(_) => {
                self.sessions.wait_for_others().await?;
                Ok(true)
            }
        }
    }

    /// Reads the stores, never a shared read: so it sees every acknowledged change.
    async fn read(&self, lookup: Lookup<'_>) -> Result<Answer, ResumeError> {
        let (mut pauses, mut endings) = (SETTLING.into_iter(), 0);
        loop {
            let ticket = self.sessions.ticket();
            let Found { child, session, token: session_token } = self.find(lookup).await?;
            let account = match session.owner {
                Owner::Anonymous => None,
                Owner::User { id, .. } => self.accounts.find(id).await?,
            };
            let Some(reason) = self.refusal(&session, account.as_ref()).await? else {
                let session = with_live_factor(session, account.as_ref());
                return Ok(Answer { child, session_token, session, account, ticket });
            };
            // The account was read after the session, and in between the session may have been
            // rotated into the new epoch, or ended for another reason.
            let is_behind = is_behind(&session, account.as_ref());
            match pauses.next() {
                Some(pause) if pause.is_zero() || is_behind => tokio::time::sleep(pause).await,
                _ => {
                    endings += 1;
                    let ended = self.end(lookup, &session, reason).await?;
                    if ended || endings == ENDINGS {
                        return Err(ResumeError::Ended(reason));
                    }
                }
            }
        }
    }

    /// Why a session in the store is live no more.
    async fn refusal(
        &self,
        session: &Session,
        account: Option<&Account>,
    ) -> Result<Option<EndReason>, StoreError> {
        if !is_live(session, account) {
            return Ok(Some(reason_of(account)));
        }
        if self.lacks_factor(session, account) {
            return Ok(Some(EndReason::FactorChanged));
        }
        let (Some(user), Some(passkey)) = (session.owner.user(), session.passkey) else {
            return Ok(None);
        };
        // The deletion of the passkey ends its sessions after the account was changed.
        let is_there = self.accounts.has_passkey(user, passkey.id).await?;
        Ok((!is_there).then_some(EndReason::CredentialRemoved))
    }

    /// Whether the account must have a second factor, and has none or the session was started
    /// without one: it is older than that policy.
    fn lacks_factor(&self, session: &Session, account: Option<&Account>) -> bool {
        let policy = self.accounts.second_factor_policy();
        account.is_some_and(|account| {
            let lacks = session.second_factor.is_none() || !account.factors.any();
            policy.applies_to(account.user.role) && lacks
        })
    }
}

/// The session as it is under the factors that the account has now: what it proved by a factor counts
/// no more once the account has none.
fn with_live_factor(session: Session, account: Option<&Account>) -> Session {
    match account {
        Some(account) if !account.factors.any() => Session { second_factor: None, ..session },
        _ => session,
    }
}

/// Whether the account has moved on without the session.
fn is_behind(session: &Session, account: Option<&Account>) -> bool {
    account.is_some_and(|account| {
        account.user.status == Status::Active && session.owner.epoch() < Some(account.epoch)
    })
}

/// Whether the session is under the present epoch of its user, if it has one.
fn is_live(session: &Session, account: Option<&Account>) -> bool {
    match (session.owner.epoch(), account) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(epoch), Some(account)) => {
            epoch == account.epoch && account.user.status == Status::Active
        }
    }
}

fn reason_of(account: Option<&Account>) -> EndReason {
    match account {
        None => EndReason::AccountDeleted,
        Some(account) if account.user.status == Status::Disabled => EndReason::AccountDisabled,
        Some(account) => account.epoch_reason.map_or(EndReason::RevokedByAdmin, EndReason::from),
    }
}
