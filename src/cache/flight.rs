//! One fetch per key at a time, in a task of its own; whoever wants the key meanwhile waits for that one.
//!
//! The caller who begins a flight is only its first follower: it may leave, and the flight goes on. A flight may stay on the map for
//! a while after it has landed, so that those who come next take its result: that is how failures are remembered.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rapidhash::fast::RandomState;
use tokio::sync::watch;

use super::l1;
use crate::key::Key;

/// Locks are held for a map operation; with this many, two threads rarely meet.
const SHARDS: usize = 64;

type Shard<T> = Mutex<HashMap<Key, watch::Receiver<Option<T>>, RandomState>>;

/// The flights under way.
#[derive(Debug)]
pub(super) struct Flights<T> {
    shards: Arc<[Shard<T>; SHARDS]>,
    /// How many wait, in all.
    waiting: Arc<AtomicUsize>,
}

/// What a caller is to a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// It began the flight.
    Leader,
    /// The flight was under way.
    Follower,
}

/// Takes the flight off the map however its task ends: with a result, by panic, or with the runtime.
struct Removal<T> {
    shards: Arc<[Shard<T>; SHARDS]>,
    key: Key,
}

impl<T> Drop for Removal<T> {
    fn drop(&mut self) {
        lock(&self.shards[place(&self.key)]).remove(&self.key);
    }
}

fn place(key: &Key) -> usize {
    l1::hash(key, 0) as usize % SHARDS
}

fn lock<T>(shard: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while it was held can only have been in the map itself, which is whole again afterwards.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(super) fn new() -> Self {
        Self { shards: Arc::new(std::array::from_fn(|_| Mutex::default())), waiting: Arc::default() }
    }

    /// A place on the flight for `key`. `begin` is called when none is under way, and says what it brings and for how long that is
    /// what whoever comes next gets as well.
    pub(super) fn join_or_begin<F>(&self, key: Key, begin: impl FnOnce() -> F) -> (Seat, Landing<T>)
    where
        F: Future<Output = (T, Duration)> + Send + 'static,
    {
        let mut shard = lock(&self.shards[place(&key)]);
        let (seat, landing) = match shard.get(&key) {
            Some(landing) => (Seat::Follower, landing.clone()),
            None => {
                let (land, landing) = watch::channel(None);
                shard.insert(key, landing.clone());
                let removal = Removal { shards: Arc::clone(&self.shards), key };
                let flight = begin();
                tokio::spawn(async move {
                    let (result, lasts) = flight.await;
                    if lasts.is_zero() {
                        // Off the map before the result is out: whoever comes after the landing begins anew.
                        drop(removal);
                        let _ = land.send(Some(result));
                    } else {
                        let _ = land.send(Some(result));
                        tokio::time::sleep(lasts).await;
                        drop(removal);
                    }
                });
                (Seat::Leader, landing)
            }
        };
        drop(shard);
        (seat, Landing(landing))
    }

    /// How many there are, those that failed and are remembered among them, and how many wait for them.
    pub(super) fn load(&self) -> (usize, usize) {
        let flights = self.shards.iter().map(|shard| lock(shard).len()).sum();
        (flights, self.waiting.load(Ordering::Relaxed))
    }

    /// A place among those who wait, unless `most` others do.
    pub(super) fn wait_among(&self, most: usize) -> Option<Waiting> {
        let waiting = Waiting(Arc::clone(&self.waiting));
        (self.waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(waiting)
    }
}

/// One who waits, counted out however the wait ends.
#[derive(Debug)]
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The result of a flight, to be waited for.
#[derive(Debug)]
pub(super) struct Landing<T>(watch::Receiver<Option<T>>);

impl<T: Clone> Landing<T> {
    /// Whether there is a result already, so that nobody has to wait.
    pub(super) fn is_over(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The result, or `None` if the flight ended without one.
    pub(super) async fn result(mut self) -> Option<T> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::Product(7);

    #[tokio::test(start_paused = true)]
    async fn callers_of_one_key_share_one_flight() {
        let flights = Flights::new();
        let fetches = Arc::new(AtomicUsize::new(0));
        let begin = || {
            let fetches = Arc::clone(&fetches);
            move || async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                (fetches.fetch_add(1, Ordering::Relaxed), Duration::ZERO)
            }
        };
        let (first, one) = flights.join_or_begin(KEY, begin());
        let (second, two) = flights.join_or_begin(KEY, begin());
        let (other, three) = flights.join_or_begin(Key::Meta(7), begin());
        assert_eq!((first, second, other), (Seat::Leader, Seat::Follower, Seat::Leader));
        let (one, two, _) = tokio::join!(one.result(), two.result(), three.result());
        assert_eq!(one, two);
        assert_eq!(fetches.load(Ordering::Relaxed), 2);

        let (seat, _) = flights.join_or_begin(KEY, begin());
        assert_eq!(seat, Seat::Leader, "a flight that has landed is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_does_not_end_the_flight() {
        let flights = Flights::new();
        let (_, first) = flights.join_or_begin(KEY, || async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            (1, Duration::ZERO)
        });
        assert!(tokio::time::timeout(Duration::from_millis(10), first.result()).await.is_err());
        let (seat, second) = flights.join_or_begin(KEY, || async { (2, Duration::ZERO) });
        assert_eq!((seat, second.result().await), (Seat::Follower, Some(1)));
    }

    #[tokio::test]
    async fn a_flight_that_panics_ends_without_a_result_and_the_next_begins() {
        let flights = Flights::new();
        let (_, lost) = flights.join_or_begin(KEY, || async {
            if KEY == Key::Product(7) {
                panic!("on purpose");
            }
            (1, Duration::ZERO)
        });
        assert_eq!(lost.result().await, None);
        let (seat, next) = flights.join_or_begin(KEY, || async { (2, Duration::ZERO) });
        assert_eq!((seat, next.result().await), (Seat::Leader, Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_lasts_is_everybodys_until_its_time_is_over() {
        const LASTS: Duration = Duration::from_millis(250);
        let flights = Flights::new();
        let (_, first) = flights.join_or_begin(KEY, || async { (1, LASTS) });
        assert_eq!(first.result().await, Some(1));
        tokio::time::advance(LASTS - Duration::from_millis(1)).await;
        let (seat, second) = flights.join_or_begin(KEY, || async { (2, Duration::ZERO) });
        assert!(seat == Seat::Follower && second.is_over());
        assert_eq!(second.result().await, Some(1));
        tokio::time::sleep(Duration::from_millis(2)).await;
        let (seat, third) = flights.join_or_begin(KEY, || async { (3, Duration::ZERO) });
        assert!(seat == Seat::Leader && !third.is_over());
        assert_eq!(third.result().await, Some(3));
    }

    #[test]
    fn those_who_wait_are_counted_out_however_they_leave() {
        let flights: Flights<()> = Flights::new();
        let first = flights.wait_among(2);
        let second = flights.wait_among(2);
        assert!(first.is_some() && second.is_some() && flights.wait_among(2).is_none());
        drop(first);
        assert!(flights.wait_among(2).is_some(), "who was turned away does not count");
    }
}
