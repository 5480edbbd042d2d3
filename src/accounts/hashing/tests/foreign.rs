//! Hashes of other systems.

use std::time::{Duration, Instant};

use unicode_normalization::UnicodeNormalization as _;

use super::peers;
use super::{hasher, password, verify_with};
use crate::accounts::hashing::effort::Spent;
use crate::accounts::hashing::scheme::Family;
use crate::accounts::hashing::stored::Stored;
use crate::accounts::hashing::workers::Memory;
use crate::accounts::hashing::{
    HashParameters, Hasher, HasherOptions, ImportedCosts, PasswordHash, PasswordMatch, RefusedHash,
    TAG_LENGTH,
};
use crate::entropy::Entropy;

const TO_BE_REPLACED: PasswordMatch = PasswordMatch::Yes { outdated: true };
const TO_BE_KEPT: PasswordMatch = PasswordMatch::Yes { outdated: false };

async fn compare(hasher: &Hasher, typed: &str, text: &str) -> PasswordMatch {
    let hash = PasswordHash::imported(text).unwrap();
    verify_with(hasher, &password(typed), Some(&hash), &ImportedCosts::default()).await.unwrap()
}

async fn fits_its_password_and_no_other(hasher: &Hasher, text: &str) {
    let right = peers::PASSWORD;
    assert_eq!(compare(hasher, right, text).await, TO_BE_REPLACED, "{text}");
    let prefix = &right[..right.len() - 1];
    for wrong in ["", prefix, &format!("{right}s"), "Velvet otter hums at nine", text] {
        assert_eq!(compare(hasher, wrong, text).await, PasswordMatch::No, "{wrong:?}: {text}");
    }
}

#[tokio::test]
async fn imp_1_a_hash_of_another_program_fits_its_password_and_no_other() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    for text in peers::QUICK {
        fits_its_password_and_no_other(&hasher, text).await;
    }
}

mod nightly {
    use super::*;

    #[tokio::test]
    async fn imp_1_a_hash_of_the_usual_cost_fits_its_password_and_no_other() {
        let hasher = hasher(HasherOptions::cheap_for_tests());
        for text in peers::COSTLY {
            fits_its_password_and_no_other(&hasher, text).await;
        }
    }
}

#[test]
fn imp_1_every_hash_of_a_peer_can_be_imported() {
    for text in peers::QUICK.iter().chain(peers::COSTLY) {
        assert_eq!(PasswordHash::imported(text).unwrap().as_str(), *text);
    }
}

/// The holder of the first 72 bytes would otherwise choose what comes after them.
#[tokio::test]
async fn imp_3_a_hash_that_has_not_seen_all_of_a_password_is_kept() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let of = |count: usize| "a".repeat(count);
    for (count, outcome) in
        [(71, PasswordMatch::No), (72, TO_BE_REPLACED), (73, TO_BE_KEPT), (1024, TO_BE_KEPT)]
    {
        assert_eq!(compare(&hasher, &of(count), peers::OF_72_BYTES).await, outcome, "{count}");
    }
    // This one has: it is bcrypt of SHA-256.
    for (count, outcome) in
        [(99, PasswordMatch::No), (100, TO_BE_REPLACED), (101, PasswordMatch::No)]
    {
        let hash = peers::OF_100_BYTES_HASHED_FIRST;
        assert_eq!(compare(&hasher, &of(count), hash).await, outcome, "{count}");
    }
    let long = "0123456789".repeat(20);
    assert_eq!(compare(&hasher, &long, peers::OF_200_BYTES).await, TO_BE_REPLACED);
    assert_eq!(compare(&hasher, &long[..199], peers::OF_200_BYTES).await, PasswordMatch::No);
}

/// Bcrypt repeats its key with a NUL byte between, and HMAC fills its key up with them.
#[tokio::test]
async fn imp_4_a_password_with_a_nul_byte_fits_no_imported_hash() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let right = peers::PASSWORD;
    for text in peers::QUICK {
        for typed in [format!("{right}\0"), format!("{right}\0{right}"), format!("{right}\0more")] {
            assert_eq!(compare(&hasher, &typed, text).await, PasswordMatch::No, "{text}");
        }
    }
}

#[tokio::test]
async fn imp_5_a_password_is_tried_as_it_came_and_then_as_we_hash_it() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let apart: String = peers::WITH_MARKS.nfd().collect();
    let in_one: String = peers::WITH_MARKS.nfc().collect();
    assert_eq!(compare(&hasher, &apart, peers::OF_MARKS_APART).await, TO_BE_REPLACED);
    assert_eq!(compare(&hasher, &apart, peers::OF_MARKS_IN_ONE).await, TO_BE_REPLACED);
    assert_eq!(compare(&hasher, &in_one, peers::OF_MARKS_IN_ONE).await, TO_BE_REPLACED);
    assert_eq!(compare(&hasher, &in_one, peers::OF_MARKS_APART).await, PasswordMatch::No);
    // Ours fits however it is typed.
    let ours = hasher.hash(&password(&in_one)).await.unwrap();
    assert_eq!(compare(&hasher, &apart, ours.as_str()).await, TO_BE_KEPT);
}

