use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

use super::*;

fn below(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder)
}

fn corpus_of(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(below("corpus").join(target)).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The words of a dictionary in the form of libFuzzer: a text in quotation marks per line.
fn words_of(target: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(below("fuzz").join(format!("{target}.dict"))).unwrap();
    let word = |line: &str| line.strip_prefix('"')?.strip_suffix('"').map(unescaped);
    text.lines().map(|line| word(line).unwrap()).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => match rest.next().unwrap() {
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                }
                escaped => bytes.push(escaped),
            },
            plain => bytes.push(plain),
        }
    }
    bytes
}

/// Something that a parser may stumble over: a word that means something to it, mostly.
fn piece(words: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => select(words),
        2 => "[a-zA-Z0-9 ./:;,=-]".prop_map(String::into_bytes),
        1 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ]
}

/// Words in a row, or an input of the corpus with pieces put in and cut out.
fn likely_input(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<_> = corpus_of(target).into_iter().map(|(_, bytes)| bytes).collect();
    let words = words_of(target);
    let edit = (any::<Index>(), 0..4_usize, piece(words.clone()));
    let edited = (select(seeds), prop::collection::vec(edit, 1..5)).prop_map(|(seed, edits)| {
        edits.into_iter().fold(seed, |mut input, (place, cut, piece)| {
            let start = place.index(input.len() + 1);
            let end = input.len().min(start + cut);
            input.splice(start..end, piece);
            input
        })
    });
    let row = prop::collection::vec(piece(words), 0..12).prop_map(|pieces| pieces.concat());
    prop_oneof![row, edited]
}

fn holds(target_name: &str) {
    let (check, input) = (target(target_name), likely_input(target_name));
    let config =
        ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    let run = TestRunner::new(config).run(&input, |input| {
        check(&input);
        Ok(())
    });
    run.unwrap();
}

macro_rules! properties {
    ($($target:ident)*) => {
        mod whatever_comes_in_the_rules_hold_for {
            $(#[test]
            fn $target() {
                super::holds(stringify!($target));
            })*
        }

        #[test]
        fn every_target_has_its_property() {
            let tested = [$(stringify!($target)),*];
            assert_eq!(tested.as_slice(), TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        }
    };
}

properties! {
    access_token cookie device duration email form groups guard host id if_match json language mask
    merge_patch name network next password password_hash public_url query rule_path rules settings stored_data
    value
}

#[test]
fn every_input_of_the_corpus_is_taken_as_the_rules_say() {
    for (name, check) in TARGETS {
        for (path, input) in corpus_of(name) {
            let held = std::panic::catch_unwind(|| check(&input));
            assert!(held.is_ok(), "{}", path.display());
        }
    }
}

#[test]
fn every_target_has_a_corpus_and_a_dictionary_and_no_other_has() {
    let known: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = |folder: &str, ending: &str| -> BTreeSet<String> {
        let files = fs::read_dir(below(folder)).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        files.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
    };
    assert_eq!(names("corpus", ""), known);
    assert_eq!(names("fuzz", ".dict"), known);
    for name in known {
        let corpus = corpus_of(&name);
        assert!((3..100).contains(&corpus.len()), "{name}: {} inputs", corpus.len());
        assert!(corpus.iter().all(|(_, input)| input.len() <= 16 * 1024 + 1), "{name}");
        assert!(!words_of(&name).is_empty(), "{name}");
    }
}
