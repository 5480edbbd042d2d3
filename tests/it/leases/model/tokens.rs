//! What a server remembers of a session whose token changes. There is no time here: the lease sees
//! to it that nothing is answered from memory but by a server that was told everything, so here is
//! asked what such a server remembers.

use super::explorer::{Model, Step};
use super::rules::{Laws, Rule};

pub struct Tokens {
    pub laws: Laws,
}

/// One after the other: the session is rotated twice.
const TOKENS: usize = 3;

/// What the store says of the session that a token opens: as it was under which token.
type Said = u8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reading {
    Nothing,
    Begun,
    Live(Said),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// How many tokens are over; the next one opens the session, unless that is over as well.
    over: u8,
    is_revoked: bool,
    /// Of how many the server was told.
    told: u8,
    entries: [Option<Said>; TOKENS],
    /// By which token the session is remembered, as the list of sessions has it.
    listed: Option<u8>,
    readings: [Reading; TOKENS],
}

impl Model for Tokens {
    type State = State;

    fn beginning(&self) -> State {
        State {
            over: 0,
            is_revoked: false,
            told: 0,
            entries: [None; TOKENS],
            listed: None,
            readings: [Reading::Nothing; TOKENS],
        }
    }

    fn steps(&self, from: &State, to: &mut Vec<(Step, State)>) {
        let mut add = |what, which, change: &dyn Fn(&mut State)| {
            let mut after = *from;
            change(&mut after);
            to.push((Step(what, which), after));
        };
        if !from.is_revoked {
            add("the session ends", None, &|after| {
                (after.is_revoked, after.over) = (true, from.over + 1);
            });
            if usize::from(from.over) + 1 < TOKENS {
                add("the session has another token", None, &|after| after.over += 1);
            }
        }
        if from.told < from.over {
            add("the server is told of the next change", None, &|after| self.tell(after));
        }
        for token in 0..TOKENS {
            match from.readings[token] {
                Reading::Nothing => add("a read begins of token", Some(token), &|after| {
                    after.readings[token] = Reading::Begun;
                }),
                Reading::Begun => add("the store answers of token", Some(token), &|after| {
                    after.readings[token] = from.read(token);
                }),
                Reading::Live(said) => add("that is remembered of token", Some(token), &|after| {
                    self.remember(after, token, said);
                }),
            }
            if from.entries[token].is_some() {
                add("to make room it forgets token", Some(token), &|after| after.remove(token));
            }
        }
        let Some(token) = from.listed.map(usize::from) else { return };
        if !self.laws.keep(Rule::TouchesBringNothingBack) {
            for said in 0..from.over {
                let which = Some(usize::from(said));
                add("activity is noted by who was told of token", which, &|after| {
                    after.entries[token] = Some(said);
                });
            }
        }
    }

    /// It was told that a token is over, and would accept it, or has the session as it was before.
    fn is_broken(&self, state: &State) -> bool {
        state
            .entries
            .iter()
            .zip(0..)
            .any(|(entry, token)| entry.is_some_and(|said| token < state.told || said < state.told))
    }
}

impl Tokens {
    /// The session has changed, whichever token opened it.
    fn tell(&self, state: &mut State) {
        state.told += 1;
        if let Some(token) = state.listed {
            state.remove(usize::from(token));
        }
        if self.laws.keep(Rule::InvalidationsRejectStaleInserts) {
            state.readings = [Reading::Nothing; TOKENS];
        }
    }

    fn remember(&self, state: &mut State, token: usize, said: Said) {
        state.readings[token] = Reading::Nothing;
        if let (Some(other), true) = (state.listed, self.laws.keep(Rule::OneTokenOfASession)) {
            state.remove(usize::from(other));
        }
        state.entries[token] = Some(said);
        state.listed = u8::try_from(token).ok();
    }
}

impl State {
    fn read(&self, token: usize) -> Reading {
        let is_live = !self.is_revoked && usize::from(self.over) == token;
        if is_live { Reading::Live(self.over) } else { Reading::Nothing }
    }

    fn remove(&mut self, token: usize) {
        self.entries[token] = None;
        if self.listed.map(usize::from) == Some(token) {
            self.listed = None;
        }
    }
}
