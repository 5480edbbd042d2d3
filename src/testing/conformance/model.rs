//! The reference model: the simplest program that keeps the promises, without index or failure.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::fixture::cutoffs;
use super::operation::{Operation, Question, Request, code_of, session_of, token_of, user_of};
use super::trace::{Answer, in_order};
use crate::accounts::{Epoch, UserId};
use crate::sessions::{
    Child, Compartment, EndReason, Ended, Ending, EpochMove, HandoverCode, Keep, Keeping, Kept,
    LimitPolicy, LiveChild, Loaded, Owner, Rotation, Session, SessionId, Start, Started,
    TokenDigest,
};

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) session: Session,
    digest: TokenDigest,
    data: [Kept; 2],
    pub(super) children: Vec<(Child, TokenDigest)>,
}

/// Whose token it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    User,
    Anonymous,
    Child,
}

/// A token that was good once, the id of its session or child where that ended with it, how it
/// ended, and whose it was.
pub(super) type Epitaph = (TokenDigest, Option<SessionId>, Ended, Holder);

pub(super) fn epitaph_of(child: &Child, digest: TokenDigest, ended: Ended) -> Epitaph {
    (digest, Some(child.id), ended, Holder::Child)
}

impl Row {
    fn holder(&self) -> Holder {
        if self.session.owner == Owner::Anonymous { Holder::Anonymous } else { Holder::User }
    }

    /// Of the session and of its children.
    fn epitaphs(&self, ended: Ended) -> Vec<Epitaph> {
        let own = (self.digest, Some(self.session.id), ended, self.holder());
        let children = self.children.iter().map(|(child, token)| epitaph_of(child, *token, ended));
        children.chain([own]).collect()
    }

    pub(super) fn live(&self, child: &Child) -> LiveChild {
        LiveChild { child: child.clone(), parent: self.session.clone() }
    }
}

/// Answers as a store that keeps the promises.
///
/// Where several refusals fit a start, the order is `EpochMoved`, `LimitReached`, `Taken`.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub(super) live: Vec<Row>,
    pub(super) codes: Vec<HandoverCode>,
    pub(super) ended: Vec<Epitaph>,
    epochs: BTreeMap<UserId, Epoch>,
    pub(super) used_digests: BTreeSet<TokenDigest>,
    pub(super) used_ids: BTreeSet<SessionId>,
}

fn place_of(compartment: Compartment) -> usize {
    usize::from(compartment == Compartment::Application)
}

impl Model {
    /// Whether the promises settle what happens. They leave open what becomes of a name that is
    /// used again after it was forgotten, and of a rotation to a token that is not fresh.
    #[must_use]
    pub fn settles(&self, operation: Operation) -> bool {
        let fresh = |token: u8| !self.used_digests.contains(&token_of(token));
        match operation {
            Operation::Start { session, token, .. }
            | Operation::StartChild { child: session, token, .. } => {
                let (id, digest) = (session_of(session), token_of(token));
                (fresh(token) || self.knows_digest(digest))
                    && (!self.used_ids.contains(&id) || self.knows_id(id))
            }
            // A code of an ended session may be kept or deleted, and so may an expired one.
            Operation::KeepCode { code, .. } => {
                let known = self.codes.iter().find(|known| known.digest == code_of(code));
                known.is_none_or(|known| self.row(known.session).is_some())
            }
            Operation::Rotate { to, .. }
            | Operation::RaiseEpoch { survivor: Some((.., to, _)), .. } => fresh(to),
            _ => true,
        }
    }

    /// Does what a store would do, and answers.
    pub fn apply(&mut self, operation: Operation) -> Answer {
        match operation.request() {
            Request::Start(start) => Answer::Started(self.start(&start)),
            Request::Touch(touches) => {
                for touch in touches {
                    if let Some(row) = self.row_mut(touch.id)
                        && row.session.last_seen_at < touch.at
                    {
                        row.session.last_seen_at = touch.at;
                        row.session.came_from(&touch.client);
                    }
                }
                Answer::Done
            }
            Request::Rotate(rotation) => Answer::Yes(self.rotate(&rotation)),
            Request::Keep(keep) => Answer::Keeping(self.keep(keep)),
            Request::StartChild(start) => Answer::ChildStarted(self.start_child(&start)),
            Request::KeepCode(code, _) => Answer::CodeKept(self.keep_code(&code)),
            Request::TakeCode(digest) => Answer::CodeTaken(self.take_code(digest)),
            Request::End(ending) => Answer::Yes(self.end_if(&ending)),
            Request::RaiseEpoch(epoch_move) => Answer::Count(self.raise(&epoch_move)),
            Request::EndAll(ended) => Answer::Count(self.end_where(ended, |_| true)),
            Request::Sweep(at, _) => {
                self.sweep(at);
                Answer::Done
            }
            Request::Ask(question) => self.answer(question),
        }
    }

