//! Which keys are hot: a sample of the hits.
//!
//! moka ranks its entries by a sketch and a queue of its own, and shows neither. A counter in every entry would have all cores write to
//! the same few lines. So a hit only looks whether the next sample is due, which is one relaxed load; the clock was read for the proof
//! anyway. Below the rate of samples every hit is one, so that what a quiet shop is asked for is known as well.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rapidhash::fast::RandomState;

use crate::freshness::Instant;
use crate::key::Key;

/// The mean time between two samples, in nanoseconds, when hits come faster than that. It is drawn anew each time, so that no rhythm of
/// the requests can hide a key.
const INTERVAL: u64 = 1_000_000;

/// How many samples are remembered: the last minute at the full rate, longer otherwise. They take 1 MiB.
const REMEMBERED: usize = 1 << 16;

/// No sample is due, ever.
const NEVER: u64 = u64::MAX;

/// The last hits that were sampled.
#[derive(Debug)]
pub(in crate::cache) struct Sample {
    due: Due,
    samples: Mutex<Samples>,
}

/// When the next sample is due, in nanoseconds after boot. It has a cache line to itself: every hit reads it, and what stands beside it
/// is written.
#[derive(Debug)]
#[repr(align(64))]
struct Due(AtomicU64);

#[derive(Debug, Default)]
struct Samples {
    /// The last ones; when it is full, `next` is the oldest.
    ring: Vec<Key>,
    next: usize,
    /// What the process before this one had, the hottest first.
    before: Vec<Key>,
}

impl Sample {
    /// Takes samples from now on, if they are wanted.
    pub(in crate::cache) fn new(wanted: bool) -> Self {
        Self { due: Due(AtomicU64::new(if wanted { 0 } else { NEVER })), samples: Mutex::default() }
    }

    /// Looks at a hit.
    #[inline]
    pub(in crate::cache) fn see(&self, key: Key, now: Instant) {
        if now.nanos() >= self.due.0.load(Ordering::Relaxed) {
            self.take(key, now);
        }
    }

    #[cold]
    fn take(&self, key: Key, now: Instant) {
        // Whoever comes at the same moment is not needed.
        let Ok(mut samples) = self.samples.try_lock() else { return };
        if self.due.0.load(Ordering::Relaxed) == NEVER {
            return;
        }
        self.due.0.store(now.nanos().saturating_add(fastrand::u64(..2 * INTERVAL)), Ordering::Relaxed);
        samples.add(key);
    }

    fn lock(&self) -> MutexGuard<'_, Samples> {
        // Nothing in there can be half done.
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what was hot before this process, for when it ends before it knows better.
    pub(super) fn begin_with(&self, keys: &[Key]) {
        self.lock().before = keys.to_vec();
    }

    /// Takes no more samples, and says which keys were hot: `most` of them, the hottest first.
    pub(super) fn end(&self, most: usize) -> Vec<Key> {
        let samples = self.lock();
        self.due.0.store(NEVER, Ordering::Relaxed);
        samples.hottest(most)
    }

    /// Whether no more samples are taken.
    pub(super) fn has_ended(&self) -> bool {
        self.due.0.load(Ordering::Relaxed) == NEVER
    }
}

impl Samples {
    fn add(&mut self, key: Key) {
        if self.ring.len() < REMEMBERED {
            self.ring.push(key);
        } else if let Some(oldest) = self.ring.get_mut(self.next) {
            *oldest = key;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    fn hottest(&self, most: usize) -> Vec<Key> {
        // How often, and how lately: of keys that were seen as often the one that was seen last is the better guess.
        let mut seen: HashMap<Key, (usize, usize), RandomState> = HashMap::default();
        let (older, newer) = self.ring.split_at(self.next.min(self.ring.len()));
        for (when, key) in newer.iter().chain(older).enumerate() {
            let (times, last) = seen.entry(*key).or_default();
            (*times, *last) = (*times + 1, when);
        }
        let mut keys: Vec<_> = seen.iter().map(|(key, rank)| (*rank, *key)).collect();
        keys.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        let mut keys: Vec<_> = keys.into_iter().map(|(_, key)| key).take(most).collect();
        let is_young = self.ring.len() < REMEMBERED;
        keys.extend(self.before.iter().filter(|key| is_young && !seen.contains_key(key)));
        keys.truncate(most);
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn hits_that_come_slowly_are_all_seen_and_fast_ones_at_the_rate_of_samples() {
        let slow = Sample::new(true);
        (1..=100).for_each(|number| slow.see(Key::Product(number), at(u64::from(number) * 2 * INTERVAL)));
        assert_eq!(slow.end(1000).len(), 100);

        let fast = Sample::new(true);
        // A second of a million hits, for each of which another key is asked.
        (1..=1_000_000).for_each(|number| fast.see(Key::Product(number), at(u64::from(number) * 1000)));
        let seen = fast.end(1_000_000).len();
        assert!((800..=1200).contains(&seen), "{seen}");

        let unwanted = Sample::new(false);
        unwanted.see(Key::Product(1), at(u64::MAX - 1));
        assert!(unwanted.end(10).is_empty());
    }

    #[test]
    fn after_its_end_nothing_is_seen() {
        let sample = Sample::new(true);
        sample.see(Key::Product(1), at(1));
        assert!(!sample.has_ended());
        assert_eq!(sample.end(10), [Key::Product(1)]);
        sample.see(Key::Product(2), at(u64::MAX - 1));
        assert!(sample.has_ended());
        assert_eq!(sample.end(10), [Key::Product(1)]);
    }

    #[test]
    fn the_hottest_come_first_then_the_latest_then_those_from_before() {
        let mut samples = Samples { before: [9, 3, 8].map(Key::Product).to_vec(), ..Samples::default() };
        for number in [1, 2, 3, 2, 1, 2, 4] {
            samples.add(Key::Product(number));
        }
        assert_eq!(samples.hottest(10), [2, 1, 4, 3, 9, 8].map(Key::Product));
        assert_eq!(samples.hottest(5), [2, 1, 4, 3, 9].map(Key::Product));
        assert_eq!(samples.hottest(1), [2].map(Key::Product));
        assert_eq!(samples.hottest(0), []);
    }

    #[test]
    fn old_samples_make_room_for_new_ones_and_what_was_before_is_forgotten() {
        let mut samples = Samples { before: vec![Key::Product(9)], ..Samples::default() };
        for _ in 0..REMEMBERED {
            samples.add(Key::Product(1));
        }
        assert_eq!(samples.hottest(10), [Key::Product(1)]);
        for _ in 0..REMEMBERED / 2 + 1 {
            samples.add(Key::Product(2));
        }
        assert_eq!(samples.hottest(10), [2, 1].map(Key::Product));
        for _ in 0..REMEMBERED {
            samples.add(Key::Product(3));
        }
        assert_eq!((samples.hottest(10), samples.ring.len()), (vec![Key::Product(3)], REMEMBERED));
    }
}
