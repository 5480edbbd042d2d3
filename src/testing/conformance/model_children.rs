//! Children and codes of the reference model.

use super::model::{Model, epitaph_of};
use crate::sessions::{
    Child, ChildStart, ChildStarted, CodeDigest, CodeKept, EndReason, Ended, HandoverCode,
    LiveChild, Session, SessionId,
};

impl Model {
    pub(super) fn find_child(&self, id: SessionId) -> Option<LiveChild> {
        self.live.iter().find_map(|row| {
            let (child, _) = row.children.iter().find(|(child, _)| child.id == id)?;
            Some(row.live(child))
        })
    }

    pub(super) fn children(&self, of: impl Fn(&Session) -> bool) -> Vec<Child> {
        let rows = self.live.iter().filter(|row| of(&row.session));
        let mut found: Vec<Child> =
            rows.flat_map(|row| &row.children).map(|(child, _)| child.clone()).collect();
        found.sort_by_key(|child| child.id);
        found
    }

    pub(super) fn start_child(&mut self, start: &ChildStart) -> ChildStarted {
        let ChildStart { child, digest } = start;
        if self.row(child.parent).is_none() {
            return ChildStarted::Gone;
        }
        if self.knows_digest(*digest) || self.knows_id(child.id) {
            return ChildStarted::Taken;
        }
        self.used_digests.insert(*digest);
        self.used_ids.insert(child.id);
        let ended = Ended { reason: EndReason::Replaced, at: child.created_at };
        let mut replaced = None;
        if let Some(row) = self.live.iter_mut().find(|row| row.session.id == child.parent) {
            let earlier = row.children.iter().position(|(other, _)| other.origin == child.origin);
            if let Some((other, token)) = earlier.map(|place| row.children.remove(place)) {
                replaced = Some(other.id);
                self.ended.push(epitaph_of(&other, token, ended));
            }
            row.children.push((child.clone(), *digest));
        }
        ChildStarted::Started { replaced }
    }

    pub(super) fn keep_code(&mut self, code: &HandoverCode) -> CodeKept {
        if self.row(code.session).is_none() {
            return CodeKept::Gone;
        }
        // There are fewer names of codes than a session may have.
        if self.codes.iter().any(|known| known.digest == code.digest) {
            return CodeKept::Taken;
        }
        self.codes.push(code.clone());
        CodeKept::Kept
    }

    pub(super) fn take_code(&mut self, digest: CodeDigest) -> Option<HandoverCode> {
        let place = self.codes.iter().position(|code| code.digest == digest)?;
        let code = self.codes.remove(place);
        self.row(code.session).is_some().then_some(code)
    }
}
