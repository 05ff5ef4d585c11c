//! Limits and times that can be changed while the node serves. What is judged at read time is kept as plain numbers, so that a
//! hit loads them without a lock and obeys a change at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::breaker;
use crate::freshness::{self, Freshness, Lifetime, WHOLE};
use crate::key::Resource;

use super::Entry;

const RESOURCES: usize = Resource::ALL.len();

/// What may be set for each resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResourceTimes {
    /// How long an answer is fresh.
    pub ttl: Duration,
    /// How long an answer without content is fresh, if that is shorter.
    pub absent_ttl: Duration,
    /// How much longer an answer is sent while it is fetched again, behind its ttl or after a soft purge.
    pub grace: Duration,
    /// How old an answer may get that is served, labelled, while the origin is out.
    pub stale_limit: Duration,
    /// By which share at most a ttl is shortened.
    pub jitter: f64,
    /// How early hot answers are fetched again; 0 is never.
    pub early_refresh: f64,
}

/// What may be changed while the node serves.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// By resource, in the order of [`Resource::ALL`].
    pub times: [ResourceTimes; RESOURCES],
    /// How long a read may take as a whole.
    pub budget: Duration,
    /// How long a read waits for the poll when nothing can be proved.
    pub blind_wait: Duration,
    /// How many fetches run at once.
    pub miss_permits: usize,
    /// How many fetches wait for a permit.
    pub miss_queue: usize,
    /// How long a fetch waits for a permit.
    pub permit_wait: Duration,
    /// How long the shortest wait for a permit may be before whoever comes is turned away.
    pub shed_target: Duration,
    /// How long a fetch that failed is not tried again.
    pub fail_ttl: Duration,
    /// How many requests wait for fetches.
    pub followers_max: usize,
    /// How often in a second a client may ask for what is not held; 0 is as often as it likes.
    pub client_miss_rate: u32,
    /// When what does not answer is not asked any more, and for how long.
    pub breaker: breaker::Settings,
    /// How many refreshes run at once.
    pub refresh_concurrency: usize,
    /// How many refreshes wait for their turn.
    pub refresh_queue: usize,
    /// Of how many hits one is compared with what the origin says; 0 is none.
    pub shadow: u32,
}

/// The numbers of one resource that a hit looks at; times in nanoseconds.
#[derive(Debug, Default)]
struct Numbers {
    ttl: AtomicU64,
    absent_ttl: AtomicU64,
    grace: AtomicU64,
    /// In parts of 2^32.
    jitter: AtomicU64,
    /// The bits of a float.
    early_refresh: AtomicU64,
}

/// What a hit looks at.
#[derive(Debug, Default)]
pub(super) struct Times([Numbers; RESOURCES]);

/// What the age of an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) freshness: Freshness,
    /// Whether it is to be fetched again before it expires.
    pub(super) early: bool,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Times {
    pub(super) fn new(live: &Live) -> Self {
        let times = Self::default();
        times.set(live);
        times
    }

    pub(super) fn set(&self, live: &Live) {
        for (numbers, times) in self.0.iter().zip(&live.times) {
            let set = |number: &AtomicU64, value| number.store(value, Ordering::Relaxed);
            set(&numbers.ttl, nanos(times.ttl));
            set(&numbers.absent_ttl, nanos(times.absent_ttl));
            set(&numbers.grace, nanos(times.grace));
            set(&numbers.jitter, (times.jitter.clamp(0.0, 1.0) * WHOLE as f64) as u64);
            set(&numbers.early_refresh, times.early_refresh.max(0.0).to_bits());
        }
    }

    /// How long the entry is fresh, in nanoseconds, and the other numbers of its resource.
    #[inline(always)]
    fn ttl(&self, entry: &Entry) -> (&Numbers, u64) {
        let numbers = &self.0[entry.key.resource() as usize];
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let mut ttl = get(&numbers.ttl);
        if entry.empty {
            ttl = ttl.min(get(&numbers.absent_ttl));
        }
        (numbers, freshness::jittered(ttl, get(&numbers.jitter), entry.draw))
    }

    /// How much longer the entry is fresh by its age; zero if it is not.
    pub(super) fn ttl_left(&self, entry: &Entry, age: Duration) -> Duration {
        Duration::from_nanos(self.ttl(entry).1).saturating_sub(age)
    }

    /// What an entry of this age is good for, by its age alone.
    #[inline]
    pub(super) fn judge(&self, entry: &Entry, age: Duration) -> Judged {
        let (numbers, ttl) = self.ttl(entry);
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let age_nanos = nanos(age);
        if age_nanos < ttl {
            let cost = u64::from(entry.cost) * 1_000;
            let left = ttl - age_nanos;
            let beta = f64::from_bits(get(&numbers.early_refresh));
            // Far from its end nothing is drawn: this is the way of nearly every hit.
            let early =
                (left as f64) < 32.0 * beta * cost as f64 && freshness::is_early(left, cost, beta, fastrand::f64());
            return Judged { freshness: Freshness::Fresh, early };
        }
        let lifetime = Lifetime { ttl: Duration::from_nanos(ttl), grace: Duration::from_nanos(get(&numbers.grace)) };
        Judged { freshness: lifetime.judge(age), early: false }
    }
}
