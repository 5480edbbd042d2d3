//! An order of rows that holds nothing but their places, four bytes each: the keys are in the rows.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::slab::Place;

/// The most places of one chunk.
const CHUNK: usize = 256;
/// A chunk of fewer joins the one before it, if they fit together.
const SPARSE: usize = CHUNK / 4;

/// The places of rows, sorted by a key that each row has. No two rows have the same key.
///
/// Chunks of sorted places, each under a key that is not above its first: what a call costs grows
/// with the logarithm of the number of chunks, and with the length of one.
pub(super) struct Order<K> {
    chunks: BTreeMap<K, Vec<Place>>,
}

impl<K> Default for Order<K> {
    fn default() -> Self {
        Self { chunks: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Order<K> {
    /// The key of the chunk that a key belongs to.
    fn chunk_of(&self, key: K) -> Option<K> {
        let within = self.chunks.range(..=key).next_back();
        within.or_else(|| self.chunks.first_key_value()).map(|(first, _)| *first)
    }

    /// Adds a row that is in no place of this order.
    pub(super) fn insert(&mut self, key: K, place: Place, key_of: impl Fn(Place) -> K) {
        let Some(first) = self.chunk_of(key) else {
            self.chunks.insert(key, new_chunk(place));
            return;
        };
        let is_last = self.chunks.last_key_value().is_some_and(|(last, _)| *last == first);
        let Some(mut chunk) = self.chunks.remove(&first) else { return };
        let at = chunk.partition_point(|other| key_of(*other) < key);
        if chunk.len() < CHUNK {
            chunk.insert(at, place);
        } else if at == CHUNK && is_last {
            // Most orders grow at their end: chunks that are left behind stay full.
            self.chunks.insert(key, new_chunk(place));
        } else {
            let mut upper = Vec::with_capacity(CHUNK);
            upper.extend(chunk.drain(CHUNK / 2..));
            if at <= CHUNK / 2 {
                chunk.insert(at, place);
            } else {
                upper.insert(at - CHUNK / 2, place);
            }
            self.chunks.insert(key_of(upper[0]), upper);
        }
        self.chunks.insert(first.min(key), chunk);
    }

    /// Takes a row out, while it still has this key.
    pub(super) fn remove(&mut self, key: K, place: Place, key_of: impl Fn(Place) -> K) {
        let Some(first) = self.chunk_of(key) else { return };
        let Some(chunk) = self.chunks.get_mut(&first) else { return };
        let at = chunk.partition_point(|other| key_of(*other) < key);
        if chunk.get(at) != Some(&place) {
            return;
        }
        chunk.remove(at);
        let left = chunk.len();
        if left == 0 {
            self.chunks.remove(&first);
        } else if left < SPARSE {
            self.join_to_the_one_before(first, left);
        }
    }

    fn join_to_the_one_before(&mut self, first: K, length: usize) {
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

    /// The row at the front.
    pub(super) fn first(&self) -> Option<Place> {
        self.chunks.first_key_value().and_then(|(_, chunk)| chunk.first().copied())
    }

    /// The row of this key.
    pub(super) fn find(&self, key: K, key_of: impl Fn(Place) -> K) -> Option<Place> {
        let chunk = self.chunks.get(&self.chunk_of(key)?)?;
        let at = chunk.binary_search_by_key(&key, |place| key_of(*place)).ok()?;
        chunk.get(at).copied()
    }

    /// The rows whose keys are not below `from`, in order.
    pub(super) fn from(&self, from: K, key_of: impl Fn(Place) -> K) -> impl Iterator<Item = Place> {
        let first = self.chunk_of(from).map_or(Bound::Unbounded, Bound::Included);
        let chunks = self.chunks.range((first, Bound::Unbounded));
        let places = chunks.flat_map(|(_, chunk)| chunk.iter().copied());
        places.skip_while(move |place| key_of(*place) < from)
    }

    /// The rows whose keys are below `before`, or all, from the last to the first.
    pub(super) fn back_from(
        &self,
        before: Option<K>,
        key_of: impl Fn(Place) -> K,
    ) -> impl Iterator<Item = Place> {
        let last = before.map_or(Bound::Unbounded, Bound::Included);
        let chunks = self.chunks.range((Bound::Unbounded, last)).rev();
        let places = chunks.flat_map(|(_, chunk)| chunk.iter().rev().copied());
        places.skip_while(move |place| before.is_some_and(|before| key_of(*place) >= before))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.chunks.values().map(Vec::len).sum()
    }
}

fn new_chunk(place: Place) -> Vec<Place> {
    let mut chunk = Vec::with_capacity(CHUNK);
    chunk.push(place);
    chunk
}
