//! Fetches behind a reader's back: of what is stale, was purged softly, or will expire soon. They have permits and a queue of
//! their own and are dropped first, so that they never hold up anybody who waits.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapidhash::fast::RandomState;
use tokio::sync::Semaphore;

use super::permits::Resizable;
use crate::key::Key;
use crate::metrics::{Reason, metrics};

/// The refreshes that wait or run.
#[derive(Debug)]
pub(super) struct Refreshes {
    under_way: Mutex<HashSet<Key, RandomState>>,
    running: Resizable,
}

/// A key's place among the refreshes; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Refreshes>,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.lock().remove(&self.key);
    }
}

impl Refreshes {
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self { under_way: Mutex::default(), running: Resizable::new(at_once) })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Key, RandomState>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for `key`, unless it has one, or `most` others have.
    pub(super) fn place(self: &Arc<Self>, key: Key, most: usize) -> Option<Place> {
        let mut under_way = self.lock();
        if under_way.len() >= most && !under_way.contains(&key) {
            metrics().reject(Reason::Refresh);
            return None;
        }
        if !under_way.insert(key) {
            return None;
        }
        Some(Place { of: Arc::clone(self), key })
    }

    /// How many may run at once, do, and wait for that.
    pub(super) fn load(&self) -> [usize; 3] {
        let [max, running] = self.running.load();
        [max, running, self.lock().len().saturating_sub(running)]
    }

    /// Changes how many run at once.
    pub(super) fn resize(&self, at_once: usize) {
        self.running.resize(at_once);
    }

    /// The right to run, first come, first served.
    pub(super) fn running(&self) -> Arc<Semaphore> {
        Arc::clone(&self.running.semaphore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_refreshed_once_at_a_time_and_the_queue_has_an_end() {
        let refreshes = Refreshes::new(1);
        let first = refreshes.place(Key::Product(1), 2).unwrap();
        assert!(refreshes.place(Key::Product(1), 2).is_none());
        let _second = refreshes.place(Key::Product(2), 2).unwrap();
        assert!(refreshes.place(Key::Product(3), 2).is_none());
        drop(first);
        assert!(refreshes.place(Key::Product(1), 2).is_some());
    }
}
