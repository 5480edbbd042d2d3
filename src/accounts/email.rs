//! Email addresses in canonical form.
//!
//! An address is brought into canonical form first, then judged, then used: what is compared,
//! stored and shown is always what was judged. Two spellings of one address are one account, and
//! two addresses that look alike are never two.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{
    GeneralSecurityProfile as _, RestrictionLevel, RestrictionLevelDetection as _, skeleton,
};

use crate::text::usual;

/// An address in canonical form: NFKC, lower case, the domain in ASCII (`xn--…`). At most 254
/// bytes, exactly one `@`. `Debug` does not show it, since logs hold no addresses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// Why an address was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// More than 64 bytes before the `@`, or more than 254 altogether.
    #[error("use an address of at most 254 characters, at most 64 of them before the @")]
    TooLong,
    /// No `@`, or several.
    #[error("write one address with one @, like name@example.org")]
    NotOneAt,
    /// Something before the `@` that cannot be there.
    #[error(
        "check the part before the @: letters, digits, single dots and signs such as + - _ are \
         allowed, spaces and quotation marks are not"
    )]
    LocalPart,
    /// Something after the `@` that is not a domain.
    #[error("check the part after the @: it has to be a domain name, like example.org")]
    Domain,
    /// Letters that could be taken for those of another address.
    #[error("use letters of one script only: this address could be taken for another one")]
    Confusable,
}

impl InvalidEmail {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotOneAt => "not_one_at",
            Self::LocalPart => "local_part",
            Self::Domain => "domain",
            Self::Confusable => "confusable",
        }
    }
}

impl Email {
    /// The longest address, in bytes of the canonical form.
    pub const LONGEST: usize = 254;
    /// The longest part before the `@`, in bytes of the canonical form.
    pub const LONGEST_LOCAL_PART: usize = 64;
    /// The longest text that is looked at, in bytes as typed.
    const LONGEST_TYPED: usize = 1024;

    /// Parses an address as typed. Parsing the result again gives the same result.
    ///
    /// # Errors
    /// [`InvalidEmail`] says what to change.
    pub fn parse(typed: &str) -> Result<Self, InvalidEmail> {
        if typed.len() > Self::LONGEST_TYPED {
            return Err(InvalidEmail::TooLong);
        }
        // Before anything is judged: a full-width `＠` must count as the `@` that it becomes.
        let text = usual(typed);
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail::NotOneAt)?;
        if domain.contains('@') {
            return Err(InvalidEmail::NotOneAt);
        }
        let local = canonical_local_part(local)?;
        let domain = canonical_domain(domain)?;
        if local.len() > Self::LONGEST_LOCAL_PART || local.len() + 1 + domain.len() > Self::LONGEST
        {
            return Err(InvalidEmail::TooLong);
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    /// The address as people write it: an international domain in its own letters. Reading it gives
    /// this address again, or it is the canonical form.
    #[must_use]
    pub fn display(&self) -> String {
        let shown = self.0.split_once('@').filter(|(_, domain)| domain.contains("xn--")).map(
            |(local, domain)| {
                let deny = AsciiDenyList::STD3;
                let (domain, _) = Uts46::new().to_unicode(domain.as_bytes(), deny, Hyphens::Check);
                format!("{local}@{domain}")
            },
        );
        shown
            .filter(|shown| Self::parse(shown).is_ok_and(|parsed| parsed == *self))
            .unwrap_or_else(|| self.0.clone())
    }

    /// The address that a store kept; canonical already, and not judged again.
    #[must_use]
    pub fn from_stored(canonical: String) -> Self {
        Self(canonical)
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or(&self.0, |(local, _)| local)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

/// Folds case and judges. ASCII keeps the marks of RFC 5322 (`atext`); any other script is held to
/// letters, digits and their combining marks, of one script.
fn canonical_local_part(text: &str) -> Result<String, InvalidEmail> {
    let local = fold_case(text).ok_or(InvalidEmail::LocalPart)?;
    if local.split('.').any(str::is_empty) || !local.chars().all(may_stand_before_at) {
        return Err(InvalidEmail::LocalPart);
    }
    if local.split(|c: char| c.is_ascii_punctuation()).any(|run| run.starts_with(is_combining_mark))
    {
        return Err(InvalidEmail::LocalPart);
    }
    let letters: String = local.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    if is_confusable(&letters, RestrictionLevel::SingleScript) {
        return Err(InvalidEmail::Confusable);
    }
    Ok(local)
}

/// Lower case, character by character so that no letter depends on its neighbours, with the final
/// sigma folded into the other one. `None`: the text does not come to rest.
fn fold_case(text: &str) -> Option<String> {
    let fold = |text: &str| -> String {
        let lower = text.chars().flat_map(char::to_lowercase);
        lower.map(|c| if c == 'ς' { 'σ' } else { c }).nfkc().collect()
    };
    let once = fold(text);
    (fold(&once) == once).then_some(once)
}

fn may_stand_before_at(c: char) -> bool {
    match c {
        '.' | '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
        _ => is_letter_or_digit(c),
    }
}

/// Leaves out controls, spaces, joiners, direction marks and other invisible characters: none
/// of them is a letter, and those that count as combining marks are outside the profile.
fn is_letter_or_digit(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || (!c.is_ascii()
            && (c.is_alphanumeric() || is_combining_mark(c))
            && c.identifier_allowed())
}

/// Whether these letters mix scripts beyond `level`, or all of them look like ASCII and are not. A
/// second dot on an i or j (what a dotted capital İ becomes) is not seen either.
fn is_confusable(letters: &str, level: RestrictionLevel) -> bool {
    !letters.is_ascii()
        && (!letters.check_restriction_level(level)
            || skeleton(letters).all(|c| c.is_ascii())
            || ["i\u{307}", "j\u{307}"].iter().any(|dotted| letters.contains(dotted)))
}

/// The domain in lower-case ASCII. Refused are IP addresses, a dot at the end, empty labels and
/// labels that look like another; a single label such as `localhost` is allowed.
fn canonical_domain(text: &str) -> Result<String, InvalidEmail> {
    // UTS 46 would drop invisible characters silently.
    let expected = |c: char| matches!(c, '.' | '-' | '。') || is_letter_or_digit(c);
    if !text.chars().all(expected) {
        return Err(InvalidEmail::Domain);
    }
    let uts46 = Uts46::new();
    let domain = uts46
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify)
        .map_err(|_| InvalidEmail::Domain)?
        .into_owned();
    let shown = uts46.to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check).0;
    if !shown.chars().all(expected) || is_number(&domain) {
        return Err(InvalidEmail::Domain);
    }
    let confusable = |label: &str| {
        let letters: String = label.chars().filter(|c| *c != '-').collect();
        is_confusable(&letters, RestrictionLevel::HighlyRestrictive)
    };
    if shown.split('.').any(confusable) {
        return Err(InvalidEmail::Confusable);
    }
    Ok(domain)
}

/// Whether a URL parser would take this host for an IPv4 address.
fn is_number(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or(domain);
    let hexadecimal = last.strip_prefix("0x");
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
