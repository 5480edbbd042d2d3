//! Argon2id for passwords: stated parameters, bounded threads, and one cost for every refusal.
//!
//! Hashes of other systems are compared as they are. An unknown account, a stored hash that cannot
//! be read and a password that was too long cost the same as a wrong password, so that response
//! times do not reveal which it was.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Params, Version};

use super::Password;
use crate::entropy::{Entropy, NoEntropy};
use crate::metrics::Metrics;

mod effort;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod reading;
mod scheme;
mod stored;
mod workers;

pub use effort::ImportedCosts;
use effort::Spent;
pub use reading::RefusedHash;
use stored::{Fit, Stored};
pub(super) use workers::HashSlot;
use workers::{Weight, Workers};

const SALT_LENGTH: usize = 16;
const TAG_LENGTH: usize = 32;

/// A hashed password: in PHC form (`$argon2id$v=19$…`), or as another system wrote it. For the
/// store; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash that a store kept. Not looked at before a password is compared with it.
    #[must_use]
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// A hash of another system, in one of the forms that are understood.
    ///
    /// # Errors
    /// [`RefusedHash`] says what is understood.
    pub fn imported(text: &str) -> Result<Self, RefusedHash> {
        Stored::read(text).map(|_| Self(text.to_owned()))
    }

    /// In place of a hash, where no password was set yet: nothing fits it.
    pub const NO_PASSWORD: &str = "*";

    /// The placeholder of an account without a password: sign-in is refused.
    #[must_use]
    pub fn none() -> Self {
        Self(Self::NO_PASSWORD.to_owned())
    }

    /// Whether a password was set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0 != Self::NO_PASSWORD
    }

    /// The text that a store keeps.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// How much work a hash is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashParameters(Params);

/// Argon2 parameters that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "use at least 19456 KiB of memory, 2 passes and 1 lane, and at most 262144 KiB, 16 passes and \
     16 lanes"
)]
pub struct RefusedParameters;

impl HashParameters {
    /// The minimum of the OWASP Password Storage Cheat Sheet.
    const MINIMUM: (u32, u32, u32) = (19_456, 2, 1);
    /// More would take the memory of the machine, or its time.
    const MAXIMUM: (u32, u32, u32) = (262_144, 16, 16);

    /// Argon2id over this many KiB of memory, passes and lanes.
    ///
    /// # Errors
    /// [`RefusedParameters`] names the bounds.
    pub fn new(kibibytes: u32, passes: u32, lanes: u32) -> Result<Self, RefusedParameters> {
        let (least_memory, least_passes, least_lanes) = Self::MINIMUM;
        if kibibytes < least_memory || passes < least_passes || lanes < least_lanes {
            return Err(RefusedParameters);
        }
        Self::bounded(kibibytes, passes, lanes).ok_or(RefusedParameters)
    }

    #[cfg(any(test, feature = "testing"))]
    /// Cheap enough for tests with hundreds of sign-ins. Protects nothing.
    #[must_use]
    pub fn cheap_for_tests() -> Self {
        Self::bounded(64, 1, 1).unwrap_or_default()
    }

    /// The assumed duration of a hash before one was measured: 40 ms for the default.
    fn expected(&self) -> Duration {
        let (kibibytes, passes, _) = Self::MINIMUM;
        let work = |kibibytes: u32, passes: u32| u64::from(kibibytes) * u64::from(passes);
        let microseconds = 40_000 * work(self.0.m_cost(), self.0.t_cost());
        Duration::from_micros(microseconds / work(kibibytes, passes))
    }

    fn bounded(kibibytes: u32, passes: u32, lanes: u32) -> Option<Self> {
        let (most_memory, most_passes, most_lanes) = Self::MAXIMUM;
        if kibibytes > most_memory || passes > most_passes || lanes > most_lanes {
            return None;
        }
        Params::new(kibibytes, passes, lanes, Some(TAG_LENGTH)).ok().map(Self)
    }
}

impl Default for HashParameters {
    /// 19456 KiB, two passes, one lane.
    fn default() -> Self {
        // Tests run programs that sign in hundreds of users.
        #[cfg(all(feature = "testing", debug_assertions))]
        if std::env::var_os("TEST_CHEAP_HASHES").is_some() {
            return Self::cheap_for_tests();
        }
        let (kibibytes, passes, lanes) = Self::MINIMUM;
        // These are valid; the crate's own default, should it ever say otherwise, is the same.
        Self::bounded(kibibytes, passes, lanes).unwrap_or(Self(Params::DEFAULT))
    }
}

/// How much hashing goes on at once.
#[derive(Clone, Debug)]
pub struct HasherOptions {
    /// Concurrent hashes, each on its own thread.
    pub threads: NonZeroUsize,
    /// The most requests that wait for a thread; one more gets [`HashError::Busy`] at once.
    pub queue: usize,
    /// The longest wait for a thread. A request whose expected wait is longer gets
    /// [`HashError::Busy`] at once.
    pub wait: Duration,
    /// The parameters of every new hash.
    pub parameters: HashParameters,
    /// Counts who waits and what a hash takes.
    pub metrics: Metrics,
}

