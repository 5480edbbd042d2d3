//! Checks one trace for states that must never occur, without the model.

use std::collections::{BTreeMap, BTreeSet};

use super::operation::{Operation, Question, Request};
use super::trace::Answer;
use crate::accounts::{Epoch, UserId};
use crate::sessions::{Child, Compartment, LiveChild, Loaded, Session, SessionId, Start, Started};

/// The answers since the last check, and those that must not occur again.
#[derive(Default)]
pub(super) struct InvariantChecker {
    now: Sight,
    before: Sight,
    dead_tokens: BTreeSet<u8>,
    epochs: BTreeMap<UserId, Epoch>,
    limited: Option<Start>,
}

#[derive(Default)]
struct Sight {
    tokens: BTreeMap<u8, Loaded>,
    sessions: BTreeMap<SessionId, Session>,
    versions: BTreeMap<(u8, bool), i64>,
    children: BTreeMap<SessionId, LiveChild>,
    listed_children: Vec<Child>,
    listed: Vec<Session>,
    all: Vec<Session>,
}

impl InvariantChecker {
    /// Records the answer to an operation.
    pub(super) fn record(&mut self, operation: Operation, answer: &Answer) {
        self.limited = None;
        match (operation.request(), answer) {
            (Request::Start(start), Answer::Started(Started::Started { .. })) => {
                if let (Some(user), Some(epoch)) =
                    (start.session.owner.user(), start.session.owner.epoch())
                {
                    self.raise(user, epoch);
                }
                self.limited = Some(*start);
            }
            (Request::RaiseEpoch(epoch_move), _) => self.raise(epoch_move.user, epoch_move.to),
            _ => {}
        }
    }

    fn raise(&mut self, user: UserId, to: Epoch) {
        let epoch = self.epochs.entry(user).or_insert(to);
        *epoch = to.max(*epoch);
    }

    /// Records the answer to a read after it.
    pub(super) fn observe(&mut self, question: Question, answer: &Answer) {
        match (question, answer) {
            (Question::Load(token), Answer::Loaded(loaded)) => {
                self.now.tokens.insert(token, loaded.clone());
            }
            (Question::Find(_), Answer::Found(Some(session))) => {
                self.now.sessions.insert(session.id, session.clone());
            }
            (Question::FindChild(_), Answer::FoundChild(Some(live))) => {
                self.now.children.insert(live.child.id, live.clone());
            }
            (Question::ChildrenOfUser(_), Answer::Children(children)) => {
                self.now.listed_children.extend(children.iter().cloned());
            }
            (Question::Data(session, compartment), Answer::Data(Some(kept))) => {
                let application = compartment == Compartment::Application;
                self.now.versions.insert((session, application), kept.version);
            }
            (Question::List(_), Answer::Sessions(sessions)) => {
                self.now.listed.extend(sessions.iter().cloned());
            }
            (Question::ListAll(..), Answer::Sessions(sessions)) => {
                self.now.all.clone_from(sessions);
            }
            _ => {}
        }
    }

    /// Returns a violation, if there is one, and starts the next step.
    pub(super) fn check(&mut self) -> Result<(), String> {
        self.judge_tokens()?;
        self.judge_sessions()?;
        self.judge_children()?;
        self.judge_limit()?;
        self.before = std::mem::take(&mut self.now);
        Ok(())
    }

    fn judge_tokens(&mut self) -> Result<(), String> {
        let mut living = BTreeSet::new();
        for (token, loaded) in &self.now.tokens {
            let id = match loaded {
                Loaded::Live(session) => session.id,
                Loaded::Child(live) => live.child.id,
                _ => {
                    let was_live = matches!(
                        self.before.tokens.get(token),
                        Some(Loaded::Live(_) | Loaded::Child(_))
                    );
                    if *loaded != Loaded::Unknown || was_live {
                        self.dead_tokens.insert(*token);
                    }
                    continue;
                }
            };
            if self.dead_tokens.contains(token) {
                return Err(format!("token {token} came back to life"));
            }
            if !living.insert(id) {
                return Err(format!("{id} is live under two tokens"));
            }
        }
        let ids = self.now.sessions.keys().chain(self.now.children.keys());
        let found: BTreeSet<_> = ids.copied().collect();
        if living == found { Ok(()) } else { Err("tokens and ids tell different stories".into()) }
    }

    fn judge_sessions(&self) -> Result<(), String> {
        for session in self.now.sessions.values() {
            if let (Some(user), epoch) = (session.owner.user(), session.owner.epoch())
                && self.epochs.get(&user).copied() != epoch
            {
                return Err(format!("live under another epoch than its user's: {session:?}"));
            }
            let Some(before) = self.before.sessions.get(&session.id) else { continue };
            if session.last_seen_at < before.last_seen_at {
                return Err(format!("the last activity moved back: {session:?}"));
            }
            if (session.expires_at, session.created_at) != (before.expires_at, before.created_at) {
                return Err(format!("the deadline or the beginning moved: {session:?}"));
            }
        }
        for (of, version) in &self.now.versions {
            if self.before.versions.get(of).is_some_and(|before| before > version) {
                return Err(format!("a version moved back: {of:?}"));
            }
        }
        let anonymous = self.now.all.iter().filter(|session| session.owner.user().is_none());
        let mut listed: Vec<_> = anonymous.chain(&self.now.listed).map(|s| s.id).collect();
        listed.sort();
        let found: Vec<_> = self.now.sessions.keys().copied().collect();
        let all: Vec<_> = self.now.all.iter().map(|session| session.id).collect();
        if listed == found && all == found { Ok(()) } else { Err("the lists differ".into()) }
    }

    fn judge_children(&self) -> Result<(), String> {
        let mut places = BTreeSet::new();
        for LiveChild { child, parent } in self.now.children.values() {
            if self.now.sessions.get(&child.parent) != Some(parent) {
                return Err(format!("a child has another parent than there is: {child:?}"));
            }
            if !places.insert((child.parent, child.origin.clone())) {
                return Err(format!("a second child at one origin: {child:?}"));
            }
        }
        let of_users = self.now.children.values().filter(|live| live.parent.owner.user().is_some());
        let mut listed: Vec<_> = self.now.listed_children.iter().map(|child| child.id).collect();
        listed.sort();
        let found: Vec<_> = of_users.map(|live| live.child.id).collect();
        if listed == found { Ok(()) } else { Err("the lists of children differ".into()) }
    }

    fn judge_limit(&self) -> Result<(), String> {
        let Some(Start { session, limit: Some(limit), cutoffs, .. }) = &self.limited else {
            return Ok(());
        };
        let Some(user) = session.owner.user() else { return Ok(()) };
        let own = self.now.sessions.values().filter(|other| other.owner.user() == Some(user));
        let live = own.filter(|other| cutoffs.ended(other).is_none()).count();
        if live <= usize::try_from(limit.most).unwrap_or(usize::MAX) {
            return Ok(());
        }
        Err(format!("{live} live sessions under a limit of {}", limit.most))
    }
}
