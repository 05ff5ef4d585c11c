//! Which keys are hot: a sample of the hits.
//!
//! moka ranks its entries by a sketch and a queue of its own, and shows neither. A counter in every entry would have all cores write to
//! the same few lines. So a hit only looks whether the next sample is due, which is one relaxed load; the clock was read for the proof
//! anyway. Below the rate of samples every hit is one, so that what a quiet shop is asked for is known as well.
//!
//! Unless a restart is to profit from them, samples are taken only while somebody looks at them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapidhash::fast::RandomState;

use crate::freshness::Instant;
use crate::key::Key;

/// The mean time between two samples, in nanoseconds, when hits come faster than that. It is drawn anew each time, so that no rhythm of
/// the requests can hide a key.
const INTERVAL: u64 = 1_000_000;

/// How many samples are remembered: the last minute at the full rate, longer otherwise. They take 1 MiB.
const REMEMBERED: usize = 1 << 16;

/// No sample is due.
const NEVER: u64 = u64::MAX;

/// For how long samples go on to be taken after somebody has looked.
const WATCHED: Duration = Duration::from_secs(60);

/// The last hits that were sampled.
#[derive(Debug)]
pub(in crate::cache) struct Sample {
    due: Due,
    /// Whether they are wanted although nobody looks.
    wanted: bool,
    /// Until when somebody looks, in nanoseconds after boot.
    watched: AtomicU64,
    ended: AtomicBool,
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
        let due = Due(AtomicU64::new(if wanted { 0 } else { NEVER }));
        Self { due, wanted, watched: AtomicU64::new(0), ended: AtomicBool::new(false), samples: Mutex::default() }
    }

    /// What is asked for most, the hottest first, each with its samples; and how many samples there are. Whoever asks again within a
    /// minute sees what happened in between.
    pub(in crate::cache) fn look(&self, most: usize, now: Instant) -> (Vec<(Key, usize)>, usize) {
        let mut samples = self.lock();
        self.watched.store(now.after(WATCHED).nanos(), Ordering::Relaxed);
        if self.due.0.load(Ordering::Relaxed) == NEVER && !self.has_ended() {
            // What was hot when somebody looked the last time need not be any more.
            samples.ring.clear();
            samples.next = 0;
            self.due.0.store(0, Ordering::Relaxed);
        }
        let ranked = samples.ranked();
        (ranked.into_iter().take(most).map(|((times, _), key)| (key, times)).collect(), samples.ring.len())
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
        if !self.wanted && now.nanos() > self.watched.load(Ordering::Relaxed) {
            self.due.0.store(NEVER, Ordering::Relaxed);
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
        self.ended.store(true, Ordering::Relaxed);
        self.due.0.store(NEVER, Ordering::Relaxed);
        samples.hottest(most)
    }

    /// Whether no more samples are taken.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
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

    /// Each key with how often it was seen, and how lately: of keys that were seen as often the one that was seen last is the better
    /// guess.
    fn ranked(&self) -> Vec<((usize, usize), Key)> {
        let mut seen: HashMap<Key, (usize, usize), RandomState> = HashMap::default();
        let (older, newer) = self.ring.split_at(self.next.min(self.ring.len()));
        for (when, key) in newer.iter().chain(older).enumerate() {
            let (times, last) = seen.entry(*key).or_default();
            (*times, *last) = (*times + 1, when);
        }
        let mut keys: Vec<((usize, usize), Key)> = seen.iter().map(|(key, rank)| (*rank, *key)).collect();
        keys.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        keys
    }

    fn hottest(&self, most: usize) -> Vec<Key> {
        let ranked = self.ranked();
        let seen: HashSet<Key, RandomState> = ranked.iter().map(|(_, key)| *key).collect();
        let mut keys: Vec<_> = ranked.into_iter().map(|(_, key)| key).take(most).collect();
        let is_young = self.ring.len() < REMEMBERED;
        keys.extend(self.before.iter().filter(|key| is_young && !seen.contains(*key)));
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
    fn while_somebody_looks_samples_are_taken_and_not_for_long_after() {
        let sample = Sample::new(false);
        let second = |seconds: u64| at(seconds * 1_000_000_000);
        sample.see(Key::Product(1), second(1));
        assert_eq!(sample.look(10, second(1)), (vec![], 0));
        (2..=4).for_each(|seconds| sample.see(Key::Product(2), second(seconds)));
        sample.see(Key::Product(3), second(5));
        assert_eq!(sample.look(10, second(5)), (vec![(Key::Product(2), 3), (Key::Product(3), 1)], 4));
        assert_eq!(sample.look(1, second(6)).0.len(), 1);
        // A minute after the last look it is over, and whoever looks then begins anew.
        sample.see(Key::Product(4), second(67));
        sample.see(Key::Product(4), second(68));
        assert_eq!(sample.look(10, second(69)), (vec![], 0));
        sample.see(Key::Product(5), second(70));
        assert_eq!(sample.look(10, second(71)).1, 1);
        sample.end(0);
        sample.see(Key::Product(5), second(72));
        assert_eq!(sample.look(10, second(73)).1, 1, "after its end nobody can look it alive");
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
