//! The tables behind the lock, and the operations that change several of them.

use std::collections::{BTreeMap, HashMap};

use anteroom::accounts::{Epoch, KeptSession};
use anteroom::sessions::{
    Child, ChildrenOf, CodeDigest, CodeKept, Compartment, Cutoffs, EndReason, Ended, Ending,
    EpochMove, HandoverCode, Kept, LiveChild, Loaded, Owner, Rotation, Session, Swept, TimedOut,
    TokenDigest,
};
use anteroom::{SessionId, UserId};
use time::OffsetDateTime;

use super::feed::Feed;
use super::size;

#[derive(Default)]
pub(super) struct Tables {
    pub(super) live: BTreeMap<SessionId, Row>,
    /// The live children. The parent of each is live.
    pub(super) children: BTreeMap<SessionId, (Child, TokenDigest)>,
    /// The hand-over codes. The session of each is live.
    pub(super) codes: HashMap<CodeDigest, HandoverCode>,
    /// Every token that is valid, or was within the last day.
    pub(super) tokens: HashMap<TokenDigest, Token>,
    /// Kept without limit: a sign-in that began before a raise must not succeed after it.
    pub(super) epochs: HashMap<UserId, Epoch>,
    pub(super) feed: Feed,
}

pub(super) struct Row {
    pub(super) session: Session,
    pub(super) digest: TokenDigest,
    pub(super) data: HashMap<Compartment, Kept>,
}

pub(super) enum Token {
    /// Of a live session or child.
    Live(SessionId),
    /// Of a session or child that has ended.
    Ended(SessionId, Loaded),
    /// Of a session that continued under another token.
    Rotated(SessionId, Loaded),
}

impl Token {
    /// The end of the token, unless it is valid.
    fn ended(&self) -> Option<Ended> {
        match self {
            Self::Live(_) => None,
            Self::Ended(_, loaded) | Self::Rotated(_, loaded) => loaded.ended(),
        }
    }
}

impl Tables {
    pub(super) fn load(&self, digest: &TokenDigest) -> Loaded {
        match self.tokens.get(digest) {
            None => Loaded::Unknown,
            Some(Token::Ended(_, loaded) | Token::Rotated(_, loaded)) => loaded.clone(),
            Some(Token::Live(id)) => match self.live.get(id) {
                Some(row) => Loaded::Live(row.session.clone()),
                None => self.find_child(*id).map_or(Loaded::Unknown, Loaded::Child),
            },
        }
    }

    /// The live session of a token.
    pub(super) fn session_of(&self, digest: &TokenDigest) -> Option<&Session> {
        let Some(Token::Live(id)) = self.tokens.get(digest) else { return None };
        self.live.get(id).map(|row| &row.session)
    }

    pub(super) fn find_ended(&self, id: SessionId) -> Option<Ended> {
        let mut tokens = self.tokens.values();
        let token = tokens.find(|token| matches!(token, Token::Ended(ended, _) if *ended == id));
        token.and_then(Token::ended)
    }

    pub(super) fn find_rotated(&self, digest: &TokenDigest) -> Option<SessionId> {
        let Some(Token::Rotated(id, _)) = self.tokens.get(digest) else { return None };
        Some(*id)
    }

    /// Whether an id or a digest is or was in use.
    pub(super) fn is_taken(&self, id: SessionId, digest: &TokenDigest) -> bool {
        let is_live = self.live.contains_key(&id) || self.children.contains_key(&id);
        is_live || self.find_ended(id).is_some() || self.tokens.contains_key(digest)
    }

    pub(super) fn find_child(&self, id: SessionId) -> Option<LiveChild> {
        let (child, _) = self.children.get(&id)?;
        let parent = self.live.get(&child.parent)?.session.clone();
        Some(LiveChild { child: child.clone(), parent })
    }

