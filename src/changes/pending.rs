//! Writes of this node of which it is not known where in the history they stand: the stamp was lost, or the answer to the
//! commit. Until a poll that began later has been applied, nothing read before them counts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::facts::Place;
use crate::freshness::Instant;

use super::covers::Covers;
use super::word::Word;

/// The writes that wait for a poll.
#[derive(Debug)]
pub(super) struct Pending<W> {
    /// How many; nearly always none, and then nobody takes the lock.
    count: W,
    waiting: Mutex<Vec<(Covers, Instant)>>,
}

impl<W: Word> Pending<W> {
    pub(super) fn new() -> Self {
        Self { count: W::new(0), waiting: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Covers, Instant)>> {
        // A panic while it was held leaves a list that is whole, and at worst too long.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was changed. Has to be done before the write is answered.
    pub(super) fn add(&self, covers: impl IntoIterator<Item = Covers>, since: Instant) {
        let mut waiting = self.lock();
        waiting.extend(covers.into_iter().map(|covers| (covers, since)));
        self.count.store(waiting.len() as u64);
    }

    /// When the last write was made that waits and touches this place; boot time if none does. A proof asks this before it
    /// looks at anything else: what has been lifted from here had been applied before.
    #[inline(always)]
    pub(super) fn since(&self, place: Place, cells: usize) -> Instant {
        if self.count.load() == 0 {
            return Instant::default();
        }
        self.since_locked(place, cells)
    }

    #[cold]
    fn since_locked(&self, place: Place, cells: usize) -> Instant {
        let waiting = self.lock();
        let touching = waiting.iter().filter(|(covers, _)| covers.touches(place, cells));
        touching.map(|(_, since)| *since).max().unwrap_or_default()
    }

    /// Takes off those that a poll begun at `begun` has seen, and gives each to `apply` first.
    pub(super) fn lift(&self, begun: Instant, mut apply: impl FnMut(Covers)) {
        if self.count.load() == 0 {
            return;
        }
        let mut waiting = self.lock();
        waiting.retain(|(covers, since)| {
            let seen = *since < begun;
            if seen {
                apply(*covers);
            }
            !seen
        });
        self.count.store(waiting.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_write_waits_for_a_poll_that_began_after_it() {
        let pending = Pending::<AtomicU64>::new();
        let at = Instant::from_nanos;
        let place = |text: &str| Place::of(text.parse().unwrap());
        let covers = |text: &str| Covers::of(text.parse().unwrap());
        let since = |pending: &Pending<_>, key| pending.since(place(key), 1 << 10).nanos();
        pending.add([covers("reviews:7"), covers("meta:7")], at(100));
        pending.add([covers("reviews:7")], at(150));
        assert_eq!(since(&pending, "reviews/7/newest/1x5"), 150);
        assert_eq!(since(&pending, "meta/7"), 100);
        assert_eq!(since(&pending, "meta/8"), 0);

        let mut lifted = Vec::new();
        pending.lift(at(100), |covers| lifted.push(covers));
        assert!(lifted.is_empty(), "a poll that began at that very moment proves nothing");
        pending.lift(at(101), |covers| lifted.push(covers));
        assert_eq!(lifted, [covers("reviews:7"), covers("meta:7")]);
        assert_eq!((since(&pending, "meta/7"), since(&pending, "reviews/7/newest/1x5")), (0, 150));
        pending.lift(at(200), |_| {});
        assert_eq!(since(&pending, "reviews/7/newest/1x5"), 0);
    }
}
