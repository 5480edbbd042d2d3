//! The one-time link by which the first administrator is made.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use crate::clock::{Clock, SKEW};
use crate::entropy::{Entropy, NoEntropy};

/// Keeps the link of this start of the server; earlier starts took theirs with them. Cheap to
/// clone.
#[derive(Clone)]
pub struct SetupLink {
    clock: Clock,
    issued: Arc<Mutex<Option<Issued>>>,
}

struct Issued {
    token: String,
    expires_at: OffsetDateTime,
}

/// The link, out of use for everybody else while this is held. It works again afterwards, however
/// this ends, unless it was [`SetupClaim::used_up`].
pub struct SetupClaim {
    link: SetupLink,
    issued: Option<Issued>,
}

impl SetupLink {
    /// How long a link works.
    pub const LIFE: Duration = Duration::from_hours(1);

    /// No link as yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, issued: Arc::default() }
    }

    fn life() -> time::Duration {
        time::Duration::try_from(Self::LIFE).unwrap_or(time::Duration::HOUR)
    }

    /// Issues the secret of a link; an earlier one no longer works.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes.
    pub fn issue(&self, entropy: &Entropy) -> Result<String, NoEntropy> {
        let token = URL_SAFE_NO_PAD.encode(entropy.bytes::<32>()?);
        let expires_at = self.clock.now().saturating_add(Self::life());
        let issued = Issued { token: token.clone(), expires_at };
        *self.lock() = Some(issued);
        Ok(token)
    }

    /// Whether a link of this secret works now.
    #[must_use]
    pub fn works(&self, token: &str) -> bool {
        self.lock().as_ref().is_some_and(|issued| self.fits(issued, token))
    }

    /// Takes the link out of use. `None`: it does not work, or somebody else has it.
    #[must_use]
    pub fn claim(&self, token: &str) -> Option<SetupClaim> {
        let mut issued = self.lock();
        if !issued.as_ref().is_some_and(|issued| self.fits(issued, token)) {
            return None;
        }
        issued.take().map(|issued| SetupClaim { link: self.clone(), issued: Some(issued) })
    }

    fn fits(&self, issued: &Issued, token: &str) -> bool {
        let same = issued.token.len() == token.len()
            && issued.token.bytes().zip(token.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0;
        let now = self.clock.now();
        let latest = now.saturating_add(Self::life()).saturating_add(SKEW);
        same && now < issued.expires_at && issued.expires_at <= latest
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Issued>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SetupLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetupLink(…)")
    }
}

impl SetupClaim {
    /// The administrator is made: the link never works again.
    pub fn used_up(mut self) {
        self.issued = None;
    }
}

impl Drop for SetupClaim {
    /// Also when the request that held it was dropped.
    fn drop(&mut self) {
        let mut issued = self.link.lock();
        if issued.is_none() {
            *issued = self.issued.take();
        }
    }
}
