//! The tokens of a history: where each came from, and what ended it or may have.

use std::collections::HashMap;
use std::time::Duration;

use super::{Operation, Password, Person, Record, Token};

/// What ended a token, or may have.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The number of its record.
    pub record: usize,
    pub begun: Duration,
    /// From when on the token is certainly dead.
    pub answered: Option<Duration>,
    /// What the token is told.
    pub reason: &'static str,
    pub by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The session has ended.
    TheSession,
    /// The node that kept it is gone, and so is why it may have ended before.
    Oblivion,
    /// The session went on under another token.
    Rotation,
    /// The sign-in was proven by a password that was changed meanwhile.
    StaleProof,
    /// The session was to outlive a change of which nobody heard the end.
    Unheard,
}

/// One token.
#[derive(Clone, Debug)]
pub struct Life {
    pub person: Person,
    /// The record by which it came.
    pub birth: usize,
    /// Which session it is of; a rotation gives another token of the same.
    pub session: usize,
    pub is_renewed: bool,
    /// When its session began.
    pub session_begun: Duration,
    pub ends: Vec<End>,
}

struct Session {
    person: Person,
    /// The record by which it began.
    birth: usize,
    password: Password,
    node: Option<usize>,
}

/// Every token of a history.
pub struct Lives {
    pub tokens: HashMap<Token, Life>,
    /// Tokens that came twice.
    pub twice: Vec<Token>,
    sessions: Vec<Session>,
}

/// How surely an operation ended a session.
enum Sureness {
    Surely(By),
    Maybe(By),
    NotAtAll,
}

impl Lives {
    pub fn of(records: &[Record]) -> Self {
        let mut lives = Self { tokens: HashMap::new(), twice: Vec::new(), sessions: Vec::new() };
        for number in 0..records.len() {
            lives.bear(records, number);
        }
        for (number, record) in records.iter().enumerate().filter(|(_, r)| r.may_be_done()) {
            lives.end(records, number, record);
        }
        lives
    }

    pub fn of_token(&self, token: &Token) -> &Life {
        self.tokens.get(token).unwrap_or_else(|| panic!("{token:?} came from nowhere"))
    }

    /// Whose session an operation was asked for under.
    pub fn person(&self, token: &Token) -> Person {
        self.of_token(token).person
    }

    fn bear(&mut self, records: &[Record], number: usize) {
        let record = &records[number];
        let Some(token) = record.reply().and_then(|reply| reply.token.clone()) else { return };
        let (person, session, is_renewed) = match &record.operation {
            Operation::SignUp { person, password } | Operation::SignIn { person, password, .. } => {
                let (person, password) = (*person, *password);
                let node = record.node;
                self.sessions.push(Session { person, birth: number, password, node });
                (person, self.sessions.len() - 1, false)
            }
            Operation::Rotate { token, .. }
            | Operation::EndOthers { token }
            | Operation::ChangePassword { token, .. } => {
                let old = self.of_token(token);
                (old.person, old.session, true)
            }
            operation => panic!("{operation:?} gives no token"),
        };
        let session_begun = records[self.sessions[session].birth].begun;
        let life =
            Life { person, birth: number, session, is_renewed, session_begun, ends: Vec::new() };
        if self.tokens.insert(token.clone(), life).is_some() {
            self.twice.push(token);
        }
    }

    fn end(&mut self, records: &[Record], number: usize, record: &Record) {
        match &record.operation {
            Operation::SignUp { .. }
            | Operation::Check { .. }
            | Operation::SignIn { brought: None, .. }
            | Operation::SetActive { active: true, .. } => {}
            Operation::SignIn { person, brought: Some(token), .. } => {
                let is_own = self.person(token) == *person;
                let reason = if is_own { "replaced" } else { "signed_out" };
                self.end_token(number, record, token, (reason, By::TheSession));
                // Where it was rotated at the same time, only the old token may have ended.
                let session = self.of_token(token).session;
                self.end_sessions(number, record, reason, |life, _| {
                    let is_it = life.session == session;
                    if is_it { Sureness::Maybe(By::TheSession) } else { Sureness::NotAtAll }
                });
            }
            Operation::Rotate { token, .. } => {
                self.end_token(number, record, token, ("replaced", By::Rotation));
            }
            Operation::EndOthers { token } => {
                self.end_token(number, record, token, ("replaced", By::Rotation));
                self.end_survivor(number, record, token, "revoked_by_user");
                self.end_others(records, number, token, "revoked_by_user");
            }
            Operation::ChangePassword { token, .. } => {
                self.end_token(number, record, token, ("replaced", By::Rotation));
                self.end_survivor(number, record, token, "password_changed");
                self.end_others(records, number, token, "password_changed");
            }
            Operation::End { target, why, .. } => {
                let session = self.of_token(target).session;
                self.end_sessions(number, record, why, |life, _| {
                    let is_it = life.session == session;
                    if is_it { Sureness::Surely(By::TheSession) } else { Sureness::NotAtAll }
                });
            }
            Operation::EndAll { person, why, .. } => {
                self.end_all(records, number, *person, why);
            }
            Operation::SetActive { person, active: false } => {
                self.end_all(records, number, *person, "account_disabled");
            }
            Operation::SetAdmin { person, .. } => {
                self.end_all(records, number, *person, "role_changed");
            }
            Operation::Lost { node } => {
                self.end_sessions(number, record, "no_session", |life, sessions| {
                    let session = &sessions[life.session];
                    let birth = &records[session.birth];
                    match session.node == Some(*node) && birth.begun < record.ended {
                        true if birth.ended < record.ended => Sureness::Surely(By::Oblivion),
                        true => Sureness::Maybe(By::Oblivion),
                        false => Sureness::NotAtAll,
                    }
                });
            }
        }
    }

