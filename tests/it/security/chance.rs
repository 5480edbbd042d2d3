//! Tokens are drawn by chance, from the operating system, and from nowhere else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anteroom::accounts::Role;
use anteroom::sessions::{Client, NewSession, Owner};

use crate::harness::app::{Kind, TestApp};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Above these a sum of squares is beyond chance: for all 43 places together a fair generator gets
/// there once in three million runs.
const MOST_FOR_64_LETTERS: f64 = 150.0;
const MOST_FOR_16_LETTERS: f64 = 72.0;

/// What in these tokens is not as chance would have it.
fn oddities(tokens: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let distinct: BTreeSet<_> = tokens.iter().collect();
    if distinct.len() < tokens.len() {
        found.push(format!("{} of {} are distinct", distinct.len(), tokens.len()));
    }
    for token in tokens {
        if token.len() != 43 || token.bytes().any(|letter| !ALPHABET.contains(&letter)) {
            found.push(format!("{token} is of another kind"));
            return found;
        }
    }
    for place in 0..43 {
        // The last letter holds four bits.
        let (letters, most) =
            if place == 42 { (16, MOST_FOR_16_LETTERS) } else { (64, MOST_FOR_64_LETTERS) };
        let sum = sum_of_squares(tokens, place, letters);
        if sum > most {
            found.push(format!("place {place}: {sum:.0} instead of about {letters}"));
        }
    }
    // One in 64 letters is that of the token before; the deviation is six hundredths of that.
    let pairs = tokens.windows(2).flat_map(|pair| pair[0].bytes().zip(pair[1].bytes()).take(42));
    let (all, same) = pairs.fold((0_u32, 0_u32), |(all, same), (one, other)| {
        (all + 1, same + u32::from(one == other))
    });
    let expected = f64::from(all) / 64.0;
    if (f64::from(same) - expected).abs() > 6.0 * expected.sqrt() {
        found.push(format!("{same} letters are those of the token before, not {expected:.0}"));
    }
    found
}

/// Chi-square of the letters at one place against all letters alike.
fn sum_of_squares(tokens: &[String], place: usize, letters: u32) -> f64 {
    let mut counts = [0_u32; 64];
    for token in tokens {
        let letter = ALPHABET.iter().position(|known| *known == token.as_bytes()[place]);
        counts[letter.unwrap()] += 1;
    }
    let expected = f64::from(u32::try_from(tokens.len()).unwrap()) / f64::from(letters);
    let possible = counts.iter().enumerate().map(|(letter, count)| {
        // With four bits every fourth letter is possible; any other is a deviation of its own.
        let expected = if letters == 64 || letter % 4 == 0 { expected } else { 0.0 };
        (f64::from(*count) - expected).powi(2) / expected.max(1.0)
    });
    possible.sum()
}

#[tokio::test]
async fn sid_1_attack_20_ten_thousand_tokens_are_distinct_and_look_like_chance() {
    let app = TestApp::start(Kind::Memory).await;
    let mut owners = Vec::new();
    for email in ["ada@example.org", "bob@example.org"] {
        let account = app.add(email, Role::User).await;
        owners.push(Owner::User { id: account.user.id, epoch: account.epoch });
    }

    let mut tokens = Vec::new();
    for n in 0..10_000 {
        let beginning = NewSession {
            owner: owners[n % 2],
            administrator: false,
            second_factor: None,
            passkey: None,
            remember_me: n % 3 == 0,
            client: Client::default(),
            previous_token: None,
            last_epoch_reason: None,
        };
        let started = app.anteroom.sessions().start(beginning).await.unwrap();
        tokens.push(started.token.reveal().to_owned());
    }

    assert_eq!(oddities(&tokens), Vec::<String>::new());
}

/// A sequence that is fair enough for a test, and the same in every run.
fn sequence(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// The bytes of a token that is fair.
fn fair(next: &mut impl FnMut() -> u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&next().to_be_bytes()));
    bytes
}

#[test]
fn what_is_not_chance_is_noticed() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let odd = |spoil: fn(u64, &mut [u8; 32])| {
        let mut next = sequence(1);
        let tokens = (0..10_000).map(|n| {
            let mut bytes = fair(&mut next);
            spoil(n, &mut bytes);
            URL_SAFE_NO_PAD.encode(bytes)
        });
        oddities(&tokens.collect::<Vec<_>>()).len()
    };

    assert_eq!(odd(|_, _| ()), 0);
    let with_the_time: fn(u64, &mut [u8; 32]) =
        |n, bytes| bytes[..8].copy_from_slice(&(1_700_000_000_000 + n).to_be_bytes());
    assert!(odd(with_the_time) > 5);
    assert!(odd(|_, bytes| bytes[6] |= 0x40) > 0, "a bit that is always set");
    assert!(odd(|n, bytes| bytes[31] |= u8::from(n % 8 == 3)) > 0, "a bit that leans");
    let one_twice: fn(u64, &mut [u8; 32]) = |n, bytes| {
        if n == 9_999 {
            *bytes = fair(&mut sequence(1));
        }
    };
    assert_eq!(odd(one_twice), 1);
}

/// The code of every file below `folder` that is no test, comments aside.
fn product_code(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.ends_with("/tests") {
                product_code(&path, found);
            }
        } else if path.extension().is_some_and(|end| end == "rs") && !name.ends_with("/tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push((name, code.collect::<Vec<_>>().join("\n")));
        }
    }
}

#[test]
fn sid_2_chance_comes_from_the_operating_system_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = Vec::new();
    product_code(&root.join("src"), &mut code);
    assert!(code.len() > 60, "these are not the sources");

    let other_sources = [
        "rand::",
        "fastrand",
        "thread_rng",
        "OsRng",
        "RandomState",
        "Uuid::new_v4(",
        "now_v7(",
        "v7(",
        "now_v1(",
        "from_seed",
        "/dev/random",
        "/dev/urandom",
    ];
    for (name, text) in &code {
        let is_entropy = name.ends_with("src/entropy.rs");
        assert_eq!(text.contains("getrandom::"), is_entropy, "{name} and getrandom");
        assert!(is_entropy || !text.contains("scripted("), "{name} scripts chance");
        for source in other_sources {
            // What people send must not be able to crowd one place of a table; no secret is drawn.
            let tables = ["memory/interned.rs", "sessions/service/recent_activity.rs"];
            let is_for_tables =
                source == "RandomState" && tables.iter().any(|table| name.ends_with(table));
            // Only tests have this key.
            let is_for_tests = source == "rand::" && name.ends_with("passkey/software_key.rs");
            // `ring` takes the random bytes of its keys and signatures from no other source.
            let is_for_keys = source == "rand::" && name.ends_with("tokens/signing_key.rs");
            let is_allowed = is_for_tables || is_for_tests || is_for_keys;
            assert!(is_allowed || !text.contains(source), "{name} names {source}");
        }
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    for library in ["rand", "fastrand", "nanoid", "oorandom"] {
        let named = dependencies.lines().any(|line| line.starts_with(&format!("{library} ")));
        assert!(!named, "{library} is a dependency");
    }
}