    pub(super) fn children_of(&self, of: &ChildrenOf) -> Vec<Child> {
        let is_of = |parent: SessionId| match of {
            ChildrenOf::Session(id) => parent == *id,
            ChildrenOf::Sessions(ids) => ids.contains(&parent),
            ChildrenOf::User(user) => self.user_of(parent) == Some(*user),
        };
        let children = self.children.values().map(|(child, _)| child);
        children.filter(|child| is_of(child.parent)).cloned().collect()
    }

    pub(super) fn epoch(&self, user: UserId) -> Option<Epoch> {
        self.epochs.get(&user).copied()
    }

    fn user_of(&self, id: SessionId) -> Option<UserId> {
        self.live.get(&id).and_then(|row| row.session.owner.user())
    }

    pub(super) fn of_user(&self, user: UserId) -> impl Iterator<Item = &Session> {
        let sessions = self.live.values().map(|row| &row.session);
        sessions.filter(move |session| session.owner.user() == Some(user))
    }

    pub(super) fn ids_of(&self, user: UserId) -> Vec<SessionId> {
        self.of_user(user).map(|session| session.id).collect()
    }

    /// The session under its new token; `None` if it is not live under the old one.
    pub(super) fn rotate(&mut self, rotation: &Rotation) -> Option<&mut Session> {
        let &Rotation { from, to, proof, at } = rotation;
        let (id, user) = self.session_of(&from).map(|one| (one.id, one.owner.user()))?;
        if self.tokens.contains_key(&to) {
            return None;
        }
        let ended = Ended { reason: EndReason::Replaced, at };
        let loaded = Loaded::Ended { ended, anonymous: user.is_none() };
        self.tokens.insert(from, Token::Rotated(id, loaded));
        self.tokens.insert(to, Token::Live(id));
        self.feed.push(id, user, ended);
        let row = self.live.get_mut(&id)?;
        row.digest = to;
        row.session = row.session.clone().with_proof(proof, at);
        Some(&mut row.session)
    }

    pub(super) fn keep_code(&mut self, code: &HandoverCode, now: OffsetDateTime) -> CodeKept {
        if !self.live.contains_key(&code.session) {
            return CodeKept::Gone;
        }
        let of_session = self.codes.values().filter(|one| one.session == code.session);
        if of_session.filter(|one| one.expires_at > now).count() >= size(HandoverCode::MOST) {
            return CodeKept::Full;
        }
        if self.codes.contains_key(&code.digest) {
            return CodeKept::Taken;
        }
        self.codes.insert(code.digest, code.clone());
        CodeKept::Kept
    }

    /// Ends a session or a child. The conditions on a child apply to its parent.
    pub(super) fn end_if(&mut self, ending: &Ending) -> bool {
        let &Ending { id, of, unseen_since, ended } = ending;
        let child = self.children.get(&id).map(|(child, _)| child.parent);
        let fits = self.live.get(&child.unwrap_or(id)).is_some_and(|Row { session, .. }| {
            of.is_none_or(|user| session.owner.user() == Some(user))
                && unseen_since.is_none_or(|since| session.last_seen_at <= since)
        });
        if fits && child.is_some() {
            self.end_child(id, ended);
            return true;
        }
        fits && self.end(id, ended).is_some()
    }

    /// Ends a session with its children, and returns its row.
    pub(super) fn end(&mut self, id: SessionId, ended: Ended) -> Option<Row> {
        let (row, children) = self.remove(id)?;
        let user = row.session.owner.user();
        let loaded = Loaded::Ended { ended, anonymous: user.is_none() };
        self.tokens.insert(row.digest, Token::Ended(id, loaded));
        self.feed.push(id, user, ended);
        for (child, digest) in children {
            self.record_child(&child, digest, user, ended);
        }
        Some(row)
    }

    pub(super) fn end_each(&mut self, ids: Vec<SessionId>, ended: Ended) -> u64 {
        ids.into_iter().map(|id| u64::from(self.end(id, ended).is_some())).sum()
    }

