//! Passwords as typed, and the rules for new ones.
//!
//! The rules apply when a password is set and never at sign-in: a person whose password is older
//! than a rule still gets in. How a password is hashed is the next file's matter.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretBox};
use unicode_normalization::UnicodeNormalization as _;

mod guessing;

/// A password as typed, in the form of RFC 8265 (`OpaqueString`): NFC, and every space
/// beyond ASCII as U+0020, for keyboards differ in both. Nothing else is changed, nothing is cut
/// off, spaces at the ends count. Never shown, and wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Password(Typed);

#[derive(Clone)]
enum Typed {
    Text {
        /// In the form in which we hash it.
        ours: Arc<SecretBox<String>>,
        /// As it came, where that is another form: systems that changed nothing hashed this.
        as_it_came: Option<Arc<SecretBox<String>>>,
    },
    /// Longer than [`Password::LONGEST`]: not kept, matches nothing.
    TooLong,
}

impl Password {
    /// The longest password, in bytes of UTF-8, before and after normalisation.
    pub const LONGEST: usize = 1024;

    /// Takes what somebody typed. A text over [`Password::LONGEST`] becomes a password that matches
    /// nothing, at the cost of one hash, and that no policy accepts.
    #[must_use]
    pub fn from_typed(typed: &str) -> Self {
        if typed.len() > Self::LONGEST {
            return Self(Typed::TooLong);
        }
        let text = SecretBox::init_with_mut(|text: &mut String| {
            // NFC makes no text longer than three times; room for all of it means that growing
            // leaves no copy behind.
            text.reserve_exact(typed.len() * 3);
            text.extend(typed.chars().map(plain_space).nfc());
        });
        if text.expose_secret().len() > Self::LONGEST {
            return Self(Typed::TooLong);
        }
        let as_it_came = (text.expose_secret() != typed)
            .then(|| Arc::new(SecretBox::init_with_mut(|kept: &mut String| kept.push_str(typed))));
        Self(Typed::Text { ours: Arc::new(text), as_it_came })
    }

    /// The text to hash; `None` for one that was too long.
    pub(super) fn reveal(&self) -> Option<&str> {
        match &self.0 {
            Typed::Text { ours, .. } => Some(ours.expose_secret()),
            Typed::TooLong => None,
        }
    }

    /// The texts to compare with a hash: the one that came, and the one that we hash, which is the
    /// last. The empty text stands for one that was too long.
    pub(super) fn forms(&self) -> Vec<&str> {
        let Typed::Text { ours, as_it_came } = &self.0 else { return vec![""] };
        let texts = as_it_came.iter().chain([ours]);
        texts.map(|text| text.expose_secret().as_str()).collect()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(secret)")
    }
}

fn plain_space(c: char) -> char {
    match c {
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
            ' '
        }
        _ => c,
    }
}

/// The rules for new passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest code points of a new password. Anything under
    /// [`PasswordPolicy::SHORTEST_MINIMUM`] counts as that.
    pub min_length: usize,
}

/// Why a password cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer code points than the policy asks for.
    #[error(
        "use at least {min} characters: a phrase of four or more unrelated words is easy to \
         remember and hard to guess"
    )]
    TooShort {
        /// The fewest code points.
        min: usize,
    },
    /// More than 1024 bytes.
    #[error("use at most 1024 bytes, which is between 256 and 1024 characters")]
    TooLong,
    /// A control character, which many keyboards and forms cannot type again.
    #[error("leave out control characters such as tabs and line breaks")]
    ControlCharacters,
    /// The address, the name or the name of this service, or little more.
    #[error(
        "this is little more than your address, your name or the name of this service: choose \
         words that have nothing to do with them"
    )]
    Personal,
    /// Found among the first guesses of an attacker.
    #[error("this password is easy to guess. {advice} Try four or more unrelated words")]
    Guessable {
        /// One or more English sentences on what makes it so.
        advice: String,
    },
}

impl WeakPassword {
    /// A stable word for programs: `too_short`, `too_long`, `control_characters`, `personal` or
    /// `guessable`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong => "too_long",
            Self::ControlCharacters => "control_characters",
            Self::Personal => "personal",
            Self::Guessable { .. } => "guessable",
        }
    }
}

impl PasswordPolicy {
    /// The fewest code points that a policy may ask for.
    pub const SHORTEST_MINIMUM: usize = 8;
    /// The fewest code points unless somebody decides otherwise; right where the password is all
    /// that proves a person.
    pub const DEFAULT_MINIMUM: usize = 15;

    /// Judges a new password of somebody with these addresses and names. It may take as long as a
    /// hash does, so it does not belong on a thread that serves requests.
    ///
    /// # Errors
    /// [`WeakPassword`] says what to choose instead.
    pub fn check(self, password: &Password, personal: &[&str]) -> Result<(), WeakPassword> {
        let min = self.min_length.max(Self::SHORTEST_MINIMUM);
        let text = password.reveal().ok_or(WeakPassword::TooLong)?;
        if text.chars().any(char::is_control) {
            return Err(WeakPassword::ControlCharacters);
        }
        if text.chars().count() < min {
            return Err(WeakPassword::TooShort { min });
        }
        guessing::refuse_personal(text, personal)?;
        guessing::refuse_guessable(text, personal, min)
    }
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: Self::DEFAULT_MINIMUM }
    }
}

#[cfg(test)]
mod tests;
