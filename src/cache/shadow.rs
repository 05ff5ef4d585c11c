//! The promise watches itself: one hit in so many is asked for again, and what was answered is compared with what the origin says.
//!
//! A difference by itself says nothing, since the fetch may have seen a change of which no poll has told yet. So a poll that begins
//! behind the fetch is waited for: it sees every change that the fetch saw. What is proved even then, and differs, was wrong.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tracing::error;

use super::Cache;
use super::fill::Purpose;
use crate::changes::Proof;
use crate::entry::{Answer, Entry};
use crate::metrics::{Compared, metrics};

thread_local! {
    /// How many hits of this thread are still to come before one is compared. A counter that all share would have them wait for each
    /// other.
    static LEFT: Cell<u32> = const { Cell::new(FIRST) };
}

/// Stands in `LEFT` before the first hit.
const FIRST: u32 = u32::MAX;

/// For how many hits nothing is compared while that is switched off, until it is looked whether it still is.
const OFF: u32 = 10_000;

/// Which hits are compared, and whether one is.
#[derive(Debug)]
pub(super) struct Shadow {
    one_of: AtomicU32,
    /// One at a time: that bounds what it costs the origin.
    busy: AtomicBool,
}

/// The turn to compare; it is given back when this is dropped.
struct Turn(Arc<Cache>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.shadow.busy.store(false, Ordering::Release);
    }
}

impl Shadow {
    /// Compares one of so many hits; 0 is none.
    pub(super) fn new(one_of: u32) -> Self {
        Self { one_of: AtomicU32::new(one_of), busy: AtomicBool::new(false) }
    }

    pub(super) fn set(&self, one_of: u32) {
        self.one_of.store(one_of, Ordering::Relaxed);
    }

    /// Whether this hit is one of them.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        LEFT.with(|left| {
            let goes_on = !matches!(left.get(), 0 | FIRST);
            if goes_on {
                left.set(left.get() - 1);
            }
            !goes_on && self.draw(left)
        })
    }

    /// At random, so that no rhythm of the requests can hide a key; but not before so many hits as one is drawn from have come.
    #[cold]
    fn draw(&self, left: &Cell<u32>) -> bool {
        let is_first = left.get() == FIRST;
        let one_of = self.one_of.load(Ordering::Relaxed);
        left.set(match one_of {
            0 => OFF,
            1 => 0,
            _ if is_first => one_of,
            _ => fastrand::u32(..one_of.saturating_mul(2) - 1),
        });
        one_of == 1 || one_of > 1 && !is_first
    }
}

impl Cache {
    /// Compares an answer that was served as proved with what the origin says, behind the reader's back and if nothing more urgent is to
    /// be done.
    #[cold]
    pub(super) fn compare(self: &Arc<Self>, entry: &Arc<Entry>) {
        if !self.has_time_to_refresh() || self.shadow.busy.swap(true, Ordering::Acquire) {
            return;
        }
        let (turn, entry) = (Turn(Arc::clone(self)), Arc::clone(entry));
        tokio::spawn(async move {
            let compared = turn.0.compared(&entry).await;
            metrics().compared(compared);
        });
    }

    async fn compared(&self, entry: &Entry) -> Compared {
        let Ok(_permit) = self.refreshes.running().acquire_owned().await else { return Compared::Failed };
        let Ok(fresh) = self.fetch(entry.key, Purpose::Refresh { held: entry.read_at }).await else {
            return Compared::Failed;
        };
        if say_the_same(entry, &fresh) {
            return Compared::Equal;
        }
        let patience = self.live.load().budget;
        if !self.poller.join(patience).await {
            return Compared::Failed;
        }
        let (Proof::Current(_), _) = self.changes.prove(&entry.facts) else { return Compared::Changed };
        error!(
            key = %entry.key, held = ?entry.facts, origin = ?fresh.facts,
            "`{}` was answered as proved and is not what the origin says", entry.key
        );
        // Nobody else gets it, at least.
        self.store(&Arc::new(fresh));
        Compared::Wrong
    }
}

fn say_the_same(one: &Entry, other: &Entry) -> bool {
    match (&one.answer, &other.answer) {
        (Answer::Found(one), Answer::Found(other)) => one.identity.body == other.identity.body,
        (Answer::Absent, Answer::Absent) => true,
        (Answer::Found(_), Answer::Absent) | (Answer::Absent, Answer::Found(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_of_so_many_is_due_and_none_when_it_is_off() {
        let of = |shadow: &Shadow, hits: u32| (0..hits).filter(|_| shadow.is_due()).count();
        std::thread::spawn(move || {
            assert_eq!(of(&Shadow::new(1000), 1000), 0, "the first has time");
            assert_eq!(of(&Shadow::new(1), 100), 99);
            let some = of(&Shadow::new(100), 100_000);
            assert!((800..1200).contains(&some), "{some}");
            let shadow = Shadow::new(0);
            // What was drawn before may still be due.
            of(&shadow, 300);
            assert_eq!(of(&shadow, 100_000), 0);
            shadow.set(1);
            assert!(of(&shadow, OFF + 10) > 0);
        })
        .join()
        .unwrap();
    }
}
