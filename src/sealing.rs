//! Encrypts what the server must be able to read again, with a key that is not in the database.
//!
//! A sealed value is a version byte, the id of its key, a random nonce, and the output of
//! AES-256-GCM. Purpose and row are authenticated: a value that was moved to another row, or to
//! another column, cannot be opened. The store says under which key new values are sealed, see
//! `store::sql::sealed`. This module knows no SQL.

mod key;
mod key_file;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretSlice;

use crate::entropy::{Entropy, NoEntropy};
use key::Key;
pub use key::KeyId;
pub use key_file::{KeyFile, KeyFileLock};

/// The layout of a sealed value, of which the first byte tells.
const VERSION: u8 = 1;
/// Version and key id, which a statement can compare.
pub const PREFIX_BYTES: usize = 1 + KeyId::BYTES;

/// Why a value could not be sealed or opened, or why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no key file.
    #[error(
        "there is no key file at {path}: copy it from another server or a backup, or make one with \
         `anteroom key create`; ANTEROOM_KEY_FILE names another path"
    )]
    NoFile {
        /// The path.
        path: String,
    },
    /// The database has encrypted values, and the file that holds their key is gone.
    #[error(
        "the database has secrets that are encrypted with the key file, and there is none at \
         {path}: restore it from a backup, or set ANTEROOM_KEY_FILE"
    )]
    Lost {
        /// The path.
        path: String,
    },
    /// The key file does not hold the key of the database.
    #[error(
        "the key file {path} does not hold the key of this database: restore the file that belongs \
         to it, or set ANTEROOM_KEY_FILE"
    )]
    WrongKey {
        /// The path.
        path: String,
    },
    /// The key file is no key file.
    #[error(
        "the key file {path} cannot be used: it needs 32 random bytes as base64url in one line; \
         restore it from a backup"
    )]
    Malformed {
        /// The path.
        path: String,
    },
    /// There is a key file already.
    #[error("there is a key file at {path} already: nothing was changed")]
    Exists {
        /// The path.
        path: String,
    },
    /// The key file cannot be read or written.
    #[error("cannot {operation} the key file {path}: {source}; check the path and its permissions")]
    File {
        /// The operation that failed.
        operation: &'static str,
        /// The path.
        path: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Another command rotates the key.
    #[error("another `anteroom key rotate` is running: wait until it ends")]
    Busy,
    /// The value is not one of this row, or was changed.
    #[error("an encrypted value cannot be opened: it was changed, or moved from another row")]
    Broken,
    /// No random bytes.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// The row to which a sealed value belongs. Another one cannot open it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The purpose of the value, for example `totp secret`.
    pub purpose: &'static str,
    /// The id of the row.
    pub row: &'p [u8],
}

impl Place<'_> {
    /// The data that is authenticated with a value. The length separates the purpose from the row.
    fn associated_data(&self, prefix: &[u8]) -> Vec<u8> {
        let length = u32::try_from(self.purpose.len()).unwrap_or(u32::MAX);
        let parts = [prefix, &length.to_be_bytes(), self.purpose.as_bytes(), self.row];
        parts.concat()
    }
}

/// Seals and opens values with the keys of a key file, which is read when a key is needed that is
/// not known yet. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sealing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: KeyFile,
    entropy: Entropy,
    /// Every key that was ever read: a value may still name one that left the file.
    keys: RwLock<BTreeMap<KeyId, Key>>,
}

impl Sealing {
    /// With the keys of this file. Nothing is read yet.
    #[must_use]
    pub fn with(path: impl Into<PathBuf>, entropy: Entropy) -> Self {
        let (file, keys) = (KeyFile::at(path.into()), RwLock::default());
        Self(Arc::new(Inner { file, entropy, keys }))
    }

    /// With no key at all: nothing can be sealed or opened.
    #[must_use]
    pub fn without_file() -> Self {
        Self::with(PathBuf::new(), Entropy::operating_system())
    }

    /// The key file.
    #[must_use]
    pub fn file(&self) -> &KeyFile {
        &self.0.file
    }