impl Default for HasherOptions {
    /// A thread per core, waits of two seconds at most, and 1024 waiting requests at most.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            threads,
            queue: 1024,
            wait: Duration::from_secs(2),
            parameters: HashParameters::default(),
            metrics: Metrics::off(),
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl HasherOptions {
    /// The default, but with [`HashParameters::cheap_for_tests`], which protect nothing.
    #[must_use]
    pub fn cheap_for_tests() -> Self {
        Self { parameters: HashParameters::cheap_for_tests(), ..Self::default() }
    }
}

/// More passwords are being worked on than are done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked at once")]
pub struct Busy {
    /// The expected time until the waiting work is done.
    pub wait: Duration,
}

impl Busy {
    /// Where nothing is known of how long it takes.
    pub const A_MOMENT: Self = Self { wait: Duration::from_secs(1) };
}

/// Why there is no answer about a password.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// As many wait as may, or a thread did not come free in time: ask the caller to try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// No salt could be drawn.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// A password over [`Password::LONGEST`] cannot be set.
    #[error("the password is longer than 1024 bytes")]
    TooLong,
    /// The hash could not be computed: no memory, or a fault in the library.
    #[error("a password could not be hashed")]
    Failed,
}

/// Whether a password is the one of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordMatch {
    /// It is.
    Yes {
        /// The hash is to be replaced by a new one of the same password.
        outdated: bool,
    },
    /// It is not, or there is nothing that it could be compared with.
    No,
}

/// The hash with which a password is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    /// `None` stands for an account that does not exist.
    pub(super) hash: Option<&'a PasswordHash>,
    /// Whether the account may sign in; a password of another is refused, at the same price.
    pub(super) is_active: bool,
    /// The costs of the hashes that were imported.
    pub(super) imported: &'a ImportedCosts,
}

/// Hashes passwords on dedicated threads. Cheap to clone; the threads end with the last clone.
#[derive(Clone)]
pub struct Hasher {
    workers: Arc<Workers>,
    parameters: HashParameters,
    entropy: Entropy,
}

impl Hasher {
    /// Starts the threads, with the options that suit this machine.
    ///
    /// # Errors
    /// When the operating system starts no thread.
    pub fn start(entropy: Entropy) -> std::io::Result<Self> {
        Self::start_with(entropy, HasherOptions::default())
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system starts no thread.
    pub fn start_with(entropy: Entropy, options: HasherOptions) -> std::io::Result<Self> {
        let workers = Workers::start(&options)?;
        Ok(Self { workers: Arc::new(workers), parameters: options.parameters, entropy })
    }

    /// Reserves a slot of the queue without waiting.
    ///
    /// # Errors
    /// [`HashError::Busy`] when none is free.
    pub(super) fn reserve_slot(&self) -> Result<HashSlot, HashError> {
        self.workers.reserve_slot()
    }

    /// Hashes a new password under a fresh salt.
    ///
    /// # Errors
    /// [`HashError`]; there is no hash.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        self.hash_at(self.reserve_slot()?, password).await
    }

    /// As [`Hasher::hash`], in a reserved slot.
    pub(super) async fn hash_at(
        &self,
        slot: HashSlot,
        password: &Password,
    ) -> Result<PasswordHash, HashError> {
        if password.reveal().is_none() {
            return Err(HashError::TooLong);
        }
        let salt = self.entropy.bytes::<SALT_LENGTH>()?;
        let (parameters, password) = (self.parameters.clone(), password.clone());
        self.workers
            .hash(slot, move |memory| {
                let mut tag = [0; TAG_LENGTH];
                let text = password.reveal().unwrap_or_default();
                let computed = parameters.scheme().compute(text, &salt, &mut tag, memory);
                let phc = || phc(&parameters, &salt, &tag).ok_or(HashError::Failed);
                (computed.and_then(|()| phc()), Weight::ONE)
            })
            .await?
    }

    /// Has other costly work on passwords done on the same threads, under the same bounds.
    ///
    /// # Errors
    /// [`HashError`]; the work gave nothing.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        slot: HashSlot,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        self.workers.run(slot, move |_| work()).await
    }

    /// Compares a password with the hash of an account. Every mismatch costs the same: one hash of
    /// ours, and the costliest of each imported family.
    ///
    /// # Errors
    /// [`HashError`]; nothing is known about the password.
    pub(super) async fn verify(
        &self,
        slot: HashSlot,
        password: &Password,
        expected: Expected<'_>,
    ) -> Result<PasswordMatch, HashError> {
        let Expected { hash, is_active, imported } = expected;
        let stored = hash.filter(|hash| hash.is_set()).and_then(|hash| {
            let stored = Stored::read(hash.as_str());
            if stored.is_err() {
                tracing::error!(
                    "a stored password hash cannot be read; nobody signs in to its account until \
                     the password is set again with `anteroom user set-password`"
                );
            }
            stored.ok()
        });
        let (current, password) = (self.parameters.clone(), password.clone());
        let of_refusal = imported.of_refusal(&current, password.forms().len());
        slot.weigh(current.weight_of(&of_refusal));
        self.workers
            .hash(slot, move |memory| {
                let mut spent = Spent::default();
                let may_match = is_active && password.reveal().is_some();
                let forms = password.forms();
                let fit = stored.map_or(Ok(None), |stored| {
                    stored.compare(&forms, &current, (&mut *memory, &mut spent))
                });
                let outcome = fit.and_then(|fit| match fit {
                    Some(Fit { outdated }) if may_match => Ok(PasswordMatch::Yes { outdated }),
                    _ => {
                        let text = forms.first().copied().unwrap_or_default();
                        spent.fill_up(&of_refusal, text, memory).map(|()| PasswordMatch::No)
                    }
                });
                memory.keep(current.0.block_count());
                (outcome, current.weight_of(&spent))
            })
            .await?
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

fn phc(parameters: &HashParameters, salt: &[u8], tag: &[u8]) -> Option<PasswordHash> {
    let phc = Phc {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&parameters.0).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(tag).ok()?),
    };
    Some(PasswordHash(phc.to_string()))
}

#[cfg(test)]
mod tests;
