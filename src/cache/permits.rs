//! Who may ask the origin: a bounded number at once, a bounded queue behind them, first come, first served. While everybody waits too
//! long, the newest are turned away at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::shed::Shed;

/// The right to ask the origin, for so many at once.
#[derive(Debug)]
pub(super) struct Permits {
    running: Resizable,
    waiting: AtomicUsize,
    shed: Mutex<Shed>,
    begin: Instant,
}

/// How one waits for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// Behind how many others.
    pub(super) queue: usize,
    /// For how long.
    pub(super) patience: Duration,
    /// How long the shortest wait may be before whoever comes is turned away.
    pub(super) target: Duration,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many wait.
    Full,
    /// Those who wait do so for too long.
    Shed,
    /// None became free in time.
    Late,
}

impl Permits {
    pub(super) fn new(running: usize) -> Self {
        Self {
            running: Resizable::new(running),
            waiting: AtomicUsize::new(0),
            shed: Mutex::default(),
            begin: Instant::now(),
        }
    }

    fn shed(&self) -> MutexGuard<'_, Shed> {
        self.shed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody has to wait: then there is no time for what is not urgent.
    pub(super) fn are_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
            || (self.running.semaphore.available_permits() == 0 && self.shed().is_on())
    }

    /// How many permits there are, are taken, and are waited for.
    pub(super) fn load(&self) -> [usize; 3] {
        let [max, taken] = self.running.load();
        [max, taken, self.waiting.load(Ordering::Relaxed)]
    }

    /// Changes how many may ask at once; those who do go on.
    pub(super) fn resize(&self, running: usize) {
        self.running.resize(running);
    }

    /// A permit. tokio's semaphore is fair.
    pub(super) async fn acquire(&self, wait: Wait) -> Result<SemaphorePermit<'_>, Refusal> {
        let Wait { queue, patience, target } = wait;
        let running = &self.running.semaphore;
        let begun = self.begin.elapsed();
        let waiting = || self.waiting.load(Ordering::Relaxed);
        if let Ok(permit) = running.try_acquire() {
            self.shed().waited(Duration::ZERO, true, waiting(), target, begun);
            return Ok(permit);
        }
        if self.shed().turns_away(waiting(), target, begun) {
            return Err(Refusal::Shed);
        }
        let place = Place::in_queue(&self.waiting, queue).ok_or(Refusal::Full)?;
        let acquired = tokio::time::timeout(patience, running.acquire()).await;
        drop(place);
        let now = self.begin.elapsed();
        // The semaphore is never closed.
        let acquired = acquired.ok().and_then(Result::ok);
        self.shed().waited(now.saturating_sub(begun), acquired.is_some(), waiting(), target, now);
        acquired.ok_or(Refusal::Late)
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

    /// How many permits there are, and are taken.
    pub(super) fn load(&self) -> [usize; 2] {
        let size = self.size.load(Ordering::Relaxed);
        // While it is made smaller, for a moment more of them are out than there are.
        [size, size.saturating_sub(self.semaphore.available_permits())]
    }

    /// Gives permits back, or takes some away as soon as they are free.
    pub(super) fn resize(&self, size: usize) {
        let before = self.size.swap(size, Ordering::Relaxed);
        if size > before {
            self.semaphore.add_permits(size - before);
        } else if size < before {
            let semaphore = std::sync::Arc::clone(&self.semaphore);
            let fewer = before - size - semaphore.forget_permits(before - size);
            let fewer = u32::try_from(fewer).unwrap_or(u32::MAX);
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

    const MS: Duration = Duration::from_millis(1);
    const PATIENCE: Duration = Duration::from_millis(100);

    /// A wait behind so many others.
    fn behind(queue: usize) -> Wait {
        Wait { queue, patience: PATIENCE, target: PATIENCE }
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_queue_nobody_waits_and_nobody_waits_longer_than_allowed() {
        let permits = Permits::new(1);
        let held = permits.acquire(behind(1)).await.unwrap();

        let waits = permits.acquire(behind(1));
        let turned_away = permits.acquire(behind(1));
        let (waited, turned_away) = tokio::join!(waits, async {
            let begun = Instant::now();
            (turned_away.await.err(), begun.elapsed())
        });
        assert_eq!(waited.err(), Some(Refusal::Late));
        assert_eq!(turned_away, (Some(Refusal::Full), Duration::ZERO));

        drop(held);
        assert!(permits.acquire(behind(1)).await.is_ok());
        assert_eq!(permits.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn their_number_can_be_changed() {
        let permits = Permits::new(1);
        let first = permits.acquire(behind(0)).await.unwrap();
        assert!(permits.acquire(behind(0)).await.is_err());
        permits.resize(2);
        let second = permits.acquire(behind(0)).await.unwrap();
        permits.resize(1);
        // Whoever takes it away queues like everybody else.
        tokio::task::yield_now().await;
        drop(first);
        assert!(permits.acquire(behind(1)).await.is_err(), "the one that came free was taken away");
        drop(second);
        assert!(permits.acquire(behind(1)).await.is_ok());
    }

    /// Twice as many come as can be served, each of whom takes 10 ms, for so long; returns how long each served one has waited, in
    /// their order, and how many were shed.
    async fn overload(permits: &std::sync::Arc<Permits>, wait: Wait, lasts: Duration) -> (Vec<Duration>, usize) {
        let begun = Instant::now();
        let mut callers = Vec::new();
        while begun.elapsed() < lasts {
            let permits = std::sync::Arc::clone(permits);
            callers.push(tokio::spawn(async move {
                let come = Instant::now();
                let permit = permits.acquire(wait).await?;
                let waited = come.elapsed();
                tokio::time::sleep(10 * MS).await;
                drop(permit);
                Ok(waited)
            }));
            tokio::time::sleep(MS).await;
        }
        let (mut waits, mut shed) = (Vec::new(), 0);
        for caller in callers {
            match caller.await.unwrap() {
                Ok(waited) => waits.push(waited),
                Err(Refusal::Shed) => shed += 1,
                Err(Refusal::Full | Refusal::Late) => {}
            }
        }
        (waits, shed)
    }

    #[tokio::test(start_paused = true)]
    async fn under_twice_the_load_the_newest_are_turned_away_and_all_permits_are_used() {
        let permits = std::sync::Arc::new(Permits::new(5));
        let wait = Wait { queue: 1000, patience: 200 * MS, target: 50 * MS };
        let (waits, shed) = overload(&permits, wait, 5000 * MS).await;
        // 5 permits serve 500 of 1000 in a second, for five seconds.
        assert!(waits.len() > 2400, "{} were served", waits.len());
        assert!(shed > 1500, "{shed} were turned away");
        // It takes two windows to be sure.
        let late = waits.iter().skip(300).filter(|wait| **wait > 60 * MS).count();
        assert!(late * 100 < waits.len(), "{late} of {} waited for long", waits.len());
        assert!(permits.acquire(wait).await.is_ok(), "as soon as a permit is free, nobody is turned away");

        // Without it everybody waits for as long as the queue lets them.
        let permits = std::sync::Arc::new(Permits::new(5));
        let (waits, shed) = overload(&permits, Wait { target: 200 * MS, ..wait }, 5000 * MS).await;
        let late = waits.iter().filter(|wait| **wait > 150 * MS).count();
        assert!(shed == 0 && late * 2 > waits.len(), "{shed} were turned away, {late} of {} waited", waits.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through() {
        let permits = std::sync::Arc::new(Permits::new(5));
        let wait = Wait { queue: 1000, patience: 200 * MS, target: 50 * MS };
        for _ in 0..20 {
            let burst: Vec<_> = (0..50)
                .map(|_| {
                    let permits = std::sync::Arc::clone(&permits);
                    tokio::spawn(async move {
                        let permit = permits.acquire(wait).await;
                        tokio::time::sleep(10 * MS).await;
                        permit.is_ok()
                    })
                })
                .collect();
            for caller in burst {
                assert!(caller.await.unwrap(), "nobody waits longer than 90 ms");
            }
            tokio::time::sleep(100 * MS).await;
        }
    }
}
