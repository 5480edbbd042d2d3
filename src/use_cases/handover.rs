//! Hand-over of a session to an application on another host.

use sha2::{Digest as _, Sha256};

use super::run_to_completion;
use crate::failure::StoreError;
use crate::sessions::{
    Client, Code, EndReason, HandoverBinding, HandoverError, NewChild, NewHandover, Origin,
    ResumeError, SessionId, Sessions, StartChildError, StartedChild, Token, TokenDigest,
};

/// Hands sessions over to applications on other hosts.
#[derive(Clone)]
pub struct Handover {
    sessions: Sessions,
}

/// The target of a hand-over.
#[derive(Clone, Copy, Debug)]
pub struct HandoverTarget<'t> {
    /// The origin of the application.
    pub origin: &'t Origin,
    /// The digest of the state that the browser has there; `None` for a browser without one.
    pub state: Option<TokenDigest>,
    /// The path that is shown there.
    pub path: &'t str,
}

impl HandoverTarget<'_> {
    /// A code is for one browser and one path.
    fn binding(&self) -> Option<HandoverBinding> {
        let state = self.state?;
        let digest = Sha256::new().chain_update(state.as_bytes()).chain_update(self.path);
        Some(HandoverBinding::from_bytes(digest.finalize().into()))
    }
}

impl Handover {
    /// Creates the use case.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self { sessions }
    }

    /// A code that hands this session over to the target, once.
    ///
    /// # Errors
    /// [`HandoverError`]. There is none for a browser without a state.
    pub async fn prepare(
        &self,
        session: SessionId,
        target: &HandoverTarget<'_>,
    ) -> Result<Code, HandoverError> {
        let binding = target.binding().ok_or(HandoverError::Gone)?;
        let origin = target.origin.clone();
        self.sessions.prepare_handover(NewHandover { session, origin, binding }).await
    }

    /// Uses a code up, and starts a child of the session that it hands over. The child that the
    /// browser had there ends, whosever it was. `None`: the code is not for this target, or no
    /// longer.
    ///
    /// # Errors
    /// [`StartChildError`]; then no child started.
    pub async fn finish(
        &self,
        code: Code,
        target: &HandoverTarget<'_>,
        (client, had): (Client, Option<Token>),
    ) -> Result<Option<StartedChild>, StartChildError> {
        let (sessions, origin) = (self.sessions.clone(), target.origin.clone());
        let binding = target.binding();
        run_to_completion(async move {
            let session = sessions.redeem_handover(&code, &origin, binding.as_ref()).await?;
            let Some(parent) = session else { return Ok(None) };
            let new = NewChild { parent, origin: origin.clone(), client };
            let started = sessions.start_child(new).await?;
            if let Some(token) = had {
                end_other(&sessions, &token, (&origin, parent)).await?;
            }
            Ok(Some(started))
        })
        .await?
    }
}

/// Ends the child of this token, if another session is its parent: a start ends only children of the
/// same parent.
async fn end_other(
    sessions: &Sessions,
    token: &Token,
    (origin, parent): (&Origin, SessionId),
) -> Result<(), StoreError> {
    let child = match sessions.resume_child(token, origin).await {
        Ok(live) => live.child,
        Err(ResumeError::Unknown | ResumeError::Ended(_)) => return Ok(()),
        Err(ResumeError::Store(error)) => return Err(error),
    };
    if child.parent != parent {
        sessions.revoke(child.id, None, EndReason::Replaced).await?;
    }
    Ok(())
}