#[test]
fn imp_2_costs_out_of_bounds_are_refused() {
    let tag = "QkFTRTY0QkFTRTY0QkFTRTY0QkFTRTY0QkFTRTY0MTI";
    let bcrypt = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let sha512 = &peers::QUICK[8]["$6$d6cMA9bINTysMoTC$".len()..];
    let hex = "00".repeat(64);
    let within = [
        format!("$2b$04${bcrypt}"),
        format!("$2b$15${bcrypt}"),
        format!("pbkdf2_sha256$1$salt${tag}="),
        format!("pbkdf2_sha256$2000000$salt${tag}="),
        format!("$pbkdf2-sha256$i=2000000$c2FsdHNhbHQ${tag}"),
        format!("pbkdf2:sha256:2000000$salt${hex}"),
        format!("$scrypt$ln=18,r=8,p=4$c2FsdHNhbHQ${tag}"),
        format!("$scrypt$ln=16,r=8,p=16$c2FsdHNhbHQ${tag}"),
        format!("scrypt:262144:8:4$salt${hex}"),
        format!("scrypt$2$salt$1$1${tag}="),
        format!("$argon2id$v=19$m=1048576,t=4,p=255$c2FsdHNhbHQ${tag}"),
        format!("$argon2id$v=19$m=262144,t=16,p=1$c2FsdHNhbHQ${tag}"),
        format!("$6$rounds=1000$salt${sha512}"),
        format!("$6$rounds=2000000$salt${sha512}"),
    ];
    for text in within {
        assert!(PasswordHash::imported(&text).is_ok(), "{text}");
    }
    let beyond = [
        format!("$2b$03${bcrypt}"),
        format!("$2b$16${bcrypt}"),
        format!("$2b$31${bcrypt}"),
        format!("bcrypt_sha256$$2b$16${bcrypt}"),
        format!("pbkdf2_sha256$0$salt${tag}="),
        format!("pbkdf2_sha256$2000001$salt${tag}="),
        format!("pbkdf2_sha1$99999999999999999999$salt${tag}="),
        format!("$pbkdf2-sha256$i=2000001$c2FsdHNhbHQ${tag}"),
        format!("$pbkdf2-sha512$2000001$c2FsdHNhbHQ${tag}"),
        format!("pbkdf2:sha256:2000001$salt${hex}"),
        format!("$scrypt$ln=18,r=9,p=1$c2FsdHNhbHQ${tag}"),
        format!("$scrypt$ln=19,r=8,p=1$c2FsdHNhbHQ${tag}"),
        format!("$scrypt$ln=63,r=1024,p=1$c2FsdHNhbHQ${tag}"),
        format!("$scrypt$ln=18,r=8,p=5$c2FsdHNhbHQ${tag}"),
        format!("scrypt:262144:8:16$salt${hex}"),
        format!("$argon2id$v=19$m=1048576,t=5,p=1$c2FsdHNhbHQ${tag}"),
        format!("$argon2id$v=19$m=262145,t=16,p=1$c2FsdHNhbHQ${tag}"),
        format!("$scrypt$ln=10,r=8,p=17$c2FsdHNhbHQ${tag}"),
        format!("$scrypt$ln=10,r=8,p=0$c2FsdHNhbHQ${tag}"),
        format!("$scrypt$ln=1,r=1025,p=16$c2FsdHNhbHQ${tag}"),
        format!("scrypt:524288:8:1$salt${hex}"),
        format!("scrypt$1048576$salt$8$1${tag}="),
        format!("$argon2id$v=19$m=1048577,t=1,p=1$c2FsdHNhbHQ${tag}"),
        format!("$argon2id$v=19$m=1024,t=17,p=1$c2FsdHNhbHQ${tag}"),
        format!("$argon2i$v=19$m=8192,t=1,p=256$c2FsdHNhbHQ${tag}"),
        format!("argon2$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ${tag}"),
        format!("$6$rounds=999$salt${sha512}"),
        format!("$6$rounds=2000001$salt${sha512}"),
        format!("$6$rounds=999999999$salt${sha512}"),
    ];
    for text in beyond {
        assert_eq!(PasswordHash::imported(&text), Err(RefusedHash::Cost), "{text}");
    }
}

