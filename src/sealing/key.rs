//! One key, and its id.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret as _, SecretBox, SecretSlice, SecretString};
use sha2::{Digest as _, Sha256};

use crate::entropy::{Entropy, NoEntropy};

/// Reads a key with or without padding at its end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Names a key without telling anything of it. The database keeps it, so that a wrong key is
/// noticed before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; KeyId::BYTES]);

impl KeyId {
    /// Its length.
    pub const BYTES: usize = 8;

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads what it is displayed as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(&URL_SAFE_NO_PAD.decode(text).ok()?)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A key. It never prints itself.
pub(super) struct Key {
    id: KeyId,
    bytes: SecretBox<[u8; Key::BYTES]>,
    cipher: LessSafeKey,
}

impl Key {
    const BYTES: usize = 32;

    pub(super) fn generate(entropy: &Entropy) -> Result<Self, NoEntropy> {
        let bytes = SecretBox::new(Box::new(entropy.bytes()?));
        // Unreachable: the length is that of the cipher.
        Self::of(bytes).ok_or(NoEntropy)
    }

    /// Reads a line of a key file.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let bytes = LENIENT.decode(line).ok()?;
        let bytes = SecretBox::new(Box::new(<[u8; Self::BYTES]>::try_from(bytes).ok()?));
        Self::of(bytes)
    }

    /// The line of a key file.
    pub(super) fn line(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode(self.bytes.expose_secret()).into()
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    fn of(bytes: SecretBox<[u8; Self::BYTES]>) -> Option<Self> {
        let secret = bytes.expose_secret();
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret).ok()?);
        let digest = Sha256::new_with_prefix("anteroom key id").chain_update(secret).finalize();
        let (id, _) = digest.split_first_chunk()?;
        Some(Self { id: KeyId(*id), bytes, cipher })
    }

    pub(super) fn encrypt(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        value: &[u8],
    ) -> Option<Vec<u8>> {
        let mut encrypted = value.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.cipher
            .seal_in_place_append_tag(nonce, Aad::from(associated), &mut encrypted)
            .ok()
            .map(|()| encrypted)
    }

    pub(super) fn decrypt(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        encrypted: &[u8],
    ) -> Option<SecretSlice<u8>> {
        let mut value = encrypted.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length =
            self.cipher.open_in_place(nonce, Aad::from(associated), &mut value).ok()?.len();
        value.truncate(length);
        Some(value.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}
