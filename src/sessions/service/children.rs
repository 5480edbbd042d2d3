//! Starts and lists child sessions, and checks their tokens.

use super::Sessions;
use super::ended::EndScope;
use super::start::MAX_ID_ATTEMPTS;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, End};
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, Client, LiveChild, Loaded, Origin, Owner,
    ResumeError, Session, SessionId, Token, TokenDigest,
};

/// A child to start.
#[derive(Clone, Debug)]
pub struct NewChild {
    /// The session that it belongs to.
    pub parent: SessionId,
    /// The only origin where its token will count.
    pub origin: Origin,
    /// The origin of the request.
    pub client: Client,
}

/// A child and its new token.
#[derive(Clone, Debug)]
pub struct StartedChild {
    /// For the `Set-Cookie` header only.
    pub token: Token,
    /// The child.
    pub child: Child,
    /// The earlier child of the same parent for the same origin, which ended in the same step.
    pub replaced: Option<SessionId>,
}

/// Why a child did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartChildError {
    /// The parent has ended.
    #[error("the session has ended")]
    Gone,
    /// The store failed. No child started, or one whose token was never sent.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Starts a child of a live session under a new token. An earlier child for the same origin
    /// ends in the same step. Returns once no server accepts that one. The timeouts of the parent
    /// are not applied: each check of the child applies them.
    ///
    /// # Errors
    /// [`StartChildError`]; nothing has changed.
    pub async fn start_child(&self, new: NewChild) -> Result<StartedChild, StartChildError> {
        let NewChild { parent, origin, client } = new;
        for _ in 0..MAX_ID_ATTEMPTS {
            let (token, now) = (self.new_token()?, self.now());
            let id =
                SessionId::from_uuid(self.service().entropy.id(now).map_err(StoreError::from)?);
            let child = Child {
                id,
                parent,
                origin: origin.clone(),
                created_at: now,
                client: client.clone(),
            };
            let start = ChildStart { child, digest: token.digest() };
            let started = self.store().start_child(&start).await;
            if started.is_err() {
                // It may have ended the earlier child, which only the parent names.
                self.service().leases.invalidate(Change::Session(parent));
            }
            match started? {
                ChildStarted::Started { replaced } => {
                    self.service().subscribers.notify_session(parent);
                    if let Some(earlier) = replaced {
                        self.ended(EndScope::Sessions { ids: &[earlier], owner: None }).await;
                    }
                    return Ok(StartedChild { token, child: start.child, replaced });
                }
                ChildStarted::Gone => {
                    self.wait_for_end(End::Session(parent)).await?;
                    return Err(StartChildError::Gone);
                }
                ChildStarted::Taken => {
                    tracing::error!(
                        "generated a token or id that is in use; check the random source"
                    );
                }
            }
        }
        Err(StoreError::Corrupt("every token drawn was in use").into())
    }

    /// A new random token, of no session yet.
    pub(crate) fn new_token(&self) -> Result<Token, StoreError> {
        Ok(Token::generate(&self.service().entropy)?)
    }

    /// The live child of a token at its origin, with its parent, or why there is none. Elsewhere the
    /// token opens nothing. Always asks the store. A check of a child is activity of its parent:
    /// see [`Self::seen`].
    ///
    /// # Errors
    /// [`ResumeError`] says what may be concluded.
    pub async fn resume_child(
        &self,
        token: &Token,
        origin: &Origin,
    ) -> Result<LiveChild, ResumeError> {
        self.resume_child_digest(&token.digest(), origin).await
    }

    /// As [`Sessions::resume_child`], by the digest of the token.
    ///
    /// # Errors
    /// [`ResumeError`] says what may be concluded.
    pub(crate) async fn resume_child_digest(
        &self,
        digest: &TokenDigest,
        origin: &Origin,
    ) -> Result<LiveChild, ResumeError> {
        for _ in 0..super::check::MAX_READS {
            let LiveChild { child, parent } = match self.store().load(digest).await? {
                Loaded::Child(live) if live.child.origin == *origin => live,
                Loaded::EndedChild(ended) => {
                    return Err(self.refuse(End::Token(*digest), ended, false).await);
                }
                Loaded::Child(_) | Loaded::Live(_) | Loaded::Ended { .. } | Loaded::Unknown => {
                    return Err(ResumeError::Unknown);
                }
            };
            if let Some(parent) = self.within_timeouts(End::Token(*digest), parent).await? {
                return Ok(LiveChild { child, parent });
            }
        }
        Err(ResumeError::Unknown)
    }

    /// The children of sessions that have not been ended, in the order of their ids. Returns once no
    /// server accepts a child that is missing from the list. The timeouts of their parents are not
    /// applied.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        let user = match of {
            ChildrenOf::Session(_) | ChildrenOf::Sessions(_) => None,
            ChildrenOf::User(user) => Some(user),
        };
        let children = self.store().children(of).await?;
        self.wait_for_missing(user).await?;
        Ok(children)
    }

    /// As [`Self::children`], of these sessions.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn children_of(&self, parents: &[Session]) -> Result<Vec<Child>, StoreError> {
        // An anonymous session has none.
        let users = parents.iter().filter(|parent| parent.owner != Owner::Anonymous);
        self.children(ChildrenOf::Sessions(users.map(|parent| parent.id).collect())).await
    }

    /// The child of this id, with its parent; `None` when it is not live. The timeouts of the parent
    /// are not applied.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        self.store().find_child(id).await
    }
}
