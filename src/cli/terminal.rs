//! What the command line asks: a password, and whether somebody is sure.

use std::io::{self, BufRead, IsTerminal as _, Write};

use secrecy::{ExposeSecret as _, SecretString};

use super::escaping::escaped;

#[cfg(test)]
mod tests;

/// No password is longer, in bytes; whatever is has been piped in by mistake.
const LONGEST: usize = 4096;

/// Nothing was learned, and why.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// There is no terminal to ask for a password.
    #[error("there is no terminal to ask for the password; add --password-stdin and pipe it in")]
    NoTerminal(#[source] io::Error),
    /// There is no terminal to ask a question.
    #[error("there is no terminal to ask whether you are sure; add --yes")]
    NobodyToAsk,
    /// Stdin has no first line, or an empty one.
    #[error("the password is empty; give one")]
    Empty,
    /// The first line of stdin goes on and on.
    #[error("the first line of stdin is longer than {LONGEST} bytes; pipe in the password alone")]
    TooLong,
    /// The first line of stdin is no text.
    #[error("the first line of stdin is not UTF-8; pipe in the password as UTF-8")]
    NotUtf8,
    /// The two passwords are not the same.
    #[error("the two passwords differ; run the command again")]
    Differ,
    /// Stdin or stderr failed.
    #[error("stdin or the terminal failed: {0}; run the command again")]
    Failed(#[from] io::Error),
}

/// Asks for a new password, twice and unseen, or takes the first line of stdin.
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
    let second = SecretString::from(ask("The same again: ")?);
    if first.expose_secret() == second.expose_secret() {
        Ok(first)
    } else {
        Err(TerminalError::Differ)
    }
}

/// The first line without its end; blanks stay, for they may belong to the password.
fn first_line(input: impl BufRead) -> Result<SecretString, TerminalError> {
    let mut line = Vec::with_capacity(LONGEST + 2);
    input.take(LONGEST as u64 + 2).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    match line.len() {
        0 => Err(TerminalError::Empty),
        length if length > LONGEST => Err(TerminalError::TooLong),
        _ => String::from_utf8(line).map(SecretString::from).map_err(|_| TerminalError::NotUtf8),
    }
}

/// Asks a question on stderr; only `y` and `yes` agree. With `yes` it is not asked.
///
/// # Errors
/// [`TerminalError::NobodyToAsk`] when stdin is no terminal.
pub fn confirm(question: &str, yes: bool) -> Result<bool, TerminalError> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(TerminalError::NobodyToAsk);
    }
    ask(question, io::stdin().lock(), io::stderr())
}

fn ask(question: &str, input: impl BufRead, mut output: impl Write) -> Result<bool, TerminalError> {
    write!(output, "{} [y/N] ", escaped(question))?;
    output.flush()?;
    let mut answer = String::new();
    input.take(LONGEST as u64).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
