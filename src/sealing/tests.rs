use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{Place, SealError, Sealing};
use crate::entropy::Entropy;

const HERE: Place<'static> = Place { purpose: "totp secret", row: b"row 1" };

fn sealing(folder: &TempDir) -> Sealing {
    Sealing::with(folder.path().join("anteroom.key"), Entropy::operating_system())
}

#[test]
fn a_value_is_opened_in_its_own_row_only_and_as_it_was_written() {
    let folder = TempDir::new().unwrap();
    let sealing = sealing(&folder);
    let key = sealing.create().unwrap();

    let sealed = sealing.seal(key, HERE, b"velvet otter").unwrap();

    assert_eq!(sealing.open(HERE, &sealed).unwrap().expose_secret(), b"velvet otter");
    assert!(!sealed.windows(6).any(|part| part == b"velvet"));
    assert_ne!(sealing.seal(key, HERE, b"velvet otter").unwrap(), sealed, "a nonce came twice");
    for (purpose, row) in [
        ("totp secret", &b"row 2"[..]),
        ("totp secretr", b"ow 1"),
        ("totp secre", b"trow 1"),
        ("signing key", b"row 1"),
    ] {
        let opened = sealing.open(Place { purpose, row }, &sealed);
        assert!(matches!(opened, Err(SealError::Broken)), "{purpose}");
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let opened = sealing.open(HERE, &changed);
        assert!(
            matches!(opened, Err(SealError::Broken | SealError::WrongKey { .. })),
            "byte {at} does not count"
        );
        assert!(matches!(sealing.open(HERE, &sealed[..at]), Err(SealError::Broken)));
    }
}

#[test]
fn a_running_server_finds_a_key_that_was_added_to_the_file() {
    let folder = TempDir::new().unwrap();
    let (command, server) = (sealing(&folder), sealing(&folder));
    let old = command.create().unwrap();
    let before = server.seal(old, HERE, b"before").unwrap();

    let new = command.prepend_new(old).unwrap();
    assert_eq!(command.read().unwrap(), [new, old]);
    let after = command.seal(new, HERE, b"after").unwrap();
    command.keep_only(new).unwrap();

    assert_eq!(server.open(HERE, &after).unwrap().expose_secret(), b"after");
    // A value that it read before the rotation came by.
    assert_eq!(server.open(HERE, &before).unwrap().expose_secret(), b"before");
    assert_eq!(server.read().unwrap(), [new]);
    let opened = sealing(&folder).open(HERE, &before);
    assert!(matches!(opened, Err(SealError::WrongKey { .. })));
}

#[test]
fn the_file_is_for_its_owner_only_and_is_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.key");
    let one = sealing(&folder);
    assert!(matches!(one.read(), Err(SealError::NoFile { .. })));

    let id = one.create().unwrap();

    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.len() == 44 && text.ends_with('\n'), "{}", text.len());
    assert!(matches!(one.create(), Err(SealError::Exists { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    // One that a group may read stays so.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    one.prepend_new(id).unwrap();
    assert_eq!(mode(&path), 0o640);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    assert!(!format!("{one:?}").contains(text.trim()));
}

#[test]
fn a_file_that_holds_no_key_is_refused_and_nothing_of_it_is_shown() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.key");
    for text in [
        "",
        "\n",
        "velvet otter\n",
        "dmVsdmV0IG90dGVy\n",
        " \n\n",
        &format!("{}\nvelvet", "A".repeat(43)),
    ] {
        fs::write(&path, text).unwrap();
        let refused = sealing(&folder).read().unwrap_err();
        assert!(matches!(refused, SealError::Malformed { .. }), "{text:?}: {refused}");
        assert!(!format!("{refused} {refused:?}").contains("velvet"));
    }
    // As `openssl rand -base64 32 | tr +/ -_` writes it.
    fs::write(&path, format!("{}=", "A".repeat(43))).unwrap();
    assert_eq!(sealing(&folder).read().unwrap().len(), 1);
}

#[test]
fn only_one_command_rotates_at_a_time() {
    let folder = TempDir::new().unwrap();
    let one = sealing(&folder);
    let held = one.file().lock().unwrap();
    assert!(matches!(sealing(&folder).file().lock(), Err(SealError::Busy)));
    drop(held);
    sealing(&folder).file().lock().unwrap();
}

#[test]
fn blank_lines_of_the_key_file_do_not_matter() {
    let folder = TempDir::new().unwrap();
    let sealing = sealing(&folder);
    let key = sealing.create().unwrap();
    let path = folder.path().join("anteroom.key");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n \n")).unwrap();
    assert_eq!(sealing.read().unwrap(), [key]);
}
