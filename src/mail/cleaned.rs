//! Answers of a mail server, for the log and for administrators.

use super::MailServer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;

const LONGEST: usize = 300;
/// A run of characters this long may be a token: a server can quote the message in its answer.
const TOKEN: usize = 40;
/// A run of characters this long that is in the token of the message is a part of it.
const PART_OF_TOKEN: usize = 6;
/// Precedes the token in a link.
const BEFORE_TOKEN: &str = "token=";

/// The text without credentials, tokens and control characters, cut to a few hundred characters.
/// `token`: the one in the message that the text answers.
pub(super) fn cleaned(text: &str, server: Option<&MailServer>, token: Option<&str>) -> String {
    let mut text = text.to_owned();
    if let Some((user, password)) = server.and_then(|server| server.credentials.as_ref()) {
        let password = password.expose_secret();
        let both = format!("\0{user}\0{password}");
        let secrets = [&*both, password, user].map(|secret| (secret, STANDARD.encode(secret)));
        for (secret, encoded) in &secrets {
            text = text.replace(encoded, "***").replace(secret, "***");
        }
    }
    let text = cut_at_token(&text).unwrap_or(text);
    let text: String =
        text.chars().map(|c| if c.is_control() || is_unseen(c) { ' ' } else { c }).collect();
    let words = text.split_whitespace().map(|word| without_tokens(word, token));
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// Marks of direction and the like, which change how the rest of a line is shown.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text up to a link with a token, if it has one. A server may quote the message as it was sent:
/// quoted-printable, in which lines are broken, also within the token.
fn cut_at_token(text: &str) -> Option<String> {
    let decoded = from_quoted_printable(text);
    let at = decoded.to_ascii_lowercase().find(BEFORE_TOKEN)?;
    let kept = decoded.get(..at + BEFORE_TOKEN.len())?;
    Some(format!("{kept}***"))
}

/// Without soft line breaks and escapes of ASCII. The lines of an answer may be joined by spaces.
fn from_quoted_printable(text: &str) -> String {
    let (mut decoded, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('=') {
        decoded.push_str(before);
        let is_soft_break = !before.ends_with(' ') && after.starts_with(char::is_whitespace);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii_graphic) {
            _ if is_soft_break => rest = after.trim_start(),
            Some(code) => {
                decoded.push(char::from(code));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push('=');
                rest = after;
            }
        }
    }
    decoded + rest
}

fn without_tokens(word: &str, token: Option<&str>) -> String {
    let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/');
    let is_secret = |run: &str| {
        let is_part = |token: &str| run.len() >= PART_OF_TOKEN && token.contains(run);
        run.len() >= TOKEN || token.is_some_and(is_part)
    };
    let (mut cleaned, mut run) = (String::new(), String::new());
    for c in word.chars().chain(['\0']) {
        if of_token(c) {
            run.push(c);
            continue;
        }
        cleaned.push_str(if is_secret(&run) { "***" } else { &run });
        run.clear();
        if c != '\0' {
            cleaned.push(c);
        }
    }
    cleaned
}
