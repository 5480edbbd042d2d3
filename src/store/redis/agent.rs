//! Compresses user agents, which mostly consist of a few phrases.
//!
//! A phrase becomes one byte that is invalid in UTF-8, so every text is restored exactly.

/// The phrase of each byte of [`CODES`], in the same order. Records contain these bytes, so a
/// change needs a new record version.
const PHRASES: [&str; 13] = [
    "Mozilla/5.0 (",
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "Linux; Android 10; K",
    "iPhone; CPU iPhone OS ",
    " like Mac OS X",
    ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    ") AppleWebKit/605.1.15 (KHTML, like Gecko) Version/",
    ".0.0.0",
    " Safari/537.36",
    " Mobile",
    ") Gecko/20100101 Firefox/",
];

/// Bytes that are invalid in UTF-8.
const CODES: [u8; 13] =
    [0xC0, 0xC1, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF];

pub(super) fn shorten(text: &str, into: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let known = PHRASES.iter().zip(CODES).find_map(|(phrase, code)| {
            rest.strip_prefix(phrase.as_bytes()).map(|after| (code, after))
        });
        let (byte, after) = known.unwrap_or((*first, after));
        into.push(byte);
        rest = after;
    }
}

/// `None`: the bytes are corrupt.
pub(super) fn expand(bytes: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    for byte in bytes {
        match CODES.iter().position(|code| code == byte) {
            Some(index) => text.extend_from_slice(PHRASES[index].as_bytes()),
            None => text.push(*byte),
        }
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests;
