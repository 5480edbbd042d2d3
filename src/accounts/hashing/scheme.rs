//! The ways in which passwords are hashed, ours and those of other systems, and the work of each.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::pbkdf2;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::HashError;
use super::workers::Memory;

/// How a hash is computed. Costs are within the bounds of [`super::reading`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Of any variant and version. Ours is Argon2id, version 19.
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: Params,
    },
    Bcrypt {
        cost: u32,
        /// Whether bcrypt gets the SHA-256 of the password, in hexadecimal.
        hashed_first: bool,
    },
    Pbkdf2 {
        digest: Digest,
        rounds: u32,
    },
    /// `N` is a power of two.
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
    },
    Sha512Crypt {
        rounds: u32,
    },
}

/// The hash function within PBKDF2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// Hashes whose work can be added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Family {
    Argon2,
    Bcrypt,
    Pbkdf2Sha1,
    Pbkdf2Sha256,
    Pbkdf2Sha512,
    Scrypt,
    Sha512Crypt,
}

impl Family {
    /// As documents name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Argon2 => "Argon2",
            Self::Bcrypt => "bcrypt",
            Self::Pbkdf2Sha1 | Self::Pbkdf2Sha256 | Self::Pbkdf2Sha512 => "PBKDF2",
            Self::Scrypt => "scrypt",
            Self::Sha512Crypt => "SHA-512-crypt",
        }
    }
}

impl From<Digest> for Family {
    fn from(digest: Digest) -> Self {
        match digest {
            Digest::Sha1 => Self::Pbkdf2Sha1,
            Digest::Sha256 => Self::Pbkdf2Sha256,
            Digest::Sha512 => Self::Pbkdf2Sha512,
        }
    }
}

/// The work of hashes of one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Effort {
    /// Grow with the time. For Argon2 KiB times passes, for bcrypt and PBKDF2 rounds, for scrypt
    /// blocks of 128 bytes.
    pub(super) units: u64,
    /// The most memory at once; none where it does not matter.
    #[serde(default)]
    pub(super) kibibytes: u32,
}

impl Effort {
    pub(super) fn of(units: u64) -> Self {
        Self { units, kibibytes: 0 }
    }

    pub(super) fn at_least(self, other: Self) -> Self {
        Self { units: self.units.max(other.units), kibibytes: self.kibibytes.max(other.kibibytes) }
    }
}

impl Scheme {
    /// The salt of bcrypt.
    pub(super) const BCRYPT_SALT: usize = 16;
    /// The hash of bcrypt.
    pub(super) const BCRYPT_TAG: usize = 23;
    /// The hash of SHA-512-crypt.
    pub(super) const SHA512_TAG: usize = 64;
    /// Bcrypt takes no more bytes of a password.
    const BCRYPT_LIMIT: usize = 72;

    /// The length of a hash that is only computed for the time that it takes.
    pub(super) fn decoy_length(&self) -> usize {
        match self {
            Self::Argon2 { .. } => super::TAG_LENGTH,
            Self::Bcrypt { .. } => Self::BCRYPT_TAG,
            Self::Pbkdf2 { .. } | Self::Scrypt { .. } => 16,
            Self::Sha512Crypt { .. } => Self::SHA512_TAG,
        }
    }

    /// The work of one hash of this length.
    pub(super) fn effort(&self, length: usize) -> (Family, Effort) {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        match self {
            Self::Argon2 { params, .. } => {
                let units = u64::from(params.m_cost()) * u64::from(params.t_cost());
                (Family::Argon2, Effort { units, kibibytes: params.m_cost() })
            }
            Self::Bcrypt { cost, .. } => (Family::Bcrypt, Effort::of(1 << cost)),
            Self::Pbkdf2 { digest, rounds } => {
                let blocks = number(length.div_ceil(digest.length()));
                (Family::from(*digest), Effort::of(u64::from(*rounds) * blocks))
            }
            Self::Scrypt { log_n, r, p } => {
                let blocks = u64::from(*r) << log_n;
                let kibibytes = u32::try_from(blocks / 8).unwrap_or(u32::MAX);
                (Family::Scrypt, Effort { units: blocks * u64::from(*p), kibibytes })
            }
            Self::Sha512Crypt { rounds } => (Family::Sha512Crypt, Effort::of((*rounds).into())),
        }
    }

    /// Whether the hash stands for this whole text, and for no other that is known.
    ///
    /// Most of these treat a NUL byte as the end of the password, or as no byte at all.
    pub(super) fn tells_apart(&self, text: &str) -> bool {
        matches!(self, Self::Argon2 { .. }) || !text.contains('\0')
    }

    /// Whether a hash of this scheme has seen every byte of this text. A prefix matches otherwise.
    pub(super) fn sees_all(&self, text: &str) -> bool {
        !matches!(self, Self::Bcrypt { hashed_first: false, .. })
            || text.len() <= Self::BCRYPT_LIMIT
    }

    /// Fills `tag`.
    pub(super) fn compute(
        &self,
        text: &str,
        salt: &[u8],
        tag: &mut [u8],
        memory: &mut Memory,
    ) -> Result<(), HashError> {
        let bytes = text.as_bytes();
        match self {
            Self::Argon2 { algorithm, version, params } => {
                let argon2 = Argon2::new(*algorithm, *version, params.clone());
                let blocks = memory.blocks(params.block_count()).ok_or(HashError::Failed)?;
                let hashed = argon2.hash_password_into_with_memory(bytes, salt, tag, blocks);
                hashed.map_err(|_| HashError::Failed)
            }
            Self::Bcrypt { cost, hashed_first: false } => bcrypt(*cost, bytes, salt, tag),
            Self::Bcrypt { cost, hashed_first: true } => {
                bcrypt(*cost, hexadecimal(&Sha256::digest(bytes)).as_bytes(), salt, tag)
            }
            Self::Pbkdf2 { digest, rounds } => {
                let algorithm = match digest {
                    Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                    Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                    Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
                };
                let rounds = NonZeroU32::new(*rounds).ok_or(HashError::Failed)?;
                pbkdf2::derive(algorithm, rounds, salt, bytes, tag);
                Ok(())
            }
            Self::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(*log_n, *r, *p).map_err(|_| HashError::Failed)?;
                scrypt::scrypt(bytes, salt, &params, tag).map_err(|_| HashError::Failed)
            }
            Self::Sha512Crypt { rounds } => {
                let params = sha_crypt::Params::new(*rounds).map_err(|_| HashError::Failed)?;
                copy(&sha_crypt::sha512_crypt(bytes, salt, params), tag)
            }
        }
    }
}

/// The crate panics over a cost above 31 and over an empty key. Neither gets here.
fn bcrypt(cost: u32, password: &[u8], salt: &[u8], tag: &mut [u8]) -> Result<(), HashError> {
    let salt: [u8; Scheme::BCRYPT_SALT] = salt.try_into().map_err(|_| HashError::Failed)?;
    // The NUL byte at the end counts, if there is room for it.
    let mut key = [0; Scheme::BCRYPT_LIMIT];
    let length = password.len().min(key.len());
    key[..length].copy_from_slice(&password[..length]);
    let hash = bcrypt::bcrypt(cost, salt, &key[..key.len().min(length + 1)]);
    copy(&hash[..Scheme::BCRYPT_TAG], tag)
}

fn copy(hash: &[u8], tag: &mut [u8]) -> Result<(), HashError> {
    if hash.len() != tag.len() {
        return Err(HashError::Failed);
    }
    tag.copy_from_slice(hash);
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
