//! Who may ask the origin: a bounded number at once, a bounded queue behind them, first come, first served.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The right to ask the origin, for so many at once.
#[derive(Debug)]
pub(super) struct Permits {
    running: Resizable,
    waiting: AtomicUsize,
}

impl Permits {
    pub(super) fn new(running: usize) -> Self {
        Self { running: Resizable::new(running), waiting: AtomicUsize::new(0) }
    }

    /// Changes how many may ask at once; those who do go on.
    pub(super) fn resize(&self, running: usize) {
        self.running.resize(running);
    }

    /// A permit, or `None` when `queue` others wait or none was free in time. tokio's semaphore is fair.
    pub(super) async fn acquire(&self, queue: usize, patience: Duration) -> Option<SemaphorePermit<'_>> {
        let running = &self.running.semaphore;
        if let Ok(permit) = running.try_acquire() {
            return Some(permit);
        }
        let _place = Place::in_queue(&self.waiting, queue)?;
        tokio::time::timeout(patience, running.acquire()).await.ok()?.ok()
    }
}

/// A semaphore whose size can be changed.
#[derive(Debug)]
pub(super) struct Resizable {
    pub(super) semaphore: std::sync::Arc<Semaphore>,
    size: AtomicUsize,
}

impl Resizable {
    pub(super) fn new(size: usize) -> Self {
        Self { semaphore: std::sync::Arc::new(Semaphore::new(size)), size: AtomicUsize::new(size) }
    }

    /// Gives permits back, or takes some away as soon as they are free.
    pub(super) fn resize(&self, size: usize) {
        let before = self.size.swap(size, Ordering::Relaxed);
        if size > before {
            self.semaphore.add_permits(size - before);
        } else if size < before {
            let semaphore = std::sync::Arc::clone(&self.semaphore);
            let fewer = u32::try_from(before - size).unwrap_or(u32::MAX);
            tokio::spawn(async move {
                if let Ok(permits) = semaphore.acquire_many_owned(fewer).await {
                    permits.forget();
                }
            });
        }
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

    const PATIENCE: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn beyond_the_queue_nobody_waits_and_nobody_waits_longer_than_allowed() {
        let permits = Permits::new(1);
        let held = permits.acquire(1, PATIENCE).await.unwrap();

        let waits = permits.acquire(1, PATIENCE);
        let turned_away = permits.acquire(1, PATIENCE);
        let (waited, turned_away) = tokio::join!(waits, async {
            let begun = tokio::time::Instant::now();
            (turned_away.await.is_none(), begun.elapsed())
        });
        assert!(waited.is_none());
        assert_eq!(turned_away, (true, Duration::ZERO));

        drop(held);
        assert!(permits.acquire(1, PATIENCE).await.is_some());
        assert_eq!(permits.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn their_number_can_be_changed() {
        let permits = Permits::new(1);
        let first = permits.acquire(0, PATIENCE).await.unwrap();
        assert!(permits.acquire(0, PATIENCE).await.is_none());
        permits.resize(2);
        let second = permits.acquire(0, PATIENCE).await.unwrap();
        permits.resize(1);
        drop(first);
        assert!(permits.acquire(1, PATIENCE).await.is_none(), "the one that came free was taken away");
        drop(second);
        assert!(permits.acquire(1, PATIENCE).await.is_some());
    }
}
