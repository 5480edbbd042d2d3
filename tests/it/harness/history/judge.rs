//! Whether a history can have come about without a fault.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::lives::{By, End, Life, Lives};
use super::register::Register;
use super::{Answer, Operation, Password, Person, Record, Token};

/// What has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Nothing that begins after a session's end was answered is accepted under it.
    AcceptedAfterEnd,
    /// Nor under a token that was rotated away.
    OldTokenAccepted,
    /// Nor under a session that was begun by a password that was changed while it began.
    StaleProofAccepted,
    /// A live session is nowhere said to be over.
    FalseSignOut,
    /// A token that was just handed out is known everywhere.
    NewTokenRefused,
    /// Passwords, roles and standings are what was last acknowledged.
    ChangeLost,
    /// Why a session ended is told as it was.
    FalseReason,
    /// A token is of one person for good.
    WrongPerson,
    /// No token is handed out twice.
    TokenTwice,
}

impl Rule {
    pub const ALL: [Self; 9] = [
        Self::AcceptedAfterEnd,
        Self::OldTokenAccepted,
        Self::StaleProofAccepted,
        Self::FalseSignOut,
        Self::NewTokenRefused,
        Self::ChangeLost,
        Self::FalseReason,
        Self::WrongPerson,
        Self::TokenTwice,
    ];
}

/// By what a history is judged.
#[derive(Clone, Debug)]
pub struct Law {
    pub rules: Vec<Rule>,
    /// A session that is this old may have ended by itself.
    pub shortest_life: Duration,
    /// Whether accounts and sessions are in two stores: a change whose writer did not get to its
    /// end may take along the session that was to outlive it.
    pub in_two_stores: bool,
}

impl Default for Law {
    fn default() -> Self {
        Self {
            rules: Rule::ALL.to_vec(),
            shortest_life: Duration::from_mins(30),
            in_two_stores: false,
        }
    }
}

impl Law {
    pub fn without(mut self, rule: Rule) -> Self {
        self.rules.retain(|other| *other != rule);
        self
    }
}

/// A rule that was broken, and the operations that show it.
#[derive(Clone, Debug)]
pub struct Fault {
    pub rule: Rule,
    pub operations: Vec<Record>,
}

/// How much there was to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub operations: usize,
    /// Operations under a token that were let in.
    pub accepted: usize,
    /// Operations under a token that were told that the session is over.
    pub refused: usize,
    /// Operations that nobody knows the end of.
    pub unknown: usize,
    /// Ends and rotations that were acknowledged.
    pub ends: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub faults: Vec<Fault>,
    pub counted: Counted,
}

impl Verdict {
    /// Fails with what was found, the first few faults in full.
    #[track_caller]
    pub fn must_be_innocent(&self) {
        let mut text = String::new();
        for fault in self.faults.iter().take(5) {
            writeln!(text, "{:?}:", fault.rule).unwrap();
            for operation in &fault.operations {
                writeln!(text, "  {operation:?}").unwrap();
            }
        }
        assert!(self.faults.is_empty(), "{} faults\n{text}", self.faults.len());
    }
}

/// What was seen of a token: let in, or told that it is over.
pub(super) struct Sight<'r> {
    pub(super) record: usize,
    pub(super) token: &'r Token,
    /// `None`: let in.
    pub(super) refusal: Option<&'r str>,
}

/// What operations say of the tokens that they were asked for under.
pub(super) fn sights(records: &[Record]) -> Vec<Sight<'_>> {
    let mut sights = Vec::new();
    for (number, record) in records.iter().enumerate() {
        let (Operation::Check { token }
        | Operation::Rotate { token, .. }
        | Operation::EndOthers { token }
        | Operation::ChangePassword { token, .. }
        | Operation::EndAll { by: Some(token), .. }
        | Operation::End { by: Some(token), .. }) = &record.operation
        else {
            continue;
        };
        let refusal = match &record.answer {
            Answer::Done(_) => None,
            // Whoever is told this was let in before.
            Answer::Refused(why) if ["invalid_credentials", "not_found"].contains(&&**why) => None,
            Answer::Refused(why) => Some(&**why),
            Answer::NotTried | Answer::Unknown => continue,
        };
        sights.push(Sight { record: number, token, refusal });
    }
    sights
}

