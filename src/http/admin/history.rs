//! The last minutes of a node, so that whoever opens the page sees where the numbers come from, and not only where they are.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::cache::State;
use crate::freshness::Instant;
use crate::metrics::traffic::{self, Timed};
use crate::metrics::{Group, Lookup, Process, Reply, looked};

/// How far points lie apart.
pub(super) const STEP: Duration = Duration::from_secs(2);

/// How many are kept: five minutes.
const KEPT: usize = 150;

/// How often answers came from there.
const REPLIES: [(&str, &[Reply]); 9] = [
    ("l1", &[Reply::L1]),
    ("l2", &[Reply::L2]),
    ("filter", &[Reply::Filter]),
    ("stale", &[Reply::StaleOrigin, Reply::StalePurge]),
    ("filled", &[Reply::Filled, Reply::Refetched, Reply::Unstored, Reply::Bypass]),
    ("collapsed", &[Reply::Collapsed]),
    ("write", &[Reply::Write]),
    ("failed", &[Reply::Failed]),
    ("other", &[Reply::Refused, Reply::Other]),
];

/// One point: what happened since the one before, in a second, and how things stood.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Point {
    /// Milliseconds since 1970.
    pub(super) at: u64,
    /// Answers a second.
    requests: f64,
    /// By where they came from.
    #[serde(flatten)]
    replies: Replies,
    /// How long hits took, in seconds: half of them, and 99 of 100. Bounds of buckets; −1 is beyond the last one.
    hit: Option<[f64; 2]>,
    /// The same of answers that the origin was asked for.
    fill: Option<[f64; 2]>,
    /// Fetches a second, whoever wanted them.
    fetches: f64,
    /// Those of them that brought nothing.
    fetch_failed: f64,
    /// How old the last poll was, in seconds.
    poll_age: f64,
    /// Permits that were taken, and requests that waited for fetches.
    permits: usize,
    waiting: usize,
    /// Processors' worth of time.
    cpu: f64,
    /// Bytes in memory.
    memory: u64,
}

/// Answers a second by where they came from.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Replies {
    l1: f64,
    l2: f64,
    filter: f64,
    stale: f64,
    filled: f64,
    collapsed: f64,
    write: f64,
    failed: f64,
    other: f64,
}

/// What had been counted at a moment.
#[derive(Clone, Debug)]
struct Counted {
    at: Instant,
    replies: [u64; REPLIES.len()],
    hit: Timed,
    fill: Timed,
    fetches: u64,
    fetch_failed: u64,
    cpu: f64,
}

impl Counted {
    fn now(process: &Process) -> Self {
        let totals = traffic::totals();
        Self {
            at: Instant::now(),
            replies: REPLIES.map(|(_, replies)| replies.iter().map(|reply| totals.came(*reply)).sum()),
            hit: totals.timed(Group::Hit),
            fill: totals.timed(Group::Filled),
            fetches: looked(Lookup::Fill) + totals.came(Reply::Unstored),
            fetch_failed: looked(Lookup::OriginFailed),
            cpu: process.cpu,
        }
    }
}

/// The points, the newest at the end.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    points: VecDeque<Point>,
    last: Option<Counted>,
}

/// The bounds of the buckets that half, and 99 of 100 are in.
fn quantiles(times: &Timed) -> Option<[f64; 2]> {
    // JSON has no infinity.
    let finite = |time: f64| if time.is_finite() { time } else { -1.0 };
    Some([finite(times.quantile(0.5)?), finite(times.quantile(0.99)?)])
}

/// Four digits say enough, and are short.
fn rounded(number: f64) -> f64 {
    let digits = if number.abs() < 100.0 { 100.0 } else { 1.0 };
    (number * digits).round() / digits
}

impl History {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a point.
    pub(super) fn note(&self, state: &State) {
        let process = Process::read();
        self.add(&Counted::now(&process), state, &process);
    }

    fn add(&self, now: &Counted, state: &State, process: &Process) {
        let mut kept = self.lock();
        let Some(before) = kept.last.replace(now.clone()) else { return };
        let seconds = now.at.since(before.at).as_secs_f64().max(0.001);
        let rate = |now: u64, before: u64| rounded(now.saturating_sub(before) as f64 / seconds);
        let of = |place: usize| rate(now.replies[place], before.replies[place]);
        let [l1, l2, filter, stale, filled, collapsed, write, failed, other] = std::array::from_fn(of);
        let point = Point {
            at: millis_since_1970(SystemTime::now()),
            requests: rate(now.replies.iter().sum(), before.replies.iter().sum()),
            replies: Replies { l1, l2, filter, stale, filled, collapsed, write, failed, other },
            hit: quantiles(&now.hit.since(&before.hit)),
            fill: quantiles(&now.fill.since(&before.fill)),
            fetches: rate(now.fetches, before.fetches),
            fetch_failed: rate(now.fetch_failed, before.fetch_failed),
            poll_age: (state.poll_age.as_secs_f64() * 1000.0).round() / 1000.0,
            permits: state.permits[1],
            waiting: state.flights.1,
            cpu: rounded((now.cpu - before.cpu).max(0.0) / seconds),
            memory: process.resident,
        };
        if kept.points.len() == KEPT {
            kept.points.pop_front();
        }
        kept.points.push_back(point);
    }

    /// The points after this moment.
    pub(super) fn since(&self, at: u64) -> Vec<Point> {
        self.lock().points.iter().filter(|point| point.at > at).cloned().collect()
    }
}

/// A moment as JavaScript has it.
pub(super) fn millis_since_1970(moment: SystemTime) -> u64 {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([1234.5678, 12.345, 0.004, 0.0].map(rounded), [1235.0, 12.35, 0.0, 0.0]);
    }

    #[test]
    fn beyond_the_last_bucket_is_said_without_infinity() {
        let mut times = Timed::default();
        assert_eq!(quantiles(&times), None);
        (times.buckets[0], times.buckets[15]) = (90, 10);
        assert_eq!(quantiles(&times), Some([0.00005, -1.0]));
    }
}
