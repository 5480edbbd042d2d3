//! How much work hashes are, so that every refusal can be the same work.
//!
//! A refused password costs the costliest hash of every family in use, whatever the account has,
//! and where there is no account. Otherwise the time of a response would tell which addresses have
//! an account, and which of them were imported.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Params, Version};
use serde::{Deserialize, Serialize};

use super::scheme::{Digest, Effort, Family, Scheme};
use super::workers::Memory;
use super::{HashError, HashParameters};

/// The costliest hash of each family that accounts of other systems came with. A refused password
/// costs as much as all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImportedCosts(BTreeMap<Family, Effort>);

impl ImportedCosts {
    /// Adds what others cost.
    pub fn merge(&mut self, other: &Self) {
        for (family, effort) in &other.0 {
            self.raise(*family, *effort);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hashes as much as one refused password costs with these: how long it takes on this machine,
    /// and the most memory at once, in KiB.
    ///
    /// # Errors
    /// [`HashError`] where the memory is missing.
    pub(crate) fn measure(&self, ours: &HashParameters) -> Result<(Duration, u32), HashError> {
        let all = self.of_refusal(ours, 1);
        let begun = Instant::now();
        Spent::default().fill_up(&all, "a password", &mut Memory::default())?;
        let memory = all.0.values().map(|effort| effort.kibibytes).max().unwrap_or_default();
        Ok((begun.elapsed(), memory))
    }

    pub(super) fn raise(&mut self, family: Family, effort: Effort) {
        let known = self.0.entry(family).or_default();
        *known = known.at_least(effort);
    }

    /// As text, for a store.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Numbers and words: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`ImportedCosts::to_text`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The cost of a refusal: each of these and one hash of ours, for every form of the password.
    pub(super) fn of_refusal(&self, ours: &HashParameters, forms: usize) -> Spent {
        let mut all = self.clone();
        let (family, effort) = ours.scheme().effort(super::TAG_LENGTH);
        all.raise(family, effort);
        let forms = u64::try_from(forms).unwrap_or(u64::MAX);
        for effort in all.0.values_mut() {
            effort.units = effort.units.saturating_mul(forms);
        }
        Spent(all.0)
    }
}

/// Work that was done, or is to be done.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent(BTreeMap<Family, Effort>);

impl Spent {
    pub(super) fn add(&mut self, (family, effort): (Family, Effort)) {
        let known = self.0.entry(family).or_default();
        known.units = known.units.saturating_add(effort.units);
        known.kibibytes = known.kibibytes.max(effort.kibibytes);
    }

    /// Hashes `text` until as much was done as `all` says.
    pub(super) fn fill_up(
        &mut self,
        all: &Self,
        text: &str,
        memory: &mut Memory,
    ) -> Result<(), HashError> {
        for (family, effort) in &all.0 {
            let done = self.0.get(family).map_or(0, |done| done.units);
            let missing = Effort { units: effort.units.saturating_sub(done), ..*effort };
            for decoy in decoys(*family, missing) {
                let mut tag = vec![0; decoy.decoy_length()];
                decoy.compute(text, &[0; Scheme::BCRYPT_SALT], &mut tag, memory)?;
                self.add(decoy.effort(tag.len()));
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn units(&self) -> impl Iterator<Item = (Family, u64)> {
        self.0.iter().map(|(family, effort)| (*family, effort.units))
    }

    /// About how many microseconds it takes on the machine of our default: 40 ms for one of ours.
    pub(super) fn microseconds(&self) -> u64 {
        let of = |(family, effort): (&Family, &Effort)| {
            let nanoseconds = match family {
                Family::Argon2 => 1_030,
                Family::Bcrypt => 61_000,
                Family::Pbkdf2Sha1 | Family::Pbkdf2Sha256 => 400,
                Family::Pbkdf2Sha512 | Family::Sha512Crypt => 800,
                Family::Scrypt => 350,
            };
            effort.units.saturating_mul(nanoseconds) / 1_000
        };
        self.0.iter().map(of).fold(0, u64::saturating_add).max(1)
    }
}

/// Hashes that are this work together, or a little less.
fn decoys(family: Family, effort: Effort) -> Vec<Scheme> {
    let rounds = u32::try_from(effort.units).unwrap_or(u32::MAX);
    let pbkdf2 = |digest| match rounds {
        0 => Vec::new(),
        rounds => vec![Scheme::Pbkdf2 { digest, rounds }],
    };
    match family {
        Family::Argon2 => argon2(effort),
        Family::Bcrypt => (4..=20)
            .filter(|cost| effort.units & (1 << cost) != 0)
            .map(|cost| Scheme::Bcrypt { cost, hashed_first: false })
            .collect(),
        Family::Pbkdf2Sha1 => pbkdf2(Digest::Sha1),
        Family::Pbkdf2Sha256 => pbkdf2(Digest::Sha256),
        Family::Pbkdf2Sha512 => pbkdf2(Digest::Sha512),
        Family::Scrypt => scrypt(effort),
        Family::Sha512Crypt if rounds < sha_crypt::Params::ROUNDS_MIN => Vec::new(),
        Family::Sha512Crypt => vec![Scheme::Sha512Crypt { rounds }],
    }
}

fn argon2(effort: Effort) -> Vec<Scheme> {
    let mut schemes = Vec::new();
    let mut units = effort.units;
    while let memory @ 8.. = u32::try_from(units).unwrap_or(u32::MAX).min(effort.kibibytes) {
        let passes = u32::try_from(units / u64::from(memory)).unwrap_or(u32::MAX);
        let Ok(params) = Params::new(memory, passes, 1, Some(super::TAG_LENGTH)) else { break };
        units -= u64::from(memory) * u64::from(passes);
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        schemes.push(Scheme::Argon2 { algorithm, version, params });
    }
    schemes
}

fn scrypt(effort: Effort) -> Vec<Scheme> {
    /// The usual number of blocks that are mixed at once.
    const R: u32 = 8;
    let mut schemes = Vec::new();
    let mut left = effort.units / u64::from(R);
    // With this many blocks a step fills one KiB.
    while let n @ 2.. = left.min(effort.kibibytes.into()) {
        let log_n = n.ilog2();
        let p = u32::try_from(left >> log_n).unwrap_or(u32::MAX).min(16);
        left -= u64::from(p) << log_n;
        schemes.push(Scheme::Scrypt { log_n: u8::try_from(log_n).unwrap_or(0), r: R, p });
    }
    schemes
}