    pub(super) fn answer(&self, question: Question) -> Answer {
        let session = |id| self.row(id).map(|row| row.session.clone());
        match question {
            Question::Load(token) => Answer::Loaded(self.load(token_of(token))),
            Question::Find(id) => Answer::Found(session(session_of(id))),
            Question::FindEnded(id) => Answer::FoundEnded(self.find_ended(session_of(id))),
            Question::FindChild(id) => Answer::FoundChild(self.find_child(session_of(id))),
            Question::Children(id) => {
                Answer::Children(self.children(|session| session.id == session_of(id)))
            }
            Question::ChildrenOfUser(user) => Answer::Children(
                self.children(|session| session.owner.user() == Some(user_of(user))),
            ),
            Question::Data(id, compartment) => {
                let row = self.row(session_of(id));
                Answer::Data(row.map(|row| row.data[place_of(compartment)].clone()))
            }
            Question::List(user) => {
                let rows = self.live.iter().map(|row| row.session.clone());
                let own = rows.filter(|session| session.owner.user() == Some(user_of(user)));
                Answer::Sessions(in_order(own.collect()))
            }
            Question::ListAll(after, limit) => {
                let after = after.map(session_of);
                let mut all: Vec<_> = self.live.iter().map(|row| row.session.clone()).collect();
                all.retain(|session| Some(session.id) > after);
                all.sort_by_key(|session| session.id);
                all.truncate(usize::from(limit));
                Answer::Sessions(all)
            }
        }
    }

    pub(super) fn row(&self, id: SessionId) -> Option<&Row> {
        self.live.iter().find(|row| row.session.id == id)
    }

    fn row_mut(&mut self, id: SessionId) -> Option<&mut Row> {
        self.live.iter_mut().find(|row| row.session.id == id)
    }

    fn load(&self, digest: TokenDigest) -> Loaded {
        if let Some(row) = self.live.iter().find(|row| row.digest == digest) {
            return Loaded::Live(row.session.clone());
        }
        for row in &self.live {
            if let Some((child, _)) = row.children.iter().find(|(_, token)| *token == digest) {
                return Loaded::Child(row.live(child));
            }
        }
        match self.ended.iter().find(|(token, ..)| *token == digest) {
            None => Loaded::Unknown,
            Some((.., ended, Holder::Child)) => Loaded::EndedChild(*ended),
            Some((.., ended, holder)) => {
                Loaded::Ended { ended: *ended, anonymous: *holder == Holder::Anonymous }
            }
        }
    }

    fn find_ended(&self, id: SessionId) -> Option<Ended> {
        self.ended.iter().find(|(_, session, ..)| *session == Some(id)).map(|row| row.2)
    }

    pub(super) fn knows_digest(&self, digest: TokenDigest) -> bool {
        self.load(digest) != Loaded::Unknown
    }

    pub(super) fn knows_id(&self, id: SessionId) -> bool {
        self.row(id).is_some() || self.find_child(id).is_some() || self.find_ended(id).is_some()
    }

    /// Ends all that fit, and counts them.
    fn end_where(&mut self, ended: Ended, fits: impl Fn(&Row) -> bool) -> u64 {
        let gone: Vec<Row> = self.live.extract_if(.., |row| fits(row)).collect();
        self.ended.extend(gone.iter().flat_map(|row| row.epitaphs(ended)));
        gone.iter().map(|_| 1).sum()
    }

    fn start(&mut self, start: &Start) -> Started {
        let at = start.cutoffs.now();
        let before = self.clone();
        let mut data: [Kept; 2] = Default::default();
        if let Owner::User { id, epoch } = start.session.owner {
            if self.epochs.get(&id).is_some_and(|copy| *copy > epoch) {
                return Started::EpochMoved;
            }
            self.rise(id, epoch, Ended { reason: start.outdated, at });
        }
        let brought = self.live.iter().find(|row| {
            Some(row.digest) == start.previous_token && start.cutoffs.ended(&row.session).is_none()
        });
        let brought = brought.cloned();
        if let Some(Row { session, data: held, .. }) = &brought {
            let own = session.owner.user().is_none()
                || session.owner.user() == start.session.owner.user();
            let reason = if own { EndReason::Replaced } else { EndReason::SignedOut };
            self.end_where(Ended { reason, at }, |row| row.session.id == session.id);
            if own {
                data.clone_from(held);
            }
        }
        let Some(mut evicted) = self.make_place(start) else {
            *self = before;
            return Started::LimitReached;
        };
        if before.knows_digest(start.digest) || before.knows_id(start.session.id) {
            *self = before;
            return Started::Taken;
        }
        self.used_digests.insert(start.digest);
        self.used_ids.insert(start.session.id);
        let (session, digest, children) = (start.session.clone(), start.digest, Vec::new());
        self.live.push(Row { session, digest, data, children });
        evicted.sort();
        Started::Started { evicted, replaced: brought.map(|row| row.session.id) }
    }