    /// The path of the key file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.file.path()
    }

    /// Makes a key file with one new key. The file has mode 0600.
    ///
    /// # Errors
    /// [`SealError::Exists`] if there is one, or why it cannot be written.
    pub fn create(&self) -> Result<KeyId, SealError> {
        let key = Key::generate(&self.0.entropy)?;
        self.0.file.create(&key)?;
        Ok(key.id())
    }

    /// Reads the file. The newest key is first; during a rotation there is an older one.
    ///
    /// # Errors
    /// [`SealError`] when there is none or it cannot be used.
    pub fn read(&self) -> Result<Vec<KeyId>, SealError> {
        let keys = self.0.file.read()?;
        let ids = keys.iter().map(Key::id).collect();
        let mut known = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(keys.into_iter().map(|key| (key.id(), key)));
        Ok(ids)
    }

    /// Writes a new key in front of the one with this id, which alone is kept of the others.
    ///
    /// # Errors
    /// [`SealError`] when the file lacks that key, or cannot be written.
    pub fn prepend_new(&self, to: KeyId) -> Result<KeyId, SealError> {
        let key = Key::generate(&self.0.entropy)?;
        let kept = self.0.file.read()?.into_iter().find(|key| key.id() == to);
        let kept = kept.ok_or_else(|| self.wrong_key())?;
        let id = key.id();
        self.0.file.replace(&[key, kept])?;
        self.read().map(|_| id)
    }

    /// Removes every key from the file but this one.
    ///
    /// # Errors
    /// [`SealError`] when the file lacks that key, or cannot be written.
    pub fn keep_only(&self, id: KeyId) -> Result<(), SealError> {
        let kept = self.0.file.read()?.into_iter().find(|key| key.id() == id);
        self.0.file.replace(&[kept.ok_or_else(|| self.wrong_key())?])
    }

    /// Encrypts a value for one row.
    ///
    /// # Errors
    /// [`SealError`] when the file lacks this key.
    pub fn seal(&self, key: KeyId, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = self.0.entropy.bytes()?;
        let mut sealed = [&[VERSION][..], key.as_bytes()].concat();
        let associated = place.associated_data(&sealed);
        let encrypted = self.with_key(key, |key| key.encrypt(nonce, &associated, value))?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&encrypted.ok_or(SealError::Broken)?);
        Ok(sealed)
    }

    /// Decrypts a value of this row.
    ///
    /// # Errors
    /// [`SealError::Broken`] when it is not of this row or was changed, [`SealError::WrongKey`]
    /// when the file lacks its key.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        let (prefix, rest) = sealed.split_at_checked(PREFIX_BYTES).ok_or(SealError::Broken)?;
        let (nonce, encrypted) = rest.split_first_chunk().ok_or(SealError::Broken)?;
        let (VERSION, id) =
            prefix.split_first().ok_or(SealError::Broken).map(|(v, id)| (*v, id))?
        else {
            return Err(SealError::Broken);
        };
        let id = KeyId::from_bytes(id).ok_or(SealError::Broken)?;
        let associated = place.associated_data(prefix);
        let opened = self.with_key(id, |key| key.decrypt(*nonce, &associated, encrypted))?;
        opened.ok_or(SealError::Broken)
    }

    /// Uses a key. One that is not known yet may have been added to the file since.
    fn with_key<T>(&self, id: KeyId, work: impl Fn(&Key) -> T) -> Result<T, SealError> {
        let known = || {
            let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
            keys.get(&id).map(&work)
        };
        if let Some(done) = known() {
            return Ok(done);
        }
        self.read()?;
        known().ok_or_else(|| self.wrong_key())
    }

    fn wrong_key(&self) -> SealError {
        SealError::WrongKey { path: self.path().display().to_string() }
    }
}

/// The bytes with which every value sealed under this key begins.
#[must_use]
pub fn prefix_of(key: KeyId) -> Vec<u8> {
    [&[VERSION][..], key.as_bytes()].concat()
}
