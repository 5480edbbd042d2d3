//! Time-based one-time passwords (RFC 6238): six digits every 30 seconds, with HMAC-SHA-1, which is
//! the only form that every authenticator app has.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use secrecy::{ExposeSecret as _, SecretBox, SecretSlice, SecretString};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

use crate::entropy::{Entropy, NoEntropy};

/// The seconds of a step.
const STEP: i64 = 30;
/// How far the clock of the app may be off, in steps either way.
const TOLERANCE: i64 = 1;
const DIGITS: usize = 6;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that an authenticator app and the server share. Never shown after the set-up.
pub struct TotpSecret(SecretBox<[u8; TotpSecret::BYTES]>);

impl TotpSecret {
    /// Its length, as RFC 4226 recommends it.
    pub const BYTES: usize = 20;

    /// A new random secret.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes.
    pub fn generate(entropy: &Entropy) -> Result<Self, NoEntropy> {
        Ok(Self(SecretBox::new(Box::new(entropy.bytes()?))))
    }

    /// The secret of these bytes; `None` for another length.
    #[must_use]
    pub fn from_bytes(bytes: &SecretSlice<u8>) -> Option<Self> {
        let bytes = bytes.expose_secret().try_into().ok()?;
        Some(Self(SecretBox::new(Box::new(bytes))))
    }

    /// The bytes, for the store, which encrypts them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        self.0.expose_secret()
    }

    /// In base32, for people who type it into their app.
    #[must_use]
    pub fn base32(&self) -> SecretString {
        // 20 bytes are 32 groups of five bits, without a rest.
        let mut text = String::with_capacity(32);
        for group in self.as_bytes().chunks(5) {
            let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let index = usize::try_from(bits >> (place * 5) & 31).unwrap_or_default();
                text.push(char::from(BASE32[index]));
            }
        }
        text.into()
    }

    /// The address that an app reads from the QR code: of an account of this service.
    #[must_use]
    pub fn uri(&self, service: &str, account: &str) -> SecretString {
        let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (issuer, secret) = (escaped(service), self.base32());
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}",
            account = escaped(account),
            secret = secret.expose_secret()
        )
        .into()
    }

    /// The step whose code this is, around now; `None` for a wrong code. Every step is compared,
    /// each in constant time.
    #[must_use]
    pub fn step_of(&self, code: &TotpCode, now: OffsetDateTime) -> Option<i64> {
        let step = now.unix_timestamp().div_euclid(STEP);
        let steps = step.saturating_sub(TOLERANCE)..=step.saturating_add(TOLERANCE);
        steps.fold(None, |found, step| {
            let fits = self.code_at(step)[..].ct_eq(&code.0[..]);
            if bool::from(fits) { Some(step) } else { found }
        })
    }

    /// The code of a step (RFC 4226, section 5.3).
    fn code_at(&self, step: i64) -> [u8; DIGITS] {
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.as_bytes());
        let tag = sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or_default() & 15);
        let chosen = tag.iter().skip(offset).take(4);
        let mut number =
            chosen.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7FFF_FFFF;
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        digits
    }

    /// The code of this time, for tests.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn code_for_tests(&self, now: OffsetDateTime) -> String {
        let digits = self.code_at(now.unix_timestamp().div_euclid(STEP));
        digits.map(char::from).iter().collect()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// Six digits as typed.
#[derive(Clone, Copy)]
pub struct TotpCode([u8; DIGITS]);

impl TotpCode {
    /// Reads exactly six ASCII digits. Blanks around and within are left out: apps show two groups.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let mut digits = [0; DIGITS];
        let mut typed = typed.bytes().filter(|byte| *byte != b' ');
        for digit in &mut digits {
            *digit = typed.next().filter(u8::is_ascii_digit)?;
        }
        typed.next().is_none().then_some(Self(digits))
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(…)")
    }
}

#[cfg(test)]
mod tests;
