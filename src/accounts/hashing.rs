//! Argon2id for passwords: stated parameters, bounded threads, and one cost for every outcome.
//!
//! An unknown account, a stored hash that cannot be read and a password that was too long cost the
//! same hash as a wrong password, so that response times do not reveal which it was.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};

use super::Password;
use crate::entropy::{Entropy, NoEntropy};
use crate::metrics::Metrics;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod workers;

pub(super) use workers::HashSlot;
use workers::{Memory, Workers};

const SALT_LENGTH: usize = 16;
const TAG_LENGTH: usize = 32;

/// A hashed password in PHC form (`$argon2id$v=19$…`). For the store; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash that a store kept. Not looked at before a password is compared with it.
    #[must_use]
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
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
    /// A stored hash beyond this is taken for corrupt, before it takes the memory of the machine.
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
        Self::bounded(kibibytes, passes, lanes, TAG_LENGTH).ok_or(RefusedParameters)
    }

    #[cfg(any(test, feature = "testing"))]
    /// Cheap enough for tests with hundreds of sign-ins. Protects nothing.
    #[must_use]
    pub fn cheap_for_tests() -> Self {
        Self::bounded(64, 1, 1, TAG_LENGTH).unwrap_or_default()
    }

    /// The assumed duration of a hash before one was measured: 40 ms for the default.
    fn expected(&self) -> Duration {
        let (kibibytes, passes, _) = Self::MINIMUM;
        let work = |kibibytes: u32, passes: u32| u64::from(kibibytes) * u64::from(passes);
        let microseconds = 40_000 * work(self.0.m_cost(), self.0.t_cost());
        Duration::from_micros(microseconds / work(kibibytes, passes))
    }

    fn bounded(kibibytes: u32, passes: u32, lanes: u32, tag: usize) -> Option<Self> {
        let (most_memory, most_passes, most_lanes) = Self::MAXIMUM;
        if kibibytes > most_memory || passes > most_passes || lanes > most_lanes {
            return None;
        }
        Params::new(kibibytes, passes, lanes, Some(tag)).ok().map(Self)
    }

    /// Fills `tag`, which is as long as these parameters say.
    fn compute(
        &self,
        text: &str,
        salt: &[u8],
        tag: &mut [u8],
        memory: &mut Memory,
    ) -> Result<(), HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.clone());
        let blocks = memory.blocks(self.0.block_count()).ok_or(HashError::Failed)?;
        argon2
            .hash_password_into_with_memory(text.as_bytes(), salt, tag, blocks)
            .map_err(|_| HashError::Failed)
    }
}

impl Default for HashParameters {
    /// 19456 KiB, two passes, one lane.
    fn default() -> Self {
        let (kibibytes, passes, lanes) = Self::MINIMUM;
        // These are valid; the crate's own default, should it ever say otherwise, is the same.
        Self::bounded(kibibytes, passes, lanes, TAG_LENGTH).unwrap_or(Self(Params::DEFAULT))
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
        /// The hash was made with other parameters than new ones are.
        outdated: bool,
    },
    /// It is not, or there is nothing that it could be compared with.
    No,
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
                parameters.compute(text, &salt, &mut tag, memory)?;
                phc(&parameters, &salt, &tag).ok_or(HashError::Failed)
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

    /// Compares a password with the hash of an account; `None` stands for an account that does not
    /// exist. Every mismatch costs one hash.
    ///
    /// # Errors
    /// [`HashError`]; nothing is known about the password.
    pub(super) async fn verify(
        &self,
        slot: HashSlot,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<PasswordMatch, HashError> {
        let stored = hash.and_then(|hash| {
            let stored = Stored::read(hash);
            if stored.is_none() && hash.is_set() {
                tracing::error!(
                    "a stored password hash cannot be read; nobody signs in to its account until \
                     the password is set again with `anteroom user set-password`"
                );
            }
            stored
        });
        let (current, password) = (self.parameters.clone(), password.clone());
        self.workers
            .hash(slot, move |memory| {
                let proven = stored.is_some() && password.reveal().is_some();
                let stored = stored.unwrap_or_else(|| Stored::decoy(&current));
                let text = password.reveal().unwrap_or_default();
                let matches = stored.matches(text, memory)?;
                Ok(if matches && proven {
                    PasswordMatch::Yes { outdated: stored.is_outdated(&current) }
                } else {
                    PasswordMatch::No
                })
            })
            .await?
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

/// A stored hash, taken apart.
struct Stored {
    parameters: HashParameters,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    /// `None`: not one that this program can have written.
    fn read(hash: &PasswordHash) -> Option<Self> {
        let phc = Phc::new(hash.as_str()).ok()?;
        let (salt, tag) = (phc.salt?, phc.hash?);
        let params = Params::try_from(&phc.params).ok()?;
        let known = phc.algorithm == ARGON2ID_IDENT
            && phc.version == Some(Version::V0x13.into())
            && params.keyid().is_empty()
            && params.data().is_empty();
        let parameters =
            HashParameters::bounded(params.m_cost(), params.t_cost(), params.p_cost(), tag.len())?;
        known.then(|| Self { parameters, salt: salt.to_vec(), tag: tag.as_bytes().to_vec() })
    }

    /// A hash that no password matches, at the usual cost.
    fn decoy(current: &HashParameters) -> Self {
        Self { parameters: current.clone(), salt: vec![0; SALT_LENGTH], tag: vec![0; TAG_LENGTH] }
    }

    fn matches(&self, text: &str, memory: &mut Memory) -> Result<bool, HashError> {
        let mut tag = vec![0; self.tag.len()];
        self.parameters.compute(text, &self.salt, &mut tag, memory)?;
        // `Output` compares in constant time.
        let output = |tag: &[u8]| Output::new(tag).map_err(|_| HashError::Failed);
        Ok(output(&tag)? == output(&self.tag)?)
    }

    fn is_outdated(&self, current: &HashParameters) -> bool {
        self.parameters != *current || self.salt.len() != SALT_LENGTH
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
