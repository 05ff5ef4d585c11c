//! How long a stored response may be used (RFC 9111 §4.2).
//!
//! Everything here is arithmetic on durations. The caller brings the age, so the rules are tested without a clock. The
//! clock itself is here too, since ages are only comparable when all are taken from the same one.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// An instant of `CLOCK_BOOTTIME`, in nanoseconds. Unlike [`std::time::Instant`] it goes on while the machine is
/// suspended, so an entry cannot look younger than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The present.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        // Neither part is negative: the clock starts at boot.
        Self(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
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

/// What a stored response is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Younger than its ttl: may be sent.
    Fresh,
    /// Past its ttl: has to be fetched again.
    Expired,
}

/// Whether an entry of this age is fresh under this ttl.
pub fn judge(age: Duration, ttl: Duration) -> Freshness {
    if age < ttl { Freshness::Fresh } else { Freshness::Expired }
}

/// The ttl of one key on one node, shortened by up to `jitter` (a share of the ttl), so that entries filled together do not
/// expire together. `draw` is a hash of key and node: the ttl of a key stands still.
pub fn jittered(ttl: Duration, jitter: f64, draw: u64) -> Duration {
    // The upper 32 bits as a share of one.
    let share = (draw >> 32) as f64 / f64::from(u32::MAX);
    ttl.mul_f64(1.0 - jitter.clamp(0.0, 1.0) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_fresh_until_its_ttl() {
        let ttl = Duration::from_secs(60);
        assert_eq!(judge(Duration::ZERO, ttl), Freshness::Fresh);
        assert_eq!(judge(ttl - Duration::from_nanos(1), ttl), Freshness::Fresh);
        assert_eq!(judge(ttl, ttl), Freshness::Expired);
        assert_eq!(judge(Duration::ZERO, Duration::ZERO), Freshness::Expired, "a ttl of zero keeps nothing");
    }

    #[test]
    fn jitter_shortens_by_its_share_at_most() {
        let ttl = Duration::from_secs(100);
        assert_eq!(jittered(ttl, 0.1, 0), ttl);
        assert_eq!(jittered(ttl, 0.1, u64::MAX), Duration::from_secs(90));
        assert_eq!(jittered(ttl, 0.0, u64::MAX), ttl);
        let middle = jittered(ttl, 0.1, u64::MAX / 2);
        assert!(middle > Duration::from_secs(94) && middle < Duration::from_secs(96), "{middle:?}");
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
