//! Prompts: for a password, and for a confirmation.

use std::io::{self, BufRead, IsTerminal as _, Write};

use secrecy::{ExposeSecret as _, SecretString};

use super::escaping::escaped;

#[cfg(test)]
mod tests;

/// Maximum length of a password in bytes.
const MAX_BYTES: usize = 4096;

/// Why a prompt failed.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// There is no terminal to prompt for a password.
    #[error("no terminal to prompt for the password; use --password-stdin")]
    NoTerminal(#[source] io::Error),
    /// There is no terminal to ask for confirmation.
    #[error("no terminal to ask for confirmation; use --yes")]
    NoConfirmation,
    /// Stdin has no first line, or an empty one.
    #[error("the password is empty")]
    Empty,
    /// The first line of stdin is too long.
    #[error("the first line of stdin is longer than {MAX_BYTES} bytes; pipe in the password alone")]
    TooLong,
    /// The first line of stdin is not UTF-8.
    #[error("the first line of stdin is not UTF-8; pipe in the password as UTF-8")]
    NotUtf8,
    /// The two passwords are not the same.
    #[error("the two passwords differ; run the command again")]
    Differ,
    /// Stdin or stderr failed.
    #[error("stdin or the terminal failed: {0}; run the command again")]
    Failed(#[from] io::Error),
}

/// Prompts twice for a new password without echo, or reads the first line of stdin.
///
/// # Errors
/// [`TerminalError`] says what to do.
pub fn new_password(from_stdin: bool) -> Result<SecretString, TerminalError> {
    if from_stdin {
        return first_line(io::stdin().lock());
    }
    asked_twice(|prompt| rpassword::prompt_password(prompt).map_err(TerminalError::NoTerminal))
}

fn asked_twice(
    mut ask: impl FnMut(&str) -> Result<String, TerminalError>,
) -> Result<SecretString, TerminalError> {
    let first = SecretString::from(ask("New password: ")?);
    if first.expose_secret().is_empty() {
        return Err(TerminalError::Empty);
    }
    let second = SecretString::from(ask("Repeat password: ")?);
    if first.expose_secret() == second.expose_secret() {
        Ok(first)
    } else {
        Err(TerminalError::Differ)
    }
}

/// The first line without its line end. Blanks may belong to the password.
fn first_line(input: impl BufRead) -> Result<SecretString, TerminalError> {
    let mut line = Vec::with_capacity(MAX_BYTES + 2);
    input.take(MAX_BYTES as u64 + 2).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    match line.len() {
        0 => Err(TerminalError::Empty),
        length if length > MAX_BYTES => Err(TerminalError::TooLong),
        _ => String::from_utf8(line).map(SecretString::from).map_err(|_| TerminalError::NotUtf8),
    }
}

/// Asks for confirmation on stderr; only `y` and `yes` confirm. With `yes` it does not ask.
///
/// # Errors
/// [`TerminalError::NoConfirmation`] when stdin is not a terminal.
pub fn confirm(question: &str, yes: bool) -> Result<bool, TerminalError> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(TerminalError::NoConfirmation);
    }
    ask(question, io::stdin().lock(), io::stderr())
}

fn ask(question: &str, input: impl BufRead, mut output: impl Write) -> Result<bool, TerminalError> {
    write!(output, "{} [y/N] ", escaped(question))?;
    output.flush()?;
    let mut answer = String::new();
    input.take(MAX_BYTES as u64).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
