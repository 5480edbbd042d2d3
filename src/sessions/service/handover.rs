//! Hand-over codes: kept at one origin, redeemed once at another.

use super::Sessions;
use super::start::MAX_ID_ATTEMPTS;
use crate::failure::StoreError;
use crate::sessions::cache::End;
use crate::sessions::{Code, CodeKept, HandoverBinding, HandoverCode, Origin, SessionId};

/// A hand-over to prepare.
#[derive(Clone, Debug)]
pub struct NewHandover {
    /// The session to hand over.
    pub session: SessionId,
    /// The origin that may redeem the code.
    pub origin: Origin,
    /// The browser that may redeem it, and the path it is for.
    pub binding: HandoverBinding,
}

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The session has ended.
    #[error("the session has ended")]
    Gone,
    /// The session has as many outstanding codes as allowed.
    #[error("the session has {} outstanding codes", HandoverCode::MOST)]
    Full,
    /// The store failed. There is no code, or one that nobody was given.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// A new code that hands a live session over, once, within 30 seconds.
    ///
    /// # Errors
    /// [`HandoverError`].
    pub async fn prepare_handover(&self, new: NewHandover) -> Result<Code, HandoverError> {
        let NewHandover { session, origin, binding } = new;
        for _ in 0..MAX_ID_ATTEMPTS {
            let code = Code::generate(&self.service().entropy).map_err(StoreError::from)?;
            let (digest, now) = (code.digest(), self.now());
            let expires_at = now + HandoverCode::LIFETIME;
            let kept =
                HandoverCode { digest, session, origin: origin.clone(), binding, expires_at };
            match self.store().keep_code(&kept, now).await? {
                CodeKept::Kept => return Ok(code),
                CodeKept::Full => return Err(HandoverError::Full),
                CodeKept::Gone => {
                    self.wait_for_end(End::Session(session)).await?;
                    return Err(HandoverError::Gone);
                }
                CodeKept::Taken => {
                    tracing::error!("generated a code that is in use; check the random source");
                }
            }
        }
        Err(StoreError::Corrupt("every code drawn was in use").into())
    }

    /// Redeems a code at an origin, for this browser and path; `None` for a browser without a state,
    /// which no code fits. The first call uses the code up, whatever comes of it. `None`: unknown,
    /// used, expired, for another origin or another browser, or its session has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then the code may be used up.
    pub async fn redeem_handover(
        &self,
        code: &Code,
        origin: &Origin,
        binding: Option<&HandoverBinding>,
    ) -> Result<Option<SessionId>, StoreError> {
        let taken = self.store().take_code(&code.digest()).await?;
        let now = self.now();
        let fits = taken.filter(|code| {
            code.origin == *origin && Some(&code.binding) == binding && now < code.expires_at
        });
        Ok(fits.map(|code| code.session))
    }
}
