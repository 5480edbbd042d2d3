//! Properties of every stored hash. See [`crate::fuzzing`].

use super::workers::Memory;
use super::{HashParameters, PasswordHash, Stored, phc};

/// Text in the place of a stored hash: what is read is bounded and is written as it was, and what
/// is cheap enough is compared.
pub(crate) fn password_hash(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(stored) = Stored::read(&PasswordHash::from_stored(text.to_owned())) else { return };
    let params = &stored.parameters.0;
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    assert!(memory <= 262_144 && passes <= 16 && lanes <= 16, "{text}");
    assert!(text.starts_with("$argon2id$v=19$"), "{text}");
    assert!(!stored.tag.is_empty() && !stored.salt.is_empty(), "{text}");

    let Some(written) = phc(&stored.parameters, &stored.salt, &stored.tag) else {
        panic!("{text} cannot be written")
    };
    let Some(again) = Stored::read(&written) else { panic!("{text} became unreadable") };
    assert_eq!((&again.salt, &again.tag), (&stored.salt, &stored.tag));
    assert_eq!(again.parameters, stored.parameters);
    assert!(
        stored.is_outdated(&HashParameters::default()) || (memory, passes, lanes) == (19_456, 2, 1)
    );

    if memory <= 128 && passes <= 2 && lanes <= 2 {
        let verdict = stored.matches("no such password", &mut Memory::default());
        assert!(verdict.is_ok_and(|matches| !matches), "{text}");
    }
}
