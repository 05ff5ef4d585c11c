//! Who may ask the origin: a bounded number at once, a bounded queue behind them, first come, first served.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The right to ask the origin, for so many at once.
#[derive(Debug)]
pub(super) struct Permits {
    running: Semaphore,
    waiting: AtomicUsize,
    queue: usize,
}

impl Permits {
    pub(super) fn new(running: usize, queue: usize) -> Self {
        Self { running: Semaphore::new(running), waiting: AtomicUsize::new(0), queue }
    }

    /// A permit, or `None` when the queue is full or none was free in time. tokio's semaphore is fair.
    pub(super) async fn acquire(&self, patience: Duration) -> Option<SemaphorePermit<'_>> {
        if let Ok(permit) = self.running.try_acquire() {
            return Some(permit);
        }
        let _place = Place::in_queue(&self.waiting, self.queue)?;
        tokio::time::timeout(patience, self.running.acquire()).await.ok()?.ok()
    }
}

/// A place in the queue, given back however the wait ends.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn in_queue(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < limit).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn beyond_the_queue_nobody_waits_and_nobody_waits_longer_than_allowed() {
        let permits = Permits::new(1, 1);
        let patience = Duration::from_millis(100);
        let held = permits.acquire(patience).await.unwrap();

        let waits = permits.acquire(patience);
        let turned_away = permits.acquire(patience);
        let (waited, turned_away) = tokio::join!(waits, async {
            let begun = tokio::time::Instant::now();
            (turned_away.await.is_none(), begun.elapsed())
        });
        assert!(waited.is_none());
        assert_eq!(turned_away, (true, Duration::ZERO));

        drop(held);
        assert!(permits.acquire(patience).await.is_some());
        assert_eq!(permits.waiting.load(Ordering::Relaxed), 0);
    }
}