    /// Ends a child alone.
    pub(super) fn end_child(&mut self, id: SessionId, ended: Ended) {
        if let Some((child, digest)) = self.children.remove(&id) {
            self.record_child(&child, digest, self.user_of(child.parent), ended);
        }
    }

    fn record_child(
        &mut self,
        child: &Child,
        digest: TokenDigest,
        user: Option<UserId>,
        ended: Ended,
    ) {
        self.tokens.insert(digest, Token::Ended(child.id, Loaded::EndedChild(ended)));
        self.feed.push(child.id, user, ended);
    }

    /// Removes a session with its children and codes. Their tokens are left.
    fn remove(&mut self, id: SessionId) -> Option<(Row, Vec<(Child, TokenDigest)>)> {
        let row = self.live.remove(&id)?;
        self.codes.retain(|_, code| code.session != id);
        let children = self.children.extract_if(.., |_, (child, _)| child.parent == id);
        Some((row, children.map(|(_, child)| child).collect()))
    }

    pub(super) fn raise_epoch(&mut self, epoch_move: &EpochMove) -> u64 {
        let &EpochMove { user, to, reason, survivor, at } = epoch_move;
        if self.epoch(user) >= Some(to) {
            return 0;
        }
        self.epochs.insert(user, to);
        let kept = survivor.and_then(|kept| self.keep_session(epoch_move, &kept));
        let mut ids = self.ids_of(user);
        ids.retain(|id| Some(*id) != kept);
        self.end_each(ids, Ended { reason: reason.into(), at })
    }

    /// Moves the kept session to its new token and epoch, if it is the user's under the old token.
    fn keep_session(&mut self, epoch_move: &EpochMove, kept: &KeptSession) -> Option<SessionId> {
        let &EpochMove { user, to: epoch, at, .. } = epoch_move;
        let [from, to] = [kept.from, kept.to].map(TokenDigest::from_bytes);
        let session = self.session_of(&from)?;
        if session.id.as_uuid() != kept.session || session.owner.user() != Some(user) {
            return None;
        }
        let rotation = Rotation { from, to, proof: kept.proof, at };
        let session = self.rotate(&rotation)?;
        session.owner = Owner::User { id: user, epoch };
        Some(session.id)
    }

    /// Ends sessions past a timeout, and removes what is no longer kept: at most `most` rows.
    pub(super) fn sweep(&mut self, cutoffs: &Cutoffs, most: usize) -> Swept {
        let mut swept = Swept::default();
        let sessions = self.live.values().map(|row| &row.session);
        let timed_out = sessions.filter_map(|session| {
            let ended = cutoffs.ended(session)?;
            Some((session.id, ended, TimedOut::of(session, ended)))
        });
        let timed_out: Vec<_> = timed_out.take(most).collect();
        let mut left = most - timed_out.len();
        for (id, ended, of_user) in timed_out {
            swept.timed_out.extend(of_user);
            if cutoffs.remembers(ended) {
                self.end(id, ended);
                swept.ended += 1;
            } else {
                self.forget(id);
                swept.forgotten += 1;
            }
        }
        let is_old = |token: &Token| token.ended().is_some_and(|ended| !cutoffs.remembers(ended));
        let tokens = self.tokens.extract_if(|_, token| is_old(token)).take(left).count();
        swept.forgotten += tokens as u64;
        left -= tokens;
        let has_expired = |code: &HandoverCode| code.expires_at <= cutoffs.now();
        left -= self.codes.extract_if(|_, code| has_expired(code)).take(left).count();
        left -= self.feed.forget(cutoffs, left);
        swept.done = left > 0;
        swept
    }

    /// Removes a session that ended so long ago that nothing remembers it.
    fn forget(&mut self, id: SessionId) {
        let Some((row, children)) = self.remove(id) else { return };
        self.tokens.remove(&row.digest);
        for (_, digest) in children {
            self.tokens.remove(&digest);
        }
    }
}