    /// Evicts for one session more; `None`: it is refused.
    fn make_place(&mut self, start: &Start) -> Option<Vec<SessionId>> {
        let mut evicted = Vec::new();
        let (Some(user), Some(limit)) = (start.session.owner.user(), start.limit) else {
            return Some(evicted);
        };
        loop {
            let sessions = self.live.iter().map(|row| &row.session);
            let own = sessions.filter(|session| session.owner.user() == Some(user));
            let mut live: Vec<_> =
                own.filter(|session| start.cutoffs.ended(session).is_none()).collect();
            if live.len() < usize::try_from(limit.most).unwrap_or(usize::MAX) {
                return Some(evicted);
            }
            if limit.policy == LimitPolicy::Refuse {
                return None;
            }
            live.sort_by_key(|session| {
                let idle = limit.policy == LimitPolicy::EvictIdle;
                let seen = idle.then(|| start.last_seen(session.id, session.last_seen_at));
                (seen, session.created_at, session.id)
            });
            let oldest = live[0].id;
            let ended = Ended { reason: EndReason::SessionLimit, at: start.cutoffs.now() };
            self.end_where(ended, |row| row.session.id == oldest);
            evicted.push(oldest);
        }
    }

    /// Raises the epoch of a user and ends the earlier sessions.
    fn rise(&mut self, user: UserId, to: Epoch, ended: Ended) -> u64 {
        self.epochs.insert(user, to);
        self.end_where(ended, |row| {
            matches!(row.session.owner, Owner::User { id, epoch } if id == user && epoch < to)
        })
    }

    fn rotate(&mut self, rotation: &Rotation) -> bool {
        let Rotation { from, to, proof, at } = *rotation;
        let Some(row) = self.live.iter_mut().find(|row| row.digest == from) else { return false };
        row.digest = to;
        row.session = row.session.clone().with_proof(proof, at);
        let holder = row.holder();
        self.used_digests.insert(to);
        self.ended.push((from, None, Ended { reason: EndReason::Replaced, at }, holder));
        true
    }

    fn keep(&mut self, keep: Keep) -> Keeping {
        let Some(row) = self.row_mut(keep.id) else { return Keeping::Gone };
        let kept = &mut row.data[place_of(keep.compartment)];
        if kept.version != keep.over {
            return Keeping::Moved;
        }
        *kept = Kept { version: keep.over + 1, data: keep.data };
        Keeping::Kept
    }

    fn end_if(&mut self, ending: &Ending) -> bool {
        let Ending { id, of, unseen_since, ended } = *ending;
        let fits = |session: &Session| {
            (of.is_none() || session.owner.user() == of)
                && unseen_since.is_none_or(|since| session.last_seen_at <= since)
        };
        for row in self.live.iter_mut().filter(|row| fits(&row.session)) {
            let place = row.children.iter().position(|(child, _)| child.id == id);
            if let Some((child, token)) = place.map(|place| row.children.remove(place)) {
                self.ended.push(epitaph_of(&child, token, ended));
                return true;
            }
        }
        self.end_where(ended, |row| row.session.id == id && fits(&row.session)) == 1
    }

    fn raise(&mut self, epoch_move: &EpochMove) -> u64 {
        let &EpochMove { user, to, reason, survivor, at } = epoch_move;
        if self.epochs.get(&user).is_some_and(|copy| *copy >= to) {
            return 0;
        }
        if let Some(survivor) = survivor {
            let from = TokenDigest::from_bytes(survivor.from);
            let id = SessionId::from_uuid(survivor.session);
            let fits = self
                .row(id)
                .is_some_and(|row| row.digest == from && row.session.owner.user() == Some(user));
            let (token, proof) = (TokenDigest::from_bytes(survivor.to), survivor.proof);
            if fits
                && self.rotate(&Rotation { from, to: token, proof, at })
                && let Some(row) = self.row_mut(id)
            {
                row.session.owner = Owner::User { id: user, epoch: to };
            }
        }
        self.rise(user, to, Ended { reason: reason.into(), at })
    }

    fn sweep(&mut self, at: OffsetDateTime) {
        let cutoffs = cutoffs(at);
        for row in std::mem::take(&mut self.live) {
            match cutoffs.ended(&row.session) {
                Some(ended) => self.ended.extend(row.epitaphs(ended)),
                None => self.live.push(row),
            }
        }
        self.codes.retain(|code| code.expires_at > at);
        self.ended.retain(|row| cutoffs.remembers(row.2));
    }
}
