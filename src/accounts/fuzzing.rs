//! Properties of every address, name, set of groups and password. See [`crate::fuzzing`].

use super::{Email, Group, Groups, Name, Password, UserId};

pub(crate) use super::hashing::fuzzing::password_hash;

/// An address: what is accepted is in the one form that counts, and that form is final.
pub(crate) fn email(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let email = match Email::parse(text) {
        Ok(email) => email,
        Err(refused) => {
            return assert!(!refused.code().is_empty() && !refused.to_string().is_empty());
        }
    };
    let canonical = email.as_str();
    let Some((local, domain)) = canonical.split_once('@') else { panic!("{canonical}: no @") };
    assert_eq!(email.local_part(), local);
    assert!(!domain.contains('@') && canonical.len() <= 254 && local.len() <= 64, "{canonical}");
    assert!(!local.is_empty() && !domain.is_empty(), "{canonical}");
    assert!(
        !local.starts_with('.') && !local.ends_with('.') && !local.contains(".."),
        "{canonical}"
    );
    let harmful = |c: char| c.is_control() || c.is_whitespace() || "\"(),:;<>[\\]".contains(c);
    assert!(!canonical.contains(harmful), "{canonical}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    assert!(domain.chars().all(plain), "{canonical}");
    assert!(domain.split('.').all(|label| (1..=63).contains(&label.len())), "{canonical}");

    for spelling in [canonical.to_owned(), format!(" \t{canonical}\r\n")] {
        assert_eq!(Email::parse(&spelling), Ok(email.clone()), "{canonical}");
    }
    if canonical.is_ascii() {
        assert_eq!(Email::parse(&canonical.to_uppercase()), Ok(email));
    }
}

/// A name: what is accepted is short, trimmed and final.
pub(crate) fn name(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let name = match Name::parse(text) {
        Ok(name) => name,
        Err(refused) => return assert!(!refused.code().is_empty()),
    };
    let kept = name.as_str();
    assert!(kept.chars().count() <= Name::LONGEST && kept.trim() == kept, "{kept:?}");
    let harmful = |c: char| c.is_control() || "\u{202E}\u{200B}\u{FEFF}".contains(c);
    assert!(!kept.contains(harmful), "{kept:?}");
    assert_eq!(Name::parse(kept), Ok(name));
}

/// Groups: what is accepted is sorted, each once, of harmless names, and final.
pub(crate) fn groups(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let groups = match Groups::from_stored(text) {
        Ok(groups) => groups,
        Err(refused) => return assert!(!refused.code().is_empty()),
    };
    let kept = groups.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-,".contains(c);
    assert!(kept.chars().all(plain), "{kept:?}");
    assert!(!groups.contains("user") && !groups.contains("admin"), "{kept:?}");
    let names: Vec<&str> = groups.iter().collect();
    assert!(names.len() <= Groups::MOST && names.is_sorted_by(|a, b| a < b), "{kept:?}");
    let fits = |name: &&str| (1..=Group::LONGEST).contains(&name.len());
    assert!(names.iter().all(fits) && names.is_empty() == groups.is_empty(), "{kept:?}");
    assert_eq!(Groups::from_stored(kept), Ok(groups));
}

/// A password: its form is final, only spaces and composition differ from what was typed.
pub(crate) fn password(input: &[u8]) {
    let Ok(typed) = std::str::from_utf8(input) else { return };
    let password = Password::from_typed(typed);
    let Some(kept) = password.reveal() else { return assert!(typed.len() > 1024 / 3) };
    assert!(kept.len() <= Password::LONGEST);
    assert_eq!(Password::from_typed(kept).reveal(), Some(kept));
    if typed.is_ascii() {
        assert_eq!(typed, kept);
    }
    assert!(!format!("{password:?}").contains(typed) || "Password(secret)".contains(typed));
}

/// An id in a path or a cursor: one spelling each.
pub(crate) fn user_id(text: &str) {
    if let Some(id) = UserId::parse(text) {
        assert_eq!(id.to_string(), text);
        assert_eq!(UserId::from_uuid(id.as_uuid()), id);
    }
}
