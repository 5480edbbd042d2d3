//! A sorted index of rows that holds only their slab keys, four bytes each. The sort keys stay in
//! the rows.

use std::collections::BTreeMap;
use std::ops::Bound;

/// The key of a row in the slab. Four bytes, because every index holds one for each session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowKey(u32);

impl RowKey {
    pub(super) fn of(slab_key: usize) -> Self {
        Self(u32::try_from(slab_key).unwrap_or(u32::MAX))
    }

    pub(super) fn in_slab(self) -> usize {
        self.0 as usize
    }
}

/// The maximum length of a chunk.
const CHUNK: usize = 256;
/// A shorter chunk is merged into the one before it, if both fit.
const SPARSE: usize = CHUNK / 4;

/// Row keys sorted by a unique sort key of each row.
///
/// A tree of sorted chunks; the tree key of a chunk is at most its first sort key. A call costs the
/// logarithm of the number of chunks plus the length of one.
pub(super) struct SortedIndex<K> {
    chunks: BTreeMap<K, Vec<RowKey>>,
}

impl<K> Default for SortedIndex<K> {
    fn default() -> Self {
        Self { chunks: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> SortedIndex<K> {
    /// The tree key of the chunk that a sort key belongs to.
    fn chunk_of(&self, key: K) -> Option<K> {
        let within = self.chunks.range(..=key).next_back();
        within.or_else(|| self.chunks.first_key_value()).map(|(first, _)| *first)
    }

    /// Adds a row that is not in the index.
    pub(super) fn insert(&mut self, key: K, row: RowKey, key_of: impl Fn(RowKey) -> K) {
        let Some(first) = self.chunk_of(key) else {
            self.chunks.insert(key, new_chunk(row));
            return;
        };
        let is_last = self.chunks.last_key_value().is_some_and(|(last, _)| *last == first);
        let Some(mut chunk) = self.chunks.remove(&first) else { return };
        let at = chunk.partition_point(|other| key_of(*other) < key);
        if chunk.len() < CHUNK {
            chunk.insert(at, row);
        } else if at == CHUNK && is_last {
            // Most indexes grow at their end, so full chunks stay full.
            self.chunks.insert(key, new_chunk(row));
        } else {
            let mut upper = Vec::with_capacity(CHUNK);
            upper.extend(chunk.drain(CHUNK / 2..));
            if at <= CHUNK / 2 {
                chunk.insert(at, row);
            } else {
                upper.insert(at - CHUNK / 2, row);
            }
            self.chunks.insert(key_of(upper[0]), upper);
        }
        self.chunks.insert(first.min(key), chunk);
    }

    /// Removes a row; it must still have this sort key.
    pub(super) fn remove(&mut self, key: K, row: RowKey, key_of: impl Fn(RowKey) -> K) {
        let Some(first) = self.chunk_of(key) else { return };
        let Some(chunk) = self.chunks.get_mut(&first) else { return };
        let at = chunk.partition_point(|other| key_of(*other) < key);
        if chunk.get(at) != Some(&row) {
            return;
        }
        chunk.remove(at);
        let left = chunk.len();
        if left == 0 {
            self.chunks.remove(&first);
        } else if left < SPARSE {
            self.merge_into_previous(first, left);
        }
    }

    fn merge_into_previous(&mut self, first: K, length: usize) {
        let before = self.chunks.range(..first).next_back();
        let Some((before, other)) = before.map(|(key, chunk)| (*key, chunk.len())) else { return };
        if other + length > CHUNK - SPARSE {
            return;
        }
        if let Some(chunk) = self.chunks.remove(&first)
            && let Some(before) = self.chunks.get_mut(&before)
        {
            before.extend(chunk);
        }
    }

    /// The row with the lowest sort key.
    pub(super) fn first(&self) -> Option<RowKey> {
        self.chunks.first_key_value().and_then(|(_, chunk)| chunk.first().copied())
    }

    /// The row with this sort key.
    pub(super) fn find(&self, key: K, key_of: impl Fn(RowKey) -> K) -> Option<RowKey> {
        let chunk = self.chunks.get(&self.chunk_of(key)?)?;
        let at = chunk.binary_search_by_key(&key, |row| key_of(*row)).ok()?;
        chunk.get(at).copied()
    }

    /// The rows whose sort keys are at least `from`, ascending.
    pub(super) fn from(
        &self,
        from: K,
        key_of: impl Fn(RowKey) -> K,
    ) -> impl Iterator<Item = RowKey> {
        let first = self.chunk_of(from).map_or(Bound::Unbounded, Bound::Included);
        let chunks = self.chunks.range((first, Bound::Unbounded));
        let rows = chunks.flat_map(|(_, chunk)| chunk.iter().copied());
        rows.skip_while(move |row| key_of(*row) < from)
    }

    /// The rows whose sort keys are below `before`, or all, descending.
    pub(super) fn back_from(
        &self,
        before: Option<K>,
        key_of: impl Fn(RowKey) -> K,
    ) -> impl Iterator<Item = RowKey> {
        let last = before.map_or(Bound::Unbounded, Bound::Included);
        let chunks = self.chunks.range((Bound::Unbounded, last)).rev();
        let rows = chunks.flat_map(|(_, chunk)| chunk.iter().rev().copied());
        rows.skip_while(move |row| before.is_some_and(|before| key_of(*row) >= before))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.chunks.values().map(Vec::len).sum()
    }
}

fn new_chunk(row: RowKey) -> Vec<RowKey> {
    let mut chunk = Vec::with_capacity(CHUNK);
    chunk.push(row);
    chunk
}
