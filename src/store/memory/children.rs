//! The live children of live sessions.

use std::collections::HashMap;

use crate::sessions::{Child, Origin, SessionId, TokenDigest};

/// A live child and its token.
pub(super) struct ChildRow {
    pub(super) child: Child,
    pub(super) digest: TokenDigest,
}

/// Each row is in every index. The parent of each is live.
#[derive(Default)]
pub(super) struct Children {
    rows: HashMap<SessionId, ChildRow>,
    by_digest: HashMap<TokenDigest, SessionId>,
    by_parent: HashMap<SessionId, Vec<SessionId>>,
}

impl Children {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Child> {
        self.rows.get(&id).map(|row| &row.child)
    }

    pub(super) fn of_digest(&self, digest: &TokenDigest) -> Option<&Child> {
        self.get(*self.by_digest.get(digest)?)
    }

    /// The children of a session.
    pub(super) fn of_parent(&self, parent: SessionId) -> impl Iterator<Item = &Child> {
        let ids = self.by_parent.get(&parent).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| self.get(*id))
    }

    /// The child of a session for this origin.
    pub(super) fn at(&self, parent: SessionId, origin: &Origin) -> Option<SessionId> {
        self.of_parent(parent).find(|child| child.origin == *origin).map(|child| child.id)
    }

    /// Adds a child with an unused id and digest.
    pub(super) fn insert(&mut self, child: Child, digest: TokenDigest) {
        let (id, parent) = (child.id, child.parent);
        self.by_digest.insert(digest, id);
        self.by_parent.entry(parent).or_default().push(id);
        self.rows.insert(id, ChildRow { child, digest });
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<ChildRow> {
        let row = self.rows.remove(&id)?;
        self.by_digest.remove(&row.digest);
        if let Some(ids) = self.by_parent.get_mut(&row.child.parent) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_parent.remove(&row.child.parent);
            }
        }
        Some(row)
    }

    /// Removes all children of a session.
    pub(super) fn remove_all(&mut self, parent: SessionId) -> Vec<ChildRow> {
        let ids = self.by_parent.remove(&parent).unwrap_or_default();
        let rows: Vec<ChildRow> = ids.iter().filter_map(|id| self.rows.remove(id)).collect();
        for row in &rows {
            self.by_digest.remove(&row.digest);
        }
        rows
    }

    #[cfg(test)]
    pub(super) fn index_lengths(&self) -> [usize; 3] {
        let by_parent = self.by_parent.values().map(Vec::len).sum();
        [self.rows.len(), self.by_digest.len(), by_parent]
    }

    #[cfg(test)]
    pub(super) fn parents(&self) -> impl Iterator<Item = SessionId> {
        self.by_parent.keys().copied()
    }
}
