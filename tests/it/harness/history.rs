//! Operations of clients and their answers, with the instants between which each took place.
//!
//! Programs that drive servers record here. [`judge`](judge::judge) says afterwards whether any
//! order of the operations explains the answers. An operation takes place at one instant between
//! its beginning and its answer. One without an answer takes place at any instant after its
//! beginning, or never.

pub mod judge;
mod lives;
mod register;
mod tails;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use tails::{Spread, Tail, tails};

/// The secret of a cookie.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(pub Arc<str>);

impl Token {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.chars().take(6).collect::<String>())
    }
}

/// A person, by a number of the test's.
pub type Person = u32;
/// Which of a person's passwords; no two passwords of a person have the same number.
pub type Password = u32;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Makes the account and signs in.
    SignUp { person: Person, password: Password },
    /// The session of `brought` ends with it.
    SignIn { person: Person, password: Password, brought: Option<Token> },
    /// Who is there?
    Check { token: Token },
    /// Proves who one is once more, under a new token.
    Rotate { token: Token, password: Password },
    /// Ends the session that `target` is or was a token of, asked for under the token `by`; why is
    /// what the target will be told.
    End { target: Token, by: Option<Token>, why: &'static str },
    /// Ends all sessions of this token's person but its own, which gets a new token.
    EndOthers { token: Token },
    /// Ends all sessions of a person.
    EndAll { person: Person, by: Option<Token>, why: &'static str },
    /// Ends all sessions of this token's person but its own, which gets a new token.
    ChangePassword { token: Token, from: Password, to: Password },
    /// Disables, which ends all sessions, or enables.
    SetActive { person: Person, active: bool },
    /// Makes somebody an administrator or not, which ends all their sessions.
    SetAdmin { person: Person, admin: bool },
    /// A node that keeps sessions in its memory is gone, and with it those that began there.
    Lost { node: usize },
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done(Reply),
    /// Not done, and here is why: a reason, or a code where there is none.
    Refused(String),
    /// Turned away before anything was tried: too busy, too often.
    NotTried,
    /// 503, a failure of a proxy, a connection that was cut: it is not known whether it was done.
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The token that came with the answer.
    pub token: Option<Token>,
    /// Whom the answer was about, and whether they are an administrator.
    pub about: Option<(Person, bool)>,
}

/// One operation. Times run from the beginning of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub client: u32,
    /// Which node was asked; `None` where a proxy chose.
    pub node: Option<usize>,
    pub begun: Duration,
    pub ended: Duration,
    pub operation: Operation,
    pub answer: Answer,
}

impl Record {
    pub fn is_done(&self) -> bool {
        matches!(self.answer, Answer::Done(_))
    }

    /// Whether it took place, or may have.
    pub fn may_be_done(&self) -> bool {
        matches!(self.answer, Answer::Done(_) | Answer::Unknown)
    }

    pub fn reply(&self) -> Option<&Reply> {
        if let Answer::Done(reply) = &self.answer { Some(reply) } else { None }
    }
}

/// Records of many clients. Cheap to clone; all clones are one history.
#[derive(Clone)]
pub struct History {
    origin: Instant,
    records: Arc<Mutex<Vec<Record>>>,
}

/// An operation that has begun.
#[derive(Clone, Copy)]
pub struct Begun {
    client: u32,
    node: Option<usize>,
    at: Duration,
}

impl History {
    pub fn begin() -> Self {
        Self { origin: Instant::now(), records: Arc::default() }
    }

    /// To be called before the first byte is sent.
    pub fn operation(&self, client: u32, node: Option<usize>) -> Begun {
        Begun { client, node, at: self.origin.elapsed() }
    }

    /// Of an operation that counts from an earlier instant on.
    pub fn operation_since(&self, client: u32, at: Instant) -> Begun {
        Begun { client, node: None, at: at.saturating_duration_since(self.origin) }
    }

    /// To be called once the answer is there, or is not waited for any longer.
    pub fn note(&self, begun: Begun, operation: Operation, answer: Answer) {
        let ended = self.origin.elapsed();
        let Begun { client, node, at } = begun;
        let record = Record { client, node, begun: at, ended, operation, answer };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// What was recorded so far, in the order of beginnings.
    pub fn records(&self) -> Vec<Record> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner).clone();
        records.sort_by_key(|record| (record.begun, record.ended));
        records
    }
}