/// The one parser takes the first value, the other the last.
#[test]
fn imp_2_an_argon2_hash_with_a_parameter_twice_is_refused() {
    let tag = "A".repeat(43);
    for parameters in ["m=64,m=128,t=1,p=1", "m=64,t=1,t=16,p=1", "m=64,t=1,p=1,p=1"] {
        for begin in ["$argon2id", "argon2$argon2id"] {
            let text = format!("{begin}$v=19${parameters}$c2FsdHNhbHQ${tag}");
            assert_eq!(PasswordHash::imported(&text), Err(RefusedHash::Malformed), "{text}");
        }
    }
    let once = format!("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ${tag}");
    assert!(PasswordHash::imported(&once).is_ok());
}

#[test]
fn imp_2_short_digests_and_endless_ones_are_refused() {
    let padded = |bytes: usize| {
        let bytes = vec![b'x'; bytes];
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
    };
    for (bytes, fits) in [(0, false), (1, false), (15, false), (16, true), (64, true), (65, false)]
    {
        let text = format!("pbkdf2_sha256$1000$salt${}", padded(bytes));
        assert_eq!(PasswordHash::imported(&text).is_ok(), fits, "{bytes}");
        let text = format!("pbkdf2:sha256:1000$salt${}", "00".repeat(bytes));
        assert_eq!(PasswordHash::imported(&text).is_ok(), fits, "{bytes}");
    }
    for (salt, fits) in [(0, false), (1, true), (128, true), (129, false)] {
        let text = format!("pbkdf2_sha256$1000${}${}", "s".repeat(salt), padded(32));
        assert_eq!(PasswordHash::imported(&text).is_ok(), fits, "{salt}");
    }
}

#[test]
fn imp_2_anything_else_is_refused_with_what_is_understood() {
    let of = |text: &str| PasswordHash::imported(text).unwrap_err();
    for unknown in [
        "",
        "secret",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "sha1$salt$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$5$salt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1",
        "$7$C6..../....SodiumChloride",
        "$y$j9T$salt$hash",
        "{SSHA}2SJUGhi6ksBZhUFSYWx8ao8y0qU",
        "$argon2xx$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$2b$04$u5mnjCvOcsUzK4knNokc0Osf21pJWdMuPKs69uMeGdMKoYfqeCVm\u{e9}",
        "pbkdf2:sha3:5000$salt$00",
        "$2b$04$u5mnjCvOcsUzK4knNokc0Osf21pJWdMuPKs69uMeGdMKoYfqeCVmq\n",
    ] {
        assert_eq!(of(unknown), RefusedHash::Unknown, "{unknown:?}");
    }
    assert!(of("secret").to_string().contains("bcrypt ($2a$, $2b$, $2y$)"));
    assert_eq!(of(peers::OF_NODE), RefusedHash::CostUnknown);
    assert!(of(peers::OF_NODE).to_string().contains("scrypt:16384:16:1$salt$hash"));
    let faulty = peers::QUICK[13].replace("$2b$", "$2x$");
    assert_eq!(of(&faulty), RefusedHash::Faulty);
    assert_eq!(of(&format!("bcrypt${faulty}")), RefusedHash::Faulty);
}

/// Cut, doubled or with a sign too many, a hash is none.
#[test]
fn imp_2_a_damaged_hash_is_refused() {
    for text in peers::QUICK {
        let whole = Stored::read(text).unwrap();
        for length in 0..text.len() {
            // With PBKDF2 and scrypt the beginning of a hash is a hash, if a shorter one.
            let is_shorter = |cut: Stored| cut.tag.len() >= 16 && whole.tag.starts_with(&cut.tag);
            assert!(
                Stored::read(&text[..length]).is_ok_and(is_shorter) || {
                    PasswordHash::imported(&text[..length]).is_err()
                }
            );
        }
        for damaged in [format!("{text}$"), format!("{text}{text}"), format!(" {text}"), {
            text.replacen('$', "", 1)
        }] {
            assert!(PasswordHash::imported(&damaged).is_err(), "{damaged}");
        }
    }
}

