//! L1: entries in this process, bounded in bytes.
//!
//! moka is used as a plain map without expiry: whether an entry may be answered is judged when it is read, so races
//! inside moka cannot matter.

use std::hash::BuildHasher;
use std::sync::Arc;

use moka::sync::Cache;
use rapidhash::fast::{RandomState, SeedableState};

use super::front::{Front, Look};
use crate::entry::{ENCODE_MIN, Entry};
use crate::key::Key;

/// What an entry costs besides its bodies: key, header values, moka's own bookkeeping, and what the allocator rounds up.
/// Resident memory grew by 893 bytes for a product of 300 bytes (`benches/memory`, 1,000,000 of them).
const ENTRY: usize = 600;

/// What it costs that a body is long enough for encodings, none of which is made yet: reviews lists of 1,061 bytes took 1,839.
const ENCODABLE: usize = 180;

/// What each encoding costs besides its bytes: the head of the block that they are in, and what is rounded up.
const ENCODED: usize = 100;

/// What an entry weighs against the limit.
fn weight(entry: &Entry) -> u32 {
    let encodable = if entry.size() < ENCODE_MIN { 0 } else { ENCODABLE };
    u32::try_from(entry.size() + ENTRY + encodable + entry.encodings() * ENCODED).unwrap_or(u32::MAX)
}

/// The entries of this process.
#[derive(Debug)]
pub(super) struct L1 {
    entries: Cache<Key, Arc<Entry>, RandomState>,
    /// Answers without content stand apart, so that asking for what is not there cannot push out what is.
    empties: Cache<Key, Arc<Entry>, RandomState>,
    pub(super) front: Front,
}

impl L1 {
    pub(super) fn new(bytes: u64, empties: u64) -> Self {
        let weigh = |_: &Key, entry: &Arc<Entry>| weight(entry);
        Self {
            entries: Cache::builder().max_capacity(bytes).weigher(weigh).build_with_hasher(RandomState::default()),
            empties: Cache::builder().max_capacity(empties).build_with_hasher(RandomState::default()),
            front: Front::new(),
        }
    }

    /// The entry stored last under `key`, however old.
    #[inline]
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.entries.get(key).or_else(|| self.empties.get(key))
    }

    /// The same, for a hit: this thread may have it at hand.
    #[inline]
    pub(super) fn hit(&self, key: &Key) -> Option<Arc<Entry>> {
        match self.front.look(key) {
            Look::Is(entry) => Some(entry),
            Look::Ask(number, at_hand) => self.ask(key, number, at_hand),
        }
    }

    fn ask(&self, key: &Key, number: u32, at_hand: Option<Arc<Entry>>) -> Option<Arc<Entry>> {
        let entry = self.get(key).or_else(|| {
            // It was pushed out because the reads in front of it were not seen here.
            at_hand.inspect(|entry| self.front.give_back(key, number, || self.put(Arc::clone(entry))))
        })?;
        self.front.keep(number, &entry);
        Some(entry)
    }

    /// Stores an entry; from then on nobody has the one before it at hand.
    pub(super) fn insert(&self, entry: Arc<Entry>) {
        let key = entry.key;
        self.front.replace(&key, || self.put(entry));
    }

    /// Weighs an entry once more, if it is still held: it has an encoding more.
    pub(super) fn weigh(&self, entry: &Arc<Entry>) {
        if entry.empty {
            return;
        }
        self.front.replace(&entry.key, || {
            if self.entries.get(&entry.key).is_some_and(|held| Arc::ptr_eq(&held, entry)) {
                self.entries.insert(entry.key, Arc::clone(entry));
            }
        });
    }

    fn put(&self, entry: Arc<Entry>) {
        let (into, from) = if entry.empty { (&self.empties, &self.entries) } else { (&self.entries, &self.empties) };
        let key = entry.key;
        into.insert(key, entry);
        if from.contains_key(&key) {
            from.invalidate(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn drop_for_test(&self, key: &Key) {
        self.entries.invalidate(key);
    }

    /// Does what moka puts off until it is asked often enough: it then drops what is above the limits.
    pub(super) fn tidy(&self) {
        self.entries.run_pending_tasks();
        self.empties.run_pending_tasks();
    }

    /// Drops the quarter that was read longest ago; returns how many that are, and of how many. What was stored together lies together,
    /// so that whole pages become free.
    pub(super) fn shrink(&self) -> (u64, u64) {
        let (mut gone, mut all) = (0, 0);
        for map in [&self.entries, &self.empties] {
            let mut ages: Vec<_> = map.iter().map(|(_, entry)| entry.read_at).collect();
            let quarter = ages.len().div_ceil(4);
            all += ages.len() as u64;
            if quarter == 0 {
                continue;
            }
            let (_, until, _) = ages.select_nth_unstable(quarter - 1);
            let until = *until;
            for (key, entry) in map {
                if entry.read_at <= until {
                    map.invalidate(&*key);
                    gone += 1;
                }
            }
            map.run_pending_tasks();
        }
        self.front.forget();
        (gone, all)
    }

    /// How many entries there are with content, how many without, and what the former weigh; as far as moka has counted them.
    pub(super) fn load(&self) -> (u64, u64, u64) {
        (self.entries.entry_count(), self.empties.entry_count(), self.entries.weighted_size())
    }

    /// Whether there is any entry with content.
    pub(super) fn holds_any(&self) -> bool {
        // moka counts in batches: without this, a few entries stored long ago may not be counted yet.
        self.entries.run_pending_tasks();
        self.entries.entry_count() > 0
    }
}

/// A hash of a key that is the node's own.
pub(super) fn hash(key: &Key, node: u64) -> u64 {
    SeedableState::fixed().hash_one((node, key))
}

/// The number by which a key's ttl is shortened on this node.
pub(super) fn draw(key: &Key, node: u64) -> u32 {
    (hash(key, node) >> 32) as u32
}
