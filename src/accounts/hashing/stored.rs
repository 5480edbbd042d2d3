//! A stored hash, taken apart: the comparison of a password with it, and its cost.

use argon2::password_hash::phc::Output;
use argon2::{Algorithm, Version};

use super::effort::{ImportedCosts, Spent};
use super::scheme::{Effort, Family, Scheme};
use super::workers::{Memory, Weight};
use super::{HashError, HashParameters, PasswordHash, SALT_LENGTH, TAG_LENGTH};

/// A stored hash, taken apart: within the bounds of [`super::reading`].
pub(super) struct Stored {
    pub(super) scheme: Scheme,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// A password fits a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// Whether the hash is to be replaced by one of ours.
    pub(super) outdated: bool,
}

impl Stored {
    /// Compares each form of a password, the one as it was typed first. The work is added to `spent`.
    pub(super) fn compare(
        &self,
        forms: &[&str],
        current: &HashParameters,
        (memory, spent): (&mut Memory, &mut Spent),
    ) -> Result<Option<Fit>, HashError> {
        for (number, form) in forms.iter().enumerate() {
            spent.add(self.effort());
            if self.matches(form, memory)? && self.scheme.tells_apart(form) {
                let is_ours = self.is_of(current) && number + 1 == forms.len();
                // Otherwise a password that begins like the right one would become the right one.
                return Ok(Some(Fit { outdated: !is_ours && self.scheme.sees_all(form) }));
            }
        }
        Ok(None)
    }

    pub(super) fn matches(&self, text: &str, memory: &mut Memory) -> Result<bool, HashError> {
        let mut tag = vec![0; self.tag.len()];
        self.scheme.compute(text, &self.salt, &mut tag, memory)?;
        // `Output` compares in constant time.
        let output = |tag: &[u8]| Output::new(tag).map_err(|_| HashError::Failed);
        Ok(output(&tag)? == output(&self.tag)?)
    }

    pub(super) fn effort(&self) -> (Family, Effort) {
        self.scheme.effort(self.tag.len())
    }

    /// Whether a new hash under these parameters would look the same.
    pub(super) fn is_of(&self, current: &HashParameters) -> bool {
        self.scheme == current.scheme() && self.salt.len() == SALT_LENGTH
    }
}

impl ImportedCosts {
    /// Adds what a hash costs. Ours and the lack of one add nothing.
    pub fn add(&mut self, hash: &PasswordHash) {
        if let Ok(stored) = Stored::read(hash.as_str())
            && !stored.is_of(&HashParameters::default())
        {
            let (family, effort) = stored.effort();
            self.raise(family, effort);
        }
    }
}

impl PasswordHash {
    /// The name of its kind, and about how many microseconds it takes; `None` for the placeholder.
    #[must_use]
    pub(crate) fn cost(&self) -> Option<(&'static str, u64)> {
        let (family, effort) = Stored::read(self.as_str()).ok()?.effort();
        let mut spent = Spent::default();
        spent.add((family, effort));
        Some((family.name(), spent.microseconds()))
    }
}

impl HashParameters {
    /// How many hashes of ours some work stands for.
    pub(super) fn weight_of(&self, work: &Spent) -> Weight {
        let mut one = Spent::default();
        one.add(self.scheme().effort(TAG_LENGTH));
        Weight::of(work.microseconds(), one.microseconds())
    }

    /// The scheme of new hashes.
    pub(super) fn scheme(&self) -> Scheme {
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        Scheme::Argon2 { algorithm, version, params: self.0.clone() }
    }
}