#[test]
fn costs_are_written_and_read_and_only_rise() {
    let mut costs = ImportedCosts::default();
    assert!(costs.is_empty());
    for hash in [PasswordHash::none(), PasswordHash::from_stored("nonsense".to_owned())] {
        costs.add(&hash);
    }
    assert!(costs.is_empty());
    for text in peers::QUICK {
        let before = costs.clone();
        costs.add(&PasswordHash::imported(text).unwrap());
        let mut merged = costs.clone();
        merged.merge(&before);
        assert_eq!(merged, costs);
    }
    assert_eq!(ImportedCosts::parse(&costs.to_text()), Some(costs.clone()));
    assert!(costs.to_text().contains(r#""bcrypt":{"units":1024,"#), "{}", costs.to_text());
    assert_eq!(ImportedCosts::parse("{\"rot13\":{}}"), None);
}

/// However cheap the hash of an account is, a refusal is the work of the costliest of each family.
#[test]
fn imp_6_every_refusal_is_the_same_work() {
    let ours = HashParameters::cheap_for_tests();
    let mut costs = ImportedCosts::default();
    for text in peers::QUICK {
        costs.add(&PasswordHash::imported(text).unwrap());
    }
    for forms in [1, 2] {
        let all = costs.of_refusal(&ours, forms);
        let mut nobody = Spent::default();
        nobody.fill_up(&all, "wrong", &mut Memory::default()).unwrap();
        for text in peers::QUICK {
            let mut spent = Spent::default();
            let stored = Stored::read(text).unwrap();
            let texts = vec!["wrong"; forms];
            let fit = stored.compare(&texts, &ours, (&mut Memory::default(), &mut spent)).unwrap();
            assert_eq!(fit, None);
            spent.fill_up(&all, "wrong", &mut Memory::default()).unwrap();
            for (name, units) in nobody.units() {
                let here = spent.units().find(|(family, _)| *family == name).unwrap().1;
                let difference = units.abs_diff(here);
                assert!(difference * 50 <= units, "{name:?}: {here}, not {units}: {text}");
            }
        }
    }
}

#[test]
fn without_imports_a_refusal_is_one_hash_of_ours() {
    let ours = HashParameters::default();
    let all = ImportedCosts::default().of_refusal(&ours, 1);
    let expected = ours.scheme().effort(TAG_LENGTH);
    assert_eq!(all.units().collect::<Vec<_>>(), [(Family::Argon2, expected.1.units)]);
    assert!((35_000..45_000).contains(&all.microseconds()));
}

#[tokio::test]
async fn imp_6_the_time_of_a_refusal_tells_nothing_of_an_imported_hash() {
    let hasher = Hasher::start(Entropy::operating_system()).unwrap();
    let ours = hasher.hash(&password(peers::PASSWORD)).await.unwrap();
    let strong = PasswordHash::imported(peers::QUICK[14]).unwrap();
    let weak = PasswordHash::imported(peers::QUICK[13]).unwrap();
    let mut costs = ImportedCosts::default();
    costs.add(&strong);
    let cases = [None, Some(&ours), Some(&strong), Some(&weak)];
    let mut fastest = [Duration::MAX; 4];
    for turn in 1..=200 {
        for (hash, fastest) in cases.iter().zip(&mut fastest) {
            let start = Instant::now();
            let matched = verify_with(&hasher, &password("wrong"), *hash, &costs).await.unwrap();
            assert_eq!(matched, PasswordMatch::No);
            *fastest = start.elapsed().min(*fastest);
        }
        let nobody = fastest[0].as_secs_f64();
        let alike = |took: &Duration| (0.8..1.25).contains(&(took.as_secs_f64() / nobody));
        if turn >= 9 && fastest.iter().all(alike) {
            return;
        }
    }
    panic!("the time tells which it was: {fastest:?}");
}

#[tokio::test]
async fn imp_7_costly_hashes_count_in_the_queue_as_what_they_are() {
    let hasher = hasher(HasherOptions {
        threads: std::num::NonZeroUsize::MIN,
        parameters: HashParameters::default(),
        ..HasherOptions::default()
    });
    let (release, first) = super::occupy(&hasher).await;
    let mut costs = ImportedCosts::default();
    // About a second.
    costs.add(&PasswordHash::imported(&peers::QUICK[13].replace("$04$", "$14$")).unwrap());
    let slot = hasher.reserve_slot().unwrap();
    slot.weigh(
        HashParameters::default().weight_of(&costs.of_refusal(&HashParameters::default(), 1)),
    );
    let slots: Vec<_> = std::iter::from_fn(|| hasher.reserve_slot().ok()).collect();
    assert!((15..30).contains(&slots.len()), "{}", slots.len());
    drop((slots, slot));
    let slots: Vec<_> = std::iter::from_fn(|| hasher.reserve_slot().ok()).collect();
    assert_eq!(slots.len(), 50);
    drop((slots, release));
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_disabled_account_is_refused_with_the_right_password() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let hash = PasswordHash::imported(peers::QUICK[13]).unwrap();
    let expected = super::Expected {
        hash: Some(&hash),
        is_active: false,
        imported: &ImportedCosts::default(),
    };
    let slot = hasher.reserve_slot().unwrap();
    let matched = hasher.verify(slot, &password(peers::PASSWORD), expected).await.unwrap();
    assert_eq!(matched, PasswordMatch::No);
}
