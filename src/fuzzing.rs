//! Properties that hold for every input from outside: one function per parser, each of which reads
//! any bytes and panics when something does not hold. Not a part of the product.
//!
//! The functions live beside the parsers, in the `fuzzing` of each room. Three callers share them:
//! the property tests below, which also replay `tests/corpus`, and the fuzzer of `scripts/fuzz`.

use crate::{accounts, config, http, rules, sessions, tokens};

/// Checks one input.
pub type Check = fn(&[u8]);

/// Every target by its name, which is also that of its corpus and of its dictionary.
pub const TARGETS: &[(&str, Check)] = &[
    ("access_token", tokens::fuzzing::access_token),
    ("cookie", http::fuzzing::cookie),
    ("device", sessions::fuzzing::device),
    ("duration", config::fuzzing::duration),
    ("email", accounts::fuzzing::email),
    ("form", http::fuzzing::form),
    ("groups", accounts::fuzzing::groups),
    ("guard", http::fuzzing::guard),
    ("host", http::fuzzing::host),
    ("id", sessions::fuzzing::id),
    ("if_match", sessions::fuzzing::if_match),
    ("json", http::fuzzing::json),
    ("language", http::fuzzing::language),
    ("mask", config::fuzzing::mask),
    ("merge_patch", sessions::fuzzing::merge_patch),
    ("name", accounts::fuzzing::name),
    ("network", http::fuzzing::network),
    ("next", http::fuzzing::next),
    ("password", accounts::fuzzing::password),
    ("password_hash", accounts::fuzzing::password_hash),
    ("public_url", http::fuzzing::public_url),
    ("query", http::fuzzing::query),
    ("rule_path", rules::fuzzing::rule_path),
    ("rules", rules::fuzzing::rules),
    ("settings", config::fuzzing::settings),
    ("stored_data", sessions::fuzzing::stored_data),
    ("value", config::fuzzing::value),
];

/// The target of this name.
///
/// # Panics
/// When there is none: the message names those that there are.
#[must_use]
pub fn target(name: &str) -> Check {
    let known = TARGETS.iter().find(|(known, _)| *known == name);
    let names = || TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match known {
        Some((_, check)) => *check,
        None => panic!("there is no target `{name}`; there are {}", names()),
    }
}

#[cfg(test)]
mod tests;
