//! Recovery codes: a selector of four characters, which names the code, and 64 random bits.
//!
//! The selector finds the one hash to compare with, so that a guess costs one Argon2id. Both parts
//! are in Crockford's base32, which has no letter that looks like a digit.

use std::fmt;

use crate::accounts::Password;
use crate::entropy::{Entropy, NoEntropy};

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 64 bits in groups of five.
const SECRET: usize = 13;
const LENGTH: usize = Selector::LENGTH + SECRET;

/// Names a recovery code among those of its account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector(String);

impl Selector {
    const LENGTH: usize = 4;

    /// As stores keep it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A recovery code, as generated or typed.
#[derive(Clone)]
pub struct RecoveryCode {
    selector: Selector,
    secret: Password,
    /// In upper case, without hyphens.
    text: String,
}

impl RecoveryCode {
    /// How many an account gets at once.
    pub const COUNT: usize = 10;

    /// Ten new codes with different selectors.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes.
    pub fn generate_all(entropy: &Entropy) -> Result<Vec<Self>, NoEntropy> {
        let mut codes: Vec<Self> = Vec::with_capacity(Self::COUNT);
        while codes.len() < Self::COUNT {
            let code = Self::generate(entropy)?;
            if codes.iter().all(|other| other.selector != code.selector) {
                codes.push(code);
            }
        }
        Ok(codes)
    }

    fn generate(entropy: &Entropy) -> Result<Self, NoEntropy> {
        let [a, b, c] = entropy.bytes::<3>()?;
        let selector = u64::from_be_bytes([0, 0, 0, 0, 0, a, b, c]) >> 4;
        let secret = u64::from_be_bytes(entropy.bytes()?);
        let text =
            format!("{}{}", digits::<{ Selector::LENGTH }>(selector), digits::<SECRET>(secret));
        Ok(Self::of(text))
    }

    /// Reads a typed code, without regard to case, hyphens and blanks. As Crockford suggests, `O`
    /// is read as 0, `I` and `L` as 1. `None`: not the form of a code.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let mut text = String::with_capacity(LENGTH);
        for typed in typed.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let read = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let is_known = read.is_ascii() && CROCKFORD.contains(&u8::try_from(read).ok()?);
            if !is_known || text.len() == LENGTH {
                return None;
            }
            text.push(read);
        }
        (text.len() == LENGTH).then(|| Self::of(text))
    }

    fn of(text: String) -> Self {
        let (selector, secret) = text.split_at(Selector::LENGTH);
        let (selector, secret) = (Selector(selector.to_owned()), Password::from_typed(secret));
        Self { selector, secret, text }
    }

    /// Finds its hash.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The part that is hashed.
    pub(in crate::accounts) fn secret(&self) -> &Password {
        &self.secret
    }

    /// In four groups, for its owner.
    #[must_use]
    pub fn reveal(&self) -> String {
        let groups = [0..4, 4..8, 8..12, 12..LENGTH];
        groups.map(|group| self.text.get(group).unwrap_or_default()).join("-")
    }
}

/// The lowest bits of a number, five to a character.
fn digits<const N: usize>(number: u64) -> String {
    let places = (0..N).rev();
    let digit = |place: usize| number.checked_shr(u32::try_from(place * 5).ok()?).map(|it| it & 31);
    places
        .filter_map(|place| CROCKFORD.get(usize::try_from(digit(place)?).ok()?).copied())
        .map(char::from)
        .collect()
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rc_1_codes_are_read_without_regard_to_case_hyphens_and_blanks() {
        let codes = RecoveryCode::generate_all(&Entropy::operating_system()).unwrap();
        let shown: BTreeSet<String> = codes.iter().map(RecoveryCode::reveal).collect();
        let selectors: BTreeSet<&Selector> = codes.iter().map(RecoveryCode::selector).collect();
        assert_eq!((shown.len(), selectors.len()), (10, 10));
        for code in &codes {
            let text = code.reveal();
            assert_eq!(text.len(), LENGTH + 3, "{text}");
            let typed = [
                text.clone(),
                text.to_lowercase(),
                text.replace('-', ""),
                text.replace('-', " "),
                format!("  {text} "),
                text.replace('0', "O").replace('1', "l"),
            ];
            for typed in typed {
                let read = RecoveryCode::parse(&typed).unwrap();
                assert_eq!((read.reveal(), read.selector()), (text.clone(), code.selector()));
            }
        }
    }

    #[test]
    fn rc_1_anything_else_is_no_code() {
        let code = "0123-4567-89AB-CDEFG";
        assert!(RecoveryCode::parse(code).is_some());
        for odd in ["", "0123", "0123-4567-89AB-CDEF", "0123-4567-89AB-CDEFGH", "123456"] {
            assert!(RecoveryCode::parse(odd).is_none(), "{odd:?}");
        }
        for odd in ["U", "é", "０", "\n", "\u{212A}", "_", "*"] {
            assert!(RecoveryCode::parse(&code.replace('G', odd)).is_none(), "{odd:?}");
        }
    }

    #[test]
    fn rc_1_a_code_has_64_random_bits_behind_a_selector_of_20() {
        assert_eq!(digits::<13>(u64::MAX), "FZZZZZZZZZZZZ");
        assert_eq!(digits::<13>(1), "0000000000001");
        assert_eq!(digits::<4>(0xF_FFFF), "ZZZZ");
    }
}
