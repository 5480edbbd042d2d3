//! Answers of a mail server, for the log and for administrators.

use super::MailServer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;

const LONGEST: usize = 300;
/// A run of characters this long may be a token: a server can quote the message in its answer.
const TOKEN: usize = 40;

/// The text without credentials, tokens and control characters, cut to a few hundred characters.
pub(super) fn cleaned(text: &str, server: Option<&MailServer>) -> String {
    let mut text = text.to_owned();
    if let Some((user, password)) = server.and_then(|server| server.credentials.as_ref()) {
        let password = password.expose_secret();
        let both = format!("\0{user}\0{password}");
        let secrets = [&*both, password, user].map(|secret| (secret, STANDARD.encode(secret)));
        for (secret, encoded) in &secrets {
            text = text.replace(encoded, "***").replace(secret, "***");
        }
    }
    let text: String =
        text.chars().map(|c| if c.is_control() || is_unseen(c) { ' ' } else { c }).collect();
    let words = text.split_whitespace().map(without_tokens);
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// Marks of direction and the like, which change how the rest of a line is shown.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn without_tokens(word: &str) -> String {
    let of_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (mut cleaned, mut run) = (String::new(), String::new());
    for c in word.chars().chain(['\0']) {
        if of_token(c) {
            run.push(c);
            continue;
        }
        cleaned.push_str(if run.len() >= TOKEN { "***" } else { &run });
        run.clear();
        if c != '\0' {
            cleaned.push(c);
        }
    }
    cleaned
}
