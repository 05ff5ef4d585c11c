//! How long a stored response may be used (RFC 9111 §4.2, RFC 5861).
//!
//! Everything here is arithmetic on durations. The caller brings the age, so the rules are tested without a clock. The
//! clock itself is here too, since ages are only comparable when all are taken from the same one.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// An instant of `CLOCK_BOOTTIME`, in nanoseconds. Unlike [`std::time::Instant`] it goes on while the machine is
/// suspended, so an entry cannot look younger than it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The present.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        // Neither part is negative: the clock starts at boot.
        Self(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
    }

    /// The instant so many nanoseconds after boot.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since boot.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The instant that lies `duration` behind this one.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How much later this is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant that lies `duration` before this one, but not before boot.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// What a stored response is good for, as far as its age goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Younger than its ttl: may be sent.
    Fresh,
    /// Past its ttl, within its grace: may be sent while it is fetched again.
    Stale,
    /// Past both: has to be fetched again.
    Expired,
}

/// How long a stored response may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// How long it is fresh.
    pub ttl: Duration,
    /// How much longer it may be sent while it is fetched again (RFC 5861's stale-while-revalidate).
    pub grace: Duration,
}

impl Lifetime {
    /// What a response of this age is good for.
    pub fn judge(self, age: Duration) -> Freshness {
        if age < self.ttl {
            Freshness::Fresh
        } else if age < self.ttl.saturating_add(self.grace) {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }
}

/// A share of one, in parts of 2^32.
pub const WHOLE: u64 = 1 << 32;

/// The ttl of one key on one node, shortened by up to `jitter` (in parts of [`WHOLE`]), so that entries filled together do not
/// expire together. `draw` is a hash of key and node: the ttl of a key stands still.
#[inline(always)]
pub fn jittered(ttl: u64, jitter: u64, draw: u32) -> u64 {
    // Both factors are at most 2^32, so their product is a share of 2^32 again after one shift.
    let share = (jitter.min(WHOLE) * u64::from(draw)) >> 32;
    let shortened = (u128::from(ttl) * u128::from(share)) >> 32;
    ttl.saturating_sub(u64::try_from(shortened).unwrap_or(u64::MAX))
}

/// Whether a response is to be fetched again before it expires, so that of many who want it only one waits: the earlier, the
/// more rarely, and the later, the more surely ("optimal probabilistic cache stampede prevention", Vattani et al. 2015).
/// `left` is how long it still is fresh and `cost` how long its fetch took, both in nanoseconds; `beta` is 1 for the rule as
/// it stands, 0 for never.
pub fn is_early(left: u64, cost: u64, beta: f64, random: f64) -> bool {
    // The logarithm of a random number is below -32 once in 10^14.
    let reach = beta * cost as f64;
    let left = left as f64;
    left < 32.0 * reach && left <= -reach * random.max(f64::MIN_POSITIVE).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_fresh_until_its_ttl_and_stale_until_its_grace_is_over() {
        let second = Duration::from_secs(1);
        let lifetime = Lifetime { ttl: 60 * second, grace: 10 * second };
        let nearly = |age: Duration| age - Duration::from_nanos(1);
        assert_eq!(lifetime.judge(Duration::ZERO), Freshness::Fresh);
        assert_eq!(lifetime.judge(nearly(60 * second)), Freshness::Fresh);
        assert_eq!(lifetime.judge(60 * second), Freshness::Stale);
        assert_eq!(lifetime.judge(nearly(70 * second)), Freshness::Stale);
        assert_eq!(lifetime.judge(70 * second), Freshness::Expired);
        let nothing = Lifetime { ttl: Duration::ZERO, grace: Duration::ZERO };
        assert_eq!(nothing.judge(Duration::ZERO), Freshness::Expired, "a ttl of zero keeps nothing");
    }

    #[test]
    fn jitter_shortens_by_its_share_at_most() {
        const TTL: u64 = 100_000_000_000;
        assert_eq!(jittered(TTL, WHOLE / 10, 0), TTL);
        assert_eq!(jittered(TTL, 0, u32::MAX), TTL);
        let near = |ttl: u64, seconds: u64| ttl.abs_diff(seconds * 1_000_000_000) < 1_000;
        assert!(near(jittered(TTL, WHOLE / 10, u32::MAX), 90));
        assert!(near(jittered(TTL, WHOLE / 10, u32::MAX / 2), 95));
        assert!(near(jittered(TTL, WHOLE, u32::MAX), 0));
        assert!(jittered(u64::MAX, WHOLE, u32::MAX) < u64::MAX / 1_000_000);
    }

    #[test]
    fn what_was_expensive_is_fetched_early_now_and_then_and_at_last_always() {
        const MS: u64 = 1_000_000;
        assert!(is_early(0, MS, 1.0, 0.999));
        assert!(!is_early(10 * MS, MS, 1.0, 0.5));
        assert!(is_early(10 * MS, MS, 1.0, 0.000_01));
        assert!(is_early(10 * MS, MS, 100.0, 0.5));
        assert!(!is_early(10 * MS, MS, 0.0, 0.0));
        assert!(!is_early(u64::MAX, 20 * MS, 1.0, 0.0), "far from its end it is left alone");
    }

    #[test]
    fn instants_do_not_run_backwards() {
        let first = Instant::now();
        let second = Instant::now();
        assert!(second >= first);
        assert_eq!(first.since(second).as_nanos(), 0);
        assert_eq!(second.since(second.before(Duration::from_secs(3))), Duration::from_secs(3));
    }
}
