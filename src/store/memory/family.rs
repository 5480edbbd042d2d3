//! Children and codes of sessions: started, taken and ended with them.

use time::OffsetDateTime;

use super::children::ChildRow;
use super::tables::Tables;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, CodeDigest, CodeKept, EndReason, Ended, Ending,
    HandoverCode, LiveChild, SessionId,
};

impl Tables {
    /// A live child with its parent.
    pub(super) fn with_parent(&self, child: &Child) -> Option<LiveChild> {
        let parent = self.live.session(self.live.row(child.parent)?);
        Some(LiveChild { child: child.clone(), parent })
    }

    pub(super) fn find_child(&self, id: SessionId) -> Option<LiveChild> {
        self.with_parent(self.children.get(id)?)
    }

    pub(super) fn list_children(&self, of: ChildrenOf) -> Vec<Child> {
        let mut found: Vec<Child> = match of {
            ChildrenOf::Session(id) => self.children.of_parent(id).cloned().collect(),
            ChildrenOf::Sessions(ids) => {
                ids.iter().flat_map(|id| self.children.of_parent(*id)).cloned().collect()
            }
            ChildrenOf::User(user) => {
                let sessions = self.live.of_user(user);
                sessions.flat_map(|row| self.children.of_parent(row.id)).cloned().collect()
            }
        };
        found.sort_by_key(|child| child.id);
        found
    }

    pub(super) fn start_child(&mut self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        let ChildStart { child, digest } = start;
        if self.live.row(child.parent).is_none() {
            return Ok(ChildStarted::Gone);
        }
        if self.knows_digest(digest) || self.knows_id(child.id) {
            return Ok(ChildStarted::Taken);
        }
        let replaced = self.children.at(child.parent, &child.origin);
        if replaced.is_none() && self.children.len() >= self.options.most_sessions {
            return Err(StoreError::Full);
        }
        if let Some(earlier) = replaced {
            self.end_child(earlier, Ended { reason: EndReason::Replaced, at: child.created_at });
        }
        self.children.insert(child.clone(), *digest);
        Ok(ChildStarted::Started { replaced })
    }

    /// Ends a child alone, if the conditions hold for its parent.
    pub(super) fn end_child_if(&mut self, ending: &Ending) -> bool {
        let Some(child) = self.children.get(ending.id) else { return false };
        self.fits(child.parent, ending) && self.end_child(ending.id, ending.ended)
    }

    fn end_child(&mut self, id: SessionId, ended: Ended) -> bool {
        let Some(row) = self.children.remove(id) else { return false };
        let user = self.live.row(row.child.parent).and_then(|parent| self.live.user(parent));
        self.record_child(&row, user, ended);
        true
    }

    fn record_child(&mut self, row: &ChildRow, user: Option<UserId>, ended: Ended) {
        self.ended.remember_child(row.child.id, row.digest, ended);
        self.feed.push(row.child.id, user, ended);
    }

    /// Ends the children of a session that has just ended, and removes its codes.
    pub(super) fn end_family(&mut self, parent: SessionId, user: Option<UserId>, ended: Ended) {
        for row in self.children.remove_all(parent) {
            self.record_child(&row, user, ended);
        }
        self.codes.remove_all(parent);
    }

    /// Removes the children and the codes of a session that is not remembered.
    pub(super) fn forget_family(&mut self, parent: SessionId) {
        self.children.remove_all(parent);
        self.codes.remove_all(parent);
    }

    pub(super) fn keep_code(
        &mut self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        if self.live.row(code.session).is_none() {
            return Ok(CodeKept::Gone);
        }
        self.codes.keep(code, now)
    }

    pub(super) fn take_code(&mut self, digest: &CodeDigest) -> Option<HandoverCode> {
        let code = self.codes.take(digest)?;
        self.live.row(code.session).is_some().then_some(code)
    }
}
