//! Users.

use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization as _;

use super::{Email, Groups, Role};
use crate::entropy::id;

id! {
    /// Identifies one account. Never reused, safe to show and to log.
    UserId
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Names the account.
    pub id: UserId,
    /// The address for sign-in.
    pub email: Email,
    /// Whether an administrator or the command line set the address.
    pub email_verified: bool,
    /// How the person wants to be called; may be empty.
    pub name: Name,
    /// The permissions.
    pub role: Role,
    /// The groups, for applications: they have no meaning here.
    pub groups: Groups,
    /// Whether the person may sign in.
    pub status: Status,
    /// When the account was made.
    pub created_at: OffsetDateTime,
}

/// Whether a person may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// May sign in.
    Active,
    /// May not, and has no live session.
    Disabled,
}

impl Status {
    /// `active` or `disabled`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads what [`Status::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|status| status.as_str() == text)
    }
}

/// How a person is called: up to 100 code points in NFC, trimmed, without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(String);

/// Why a name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// More than 100 code points.
    #[error("use at most 100 characters")]
    TooLong,
    /// A control, direction or invisible character, which could make one name look like another.
    #[error("leave out control, direction and invisible characters")]
    Invisible,
}

impl InvalidName {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Invisible => "invisible",
        }
    }
}

impl Name {
    /// The longest name, in code points.
    pub const LONGEST: usize = 100;

    /// Parses a name as typed; the empty one is allowed.
    ///
    /// # Errors
    /// [`InvalidName`] says what to change.
    pub fn parse(typed: &str) -> Result<Self, InvalidName> {
        if typed.len() > Self::LONGEST * 16 {
            return Err(InvalidName::TooLong);
        }
        let name: String = typed.trim_matches(comes_along).nfc().collect();
        if name.chars().count() > Self::LONGEST {
            return Err(InvalidName::TooLong);
        }
        if name.chars().any(is_invisible) {
            return Err(InvalidName::Invisible);
        }
        Ok(Self(name))
    }

    /// A name that a store kept. It was read by the rules of its day, and is not judged again: a
    /// rule that grows stricter must lock nobody out.
    #[must_use]
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that copying a name may add at its ends.
fn comes_along(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{AD}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// Characters that change how others are shown, or that are invisible. The zero-width joiners stay:
/// names in several scripts and emoji need them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}'
            | '\u{17B5}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}