/// Holds a history to the law. Records in any order.
pub fn judge(records: &[Record], law: &Law) -> Verdict {
    let mut sorted = records.to_vec();
    sorted.sort_by_key(|record| (record.begun, record.ended));
    let court = Court::over(&sorted, law);
    let mut faults = Vec::new();
    let mut counted = Counted { operations: sorted.len(), ..Counted::default() };
    counted.unknown = sorted.iter().filter(|record| record.answer == Answer::Unknown).count();
    counted.ends =
        sorted.iter().filter(|record| record.is_done() && ends(&record.operation)).count();
    for sight in sights(&sorted) {
        if sight.refusal.is_some() {
            counted.refused += 1;
        } else {
            counted.accepted += 1;
        }
        faults.extend(court.judge_sight(&sight));
    }
    for record in &sorted {
        faults.extend(court.judge_knowledge(record));
    }
    for token in &court.lives.twice {
        faults.push(court.fault(Rule::TokenTwice, &[court.lives.of_token(token).birth]));
    }
    faults.retain(|fault| law.rules.contains(&fault.rule));
    Verdict { faults, counted }
}

fn ends(operation: &Operation) -> bool {
    !matches!(
        operation,
        Operation::SignUp { .. }
            | Operation::SignIn { brought: None, .. }
            | Operation::Check { .. }
    )
}

struct Court<'r> {
    records: &'r [Record],
    law: &'r Law,
    lives: Lives,
    /// `None`: there is no account.
    passwords: HashMap<Person, Register<Option<Password>>>,
    active: HashMap<Person, Register<bool>>,
    admin: HashMap<Person, Register<bool>>,
}

impl<'r> Court<'r> {
    fn over(records: &'r [Record], law: &'r Law) -> Self {
        let lives = Lives::of(records);
        let (mut passwords, mut active, mut admin) =
            (HashMap::new(), HashMap::new(), HashMap::new());
        for record in records.iter().filter(|record| record.may_be_done()) {
            let (begun, answered) = (record.begun, record.is_done().then_some(record.ended));
            match &record.operation {
                Operation::SignUp { person, password } => {
                    let known = passwords.entry(*person).or_insert_with(|| Register::of(None));
                    known.write(begun, answered, Some(*password));
                }
                Operation::ChangePassword { token, to, .. } => {
                    let person = lives.person(token);
                    let known = passwords.entry(person).or_insert_with(|| Register::of(None));
                    known.write(begun, answered, Some(*to));
                }
                Operation::SetActive { person, active: to } => {
                    let known = active.entry(*person).or_insert_with(|| Register::of(true));
                    known.write(begun, answered, *to);
                }
                Operation::SetAdmin { person, admin: to } => {
                    let known = admin.entry(*person).or_insert_with(|| Register::of(false));
                    known.write(begun, answered, *to);
                }
                _ => {}
            }
        }
        Self { records, law, lives, passwords, active, admin }
    }

    fn fault(&self, rule: Rule, operations: &[usize]) -> Fault {
        Fault {
            rule,
            operations: operations.iter().map(|number| self.records[*number].clone()).collect(),
        }
    }

    fn judge_sight(&self, sight: &Sight<'_>) -> Vec<Fault> {
        let life = self.lives.of_token(sight.token);
        match sight.refusal {
            None => self.judge_acceptance(sight, life),
            Some(why) => self.judge_refusal(sight, life, why).into_iter().collect(),
        }
    }

    fn judge_acceptance(&self, sight: &Sight<'_>, life: &Life) -> Vec<Fault> {
        let record = &self.records[sight.record];
        let mut faults = Vec::new();
        let over = |end: &&End| end.answered.is_some_and(|answered| answered < record.begun);
        if let Some(end) = life.ends.iter().find(over) {
            let rule = match end.by {
                By::TheSession | By::Oblivion | By::Unheard => Rule::AcceptedAfterEnd,
                By::Rotation => Rule::OldTokenAccepted,
                By::StaleProof => Rule::StaleProofAccepted,
            };
            faults.push(self.fault(rule, &[life.birth, end.record, sight.record]));
        }
        let is_active = possible(&self.active, life.person, record);
        if is_active.is_some_and(|active| !active.contains(&true)) && faults.is_empty() {
            faults.push(self.fault(Rule::ChangeLost, &[life.birth, sight.record]));
        }
        let about = record.reply().and_then(|reply| reply.about);
        if about.is_some_and(|(person, _)| person != life.person) {
            faults.push(self.fault(Rule::WrongPerson, &[life.birth, sight.record]));
        } else if let Some((_, is_admin)) = about {
            let known = possible(&self.admin, life.person, record).unwrap_or(vec![false]);
            if !known.contains(&is_admin) {
                faults.push(self.fault(Rule::ChangeLost, &[life.birth, sight.record]));
            }
        }
        faults
    }

