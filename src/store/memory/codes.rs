//! The hand-over codes of live sessions.

use std::collections::{BTreeSet, HashMap};

use time::OffsetDateTime;

use crate::failure::StoreError;
use crate::sessions::{CodeDigest, CodeKept, HandoverCode, SessionId};

/// The codes, at most `most`. Each is in every index.
pub(super) struct Codes {
    rows: HashMap<CodeDigest, HandoverCode>,
    by_expiry: BTreeSet<(OffsetDateTime, CodeDigest)>,
    by_session: HashMap<SessionId, Vec<CodeDigest>>,
    most: usize,
}

impl Codes {
    pub(super) fn new(most: usize) -> Self {
        Self { rows: HashMap::new(), by_expiry: BTreeSet::new(), by_session: HashMap::new(), most }
    }

    /// Keeps a code of a live session.
    pub(super) fn keep(
        &mut self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        let of_session = self.by_session.get(&code.session).map(Vec::as_slice).unwrap_or_default();
        let is_outstanding =
            |digest: &&CodeDigest| self.rows.get(digest).is_some_and(|code| code.expires_at > now);
        let outstanding = of_session.iter().filter(is_outstanding).count();
        if u32::try_from(outstanding).is_ok_and(|count| count >= HandoverCode::MOST) {
            return Ok(CodeKept::Full);
        }
        if self.rows.contains_key(&code.digest) {
            return Ok(CodeKept::Taken);
        }
        while self.rows.len() >= self.most {
            if !self.has_expired(now) {
                return Err(StoreError::Full);
            }
            self.forget_first();
        }
        self.by_expiry.insert((code.expires_at, code.digest));
        self.by_session.entry(code.session).or_default().push(code.digest);
        self.rows.insert(code.digest, code.clone());
        Ok(CodeKept::Kept)
    }

    /// Removes a code.
    pub(super) fn take(&mut self, digest: &CodeDigest) -> Option<HandoverCode> {
        let code = self.rows.remove(digest)?;
        self.by_expiry.remove(&(code.expires_at, code.digest));
        if let Some(digests) = self.by_session.get_mut(&code.session) {
            digests.retain(|other| other != digest);
            if digests.is_empty() {
                self.by_session.remove(&code.session);
            }
        }
        Some(code)
    }

    /// Removes the codes of a session.
    pub(super) fn remove_all(&mut self, session: SessionId) {
        for digest in self.by_session.remove(&session).unwrap_or_default() {
            self.take(&digest);
        }
    }

    pub(super) fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.by_expiry.first().is_some_and(|(expires_at, _)| *expires_at <= now)
    }

    /// Removes the code that expires first.
    pub(super) fn forget_first(&mut self) {
        if let Some((_, digest)) = self.by_expiry.first().copied() {
            self.take(&digest);
        }
    }

    #[cfg(test)]
    pub(super) fn index_lengths(&self) -> [usize; 3] {
        let by_session = self.by_session.values().map(Vec::len).sum();
        [self.rows.len(), self.by_expiry.len(), by_session]
    }
}
