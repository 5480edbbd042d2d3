//! Properties of every stored hash. See [`crate::fuzzing`].

use super::effort::Spent;
use super::stored::Stored;
use super::workers::Memory;
use super::{HashParameters, ImportedCosts, PasswordHash};

/// Text in the place of a stored hash: what is read is bounded, what it costs is known, and what is
/// cheap enough is compared.
pub(crate) fn password_hash(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(stored) = Stored::read(text) else { return };
    assert!((16..=64).contains(&stored.tag.len()), "{text}");
    assert!((1..=128).contains(&stored.salt.len()), "{text}");
    let (_, effort) = stored.effort();
    // At most what Argon2 and scrypt may fill, 16 times over.
    assert!(effort.units <= 16 * 1024 * 1024 * 2 && effort.kibibytes <= 1024 * 1024, "{text}");

    let hash = PasswordHash::from_stored(text.to_owned());
    let mut costs = ImportedCosts::default();
    costs.add(&hash);
    assert_eq!(ImportedCosts::parse(&costs.to_text()), Some(costs), "{text}");

    let mut spent = Spent::default();
    spent.add(stored.effort());
    if spent.microseconds() <= 1_000 {
        let verdict = stored.matches("no such password", &mut Memory::default());
        assert!(verdict.is_ok_and(|matches| !matches), "{text}");
    }
    let ours = HashParameters::default();
    assert!(!stored.is_of(&ours) || text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
}