    fn judge_refusal(&self, sight: &Sight<'_>, life: &Life, why: &str) -> Option<Fault> {
        let record = &self.records[sight.record];
        let can_be = |end: &&End| self.law.in_two_stores || end.by != By::Unheard;
        let had_begun = |end: &&End| end.begun < record.ended;
        let excuses: Vec<&End> = life.ends.iter().filter(can_be).filter(had_begun).collect();
        if excuses.is_empty() {
            let may_be_old = record.ended >= life.session_begun + self.law.shortest_life;
            let rule = if life.is_renewed { Rule::NewTokenRefused } else { Rule::FalseSignOut };
            return (!may_be_old).then(|| self.fault(rule, &[life.birth, sight.record]));
        }
        // The first of the ends gives the reason.
        let first_can_be = |end: &End| {
            !excuses.iter().any(|other| other.answered.is_some_and(|answered| answered < end.begun))
        };
        // Who is gone with a node is gone with all that it knew.
        let is_forgotten = |end: &End| end.by == By::Oblivion;
        let told =
            excuses.iter().any(|end| end.reason == why && (first_can_be(end) || is_forgotten(end)));
        (!told).then(|| {
            let mut shown = self.around(life, record.ended);
            shown.push(sight.record);
            self.fault(Rule::FalseReason, &shown)
        })
    }

    /// Whatever the person did from the birth of the token until then, and the nodes that were lost,
    /// for whoever has to find out what happened.
    fn around(&self, life: &Life, until: Duration) -> Vec<usize> {
        let from = self.records[life.birth].begun;
        let is_theirs = |record: &Record| match &record.operation {
            Operation::Check { .. } => false,
            Operation::Lost { .. } => true,
            Operation::SignUp { person, .. }
            | Operation::SignIn { person, .. }
            | Operation::EndAll { person, .. }
            | Operation::SetActive { person, .. }
            | Operation::SetAdmin { person, .. } => *person == life.person,
            Operation::Rotate { token, .. }
            | Operation::EndOthers { token }
            | Operation::ChangePassword { token, .. }
            | Operation::End { target: token, .. } => self.lives.person(token) == life.person,
        };
        let is_near = |record: &Record| record.ended >= from && record.begun <= until;
        let records = self.records.iter().enumerate();
        records.filter(|(_, r)| is_theirs(r) && is_near(r)).map(|(number, _)| number).collect()
    }

    /// Passwords that were taken, and those that were not.
    fn judge_knowledge(&self, record: &Record) -> Option<Fault> {
        let (person, password) = match &record.operation {
            Operation::SignIn { person, password, .. } => (*person, *password),
            Operation::Rotate { token, password } => (self.lives.person(token), *password),
            Operation::ChangePassword { token, from, .. } => (self.lives.person(token), *from),
            _ => return None,
        };
        let known = possible(&self.passwords, person, record)?;
        let active = possible(&self.active, person, record).unwrap_or(vec![true]);
        let is_sign_in = matches!(record.operation, Operation::SignIn { .. });
        let can_be = match &record.answer {
            Answer::Done(_) => {
                known.contains(&Some(password)) && (!is_sign_in || active.contains(&true))
            }
            Answer::Refused(why) if why == "invalid_credentials" => {
                let another = known.iter().any(|known| *known != Some(password));
                another || (is_sign_in && active.contains(&false))
            }
            _ => true,
        };
        let number = || self.records.iter().position(|other| other == record).unwrap();
        (!can_be).then(|| self.fault(Rule::ChangeLost, &[number()]))
    }
}

fn possible<V: Copy + PartialEq>(
    registers: &HashMap<Person, Register<V>>,
    person: Person,
    record: &Record,
) -> Option<Vec<V>> {
    registers.get(&person).map(|register| register.possible(record.begun, record.ended))
}
