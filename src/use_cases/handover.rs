//! Hand-over of a session to an application on another host.

use sha2::{Digest as _, Sha256};

use super::run_to_completion;
use crate::sessions::{
    Client, Code, HandoverError, NewChild, NewHandover, Origin, SessionId, Sessions,
    StartChildError, StartedChild, StateDigest, TokenDigest,
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
    fn binding(&self) -> Option<StateDigest> {
        let state = self.state?;
        let digest = Sha256::new().chain_update(state.as_bytes()).chain_update(self.path);
        Some(StateDigest::from_bytes(digest.finalize().into()))
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
        let state = target.binding().ok_or(HandoverError::Gone)?;
        let origin = target.origin.clone();
        self.sessions.prepare_handover(NewHandover { session, origin, state }).await
    }

    /// Uses a code up, and starts a child of the session that it hands over. `None`: the code is
    /// not for this target, or no longer.
    ///
    /// # Errors
    /// [`StartChildError`]; then no child started.
    pub async fn finish(
        &self,
        code: Code,
        target: &HandoverTarget<'_>,
        client: Client,
    ) -> Result<Option<StartedChild>, StartChildError> {
        let (sessions, origin) = (self.sessions.clone(), target.origin.clone());
        // Without a state the code fits nothing. It is used up all the same.
        let state = target.binding().unwrap_or(StateDigest::from_bytes([0; 32]));
        run_to_completion(async move {
            let session = sessions.redeem_handover(&code, &origin, &state).await?;
            let Some(parent) = session else { return Ok(None) };
            sessions.start_child(NewChild { parent, origin, client }).await.map(Some)
        })
        .await?
    }
}
