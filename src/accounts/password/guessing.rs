//! Rejects passwords that attackers try first: personal data and common passwords.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use super::WeakPassword;

/// Everybody who attacks this service knows its name.
const SERVICE: &str = "anteroom";

/// Refuses a password that is mostly made of what is known of the person, and in which little else
/// is left to guess.
pub(super) fn refuse_personal(text: &str, personal: &[&str]) -> Result<(), WeakPassword> {
    const LITTLE: usize = 8;
    let letters = letters_of(text);
    let mut rest = letters.clone();
    for word in words(personal) {
        rest = rest.replace(&word, "");
    }
    let (all, left) = (letters.chars().count(), rest.chars().count());
    if left < LITTLE && left * 2 <= all && left < all {
        return Err(WeakPassword::Personal);
    }
    Ok(())
}

/// Refuses a password that zxcvbn would have guessed in fewer than 10^10 tries, or 10^`min` where
/// that is less: by its measure any random password of `min` characters passes.
///
/// Only the beginning is judged: to guess the whole, an attacker has to guess that too.
pub(super) fn refuse_guessable(
    text: &str,
    personal: &[&str],
    min: usize,
) -> Result<(), WeakPassword> {
    const BEGINNING: usize = 64;
    let beginning: String = text.chars().take(BEGINNING).collect();
    let words = words(personal);
    let known: Vec<&str> = words.iter().map(String::as_str).collect();
    let enough = f64::from(u32::try_from(min).unwrap_or(u32::MAX).min(10));
    let said_once = without_repeated_words(&beginning);
    for spelling in [Some(beginning), said_once].into_iter().flatten().flat_map(cheap_spellings) {
        let estimate = zxcvbn::zxcvbn(&spelling, &known);
        if estimate.guesses_log10() < enough {
            let advice = estimate.feedback().map(ToString::to_string).unwrap_or_default();
            let advice = if advice.is_empty() { "It is made of common words." } else { &advice };
            return Err(WeakPassword::Guessable { advice: advice.trim().to_owned() });
        }
    }
    Ok(())
}

/// The text without the words that it has had already, if it has any twice: saying a word again
/// makes nothing harder to guess, and zxcvbn finds a repetition only where nothing stands between.
pub(super) fn without_repeated_words(text: &str) -> Option<String> {
    const LEAST: usize = 2;
    let mut said = BTreeSet::new();
    let all: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let mut is_new = |word: &&str| word.chars().count() < LEAST || said.insert(word.to_lowercase());
    let once: Vec<&str> = all.iter().copied().filter(|word| is_new(word)).collect();
    (once.len() < all.len()).then(|| once.join(" "))
}

/// The signs that zxcvbn may read as a letter, and that letter. Digits are left out: they have few
/// readings.
const READ_AS_LETTERS: (&str, &str) = ("@({[<!|$+%", "accccilstx");
/// The signs of a keyboard that need Shift, and what their keys give without it.
const SHIFTED: (&str, &str) = ("~!@#$%^&*()_+{}|:\"<>?", "`1234567890-=[]\\;',./");

/// The text as zxcvbn is to read it. It tries every combination of readings of signs: with a few
/// signs that finds `p@$$word`, with many it takes seconds. Text with many is therefore read twice,
/// once with the letters that the signs stand for and once without Shift, which keeps words, rows
/// of keys and sequences in sight.
fn cheap_spellings(text: String) -> Vec<String> {
    const FEW: usize = 2;
    if READ_AS_LETTERS.0.chars().filter(|sign| text.contains(*sign)).count() <= FEW {
        return vec![text];
    }
    let spell = |(from, to): (&str, &str)| {
        let read = |c| from.chars().zip(to.chars()).find_map(|(f, t)| (f == c).then_some(t));
        text.chars().map(|c| read(c).unwrap_or(c)).collect()
    };
    vec![spell(READ_AS_LETTERS), spell(SHIFTED)]
}

/// Known facts about a person: the texts, an address without its domain, the single words. The
/// longest first, so that a part does not break up the whole.
fn words(personal: &[&str]) -> Vec<String> {
    let parts = personal.iter().chain([&SERVICE]).flat_map(|text| {
        let local_part = text.split_once('@').map_or(*text, |(local, _)| local);
        [*text, local_part].into_iter().chain(local_part.split(|c: char| !c.is_alphanumeric()))
    });
    let words: BTreeSet<String> =
        parts.map(letters_of).filter(|word| word.chars().count() > 1).collect();
    let mut words: Vec<String> = words.into_iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// Only letters and digits, in one form and case.
fn letters_of(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}