    fn end_token(
        &mut self,
        number: usize,
        record: &Record,
        token: &Token,
        (reason, by): (&'static str, By),
    ) {
        let answered = record.is_done().then_some(record.ended);
        let end = End { record: number, begun: record.begun, answered, reason, by };
        let life = self.tokens.get_mut(token);
        life.unwrap_or_else(|| panic!("{token:?} came from nowhere")).ends.push(end);
    }

    /// The session that was to outlive a change may end with the others where whoever made the
    /// change did not get to its end.
    fn end_survivor(
        &mut self,
        number: usize,
        record: &Record,
        token: &Token,
        reason: &'static str,
    ) {
        if !record.is_done() {
            self.end_token(number, record, token, (reason, By::Unheard));
        }
    }

    fn end_sessions(
        &mut self,
        number: usize,
        record: &Record,
        reason: &'static str,
        judged: impl Fn(&Life, &[Session]) -> Sureness,
    ) {
        for life in self.tokens.values_mut() {
            let (by, sure) = match judged(life, &self.sessions) {
                Sureness::Surely(by) => (by, true),
                Sureness::Maybe(by) => (by, false),
                Sureness::NotAtAll => continue,
            };
            let answered = (sure && record.is_done()).then_some(record.ended);
            life.ends.push(End { record: number, begun: record.begun, answered, reason, by });
        }
    }

    fn end_all(&mut self, records: &[Record], number: usize, person: Person, reason: &'static str) {
        let record = &records[number];
        let is_a_change = match record.operation {
            Operation::SetAdmin { person, admin } => is_a_change(records, number, person, admin),
            _ => true,
        };
        self.end_sessions(number, record, reason, |life, sessions| {
            let session = &sessions[life.session];
            if session.person != person {
                return Sureness::NotAtAll;
            }
            match order(&records[session.birth], record) {
                Sureness::Surely(_) if !is_a_change => Sureness::Maybe(By::TheSession),
                sureness => sureness,
            }
        });
    }

    fn end_others(
        &mut self,
        records: &[Record],
        number: usize,
        token: &Token,
        reason: &'static str,
    ) {
        let record = &records[number];
        let (person, own) = (self.person(token), self.of_token(token).session);
        let replaced = match &record.operation {
            Operation::ChangePassword { from, .. } => Some(*from),
            _ => None,
        };
        self.end_sessions(number, record, reason, |life, sessions| {
            let session = &sessions[life.session];
            if session.person != person || life.session == own {
                return Sureness::NotAtAll;
            }
            match order(&records[session.birth], record) {
                Sureness::Maybe(_) | Sureness::NotAtAll if replaced == Some(session.password) => {
                    Sureness::Surely(By::StaleProof)
                }
                sureness => sureness,
            }
        });
    }
}

/// Whether the session that began with `birth` was there when `operation` ended whatever was there.
fn order(birth: &Record, operation: &Record) -> Sureness {
    if birth.ended < operation.begun {
        Sureness::Surely(By::TheSession)
    } else if operation.is_done() && operation.ended < birth.begun {
        Sureness::NotAtAll
    } else {
        Sureness::Maybe(By::TheSession)
    }
}

/// Whether the role was certainly another one before.
fn is_a_change(records: &[Record], number: usize, who: Person, to: bool) -> bool {
    let others = records.iter().enumerate().filter(|(other, record)| {
        let is_of_them =
            matches!(record.operation, Operation::SetAdmin { person, .. } if person == who);
        *other != number && is_of_them && record.may_be_done()
    });
    let mut before = (Duration::ZERO, false);
    for (_, other) in others {
        let Operation::SetAdmin { admin, .. } = other.operation else { continue };
        if other.begun > records[number].ended {
            continue;
        }
        if !other.is_done() || other.ended >= records[number].begun {
            return false;
        }
        if other.ended > before.0 {
            before = (other.ended, admin);
        }
    }
    before.1 != to
}
