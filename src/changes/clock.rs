//! The present, as the protocol reads it. Tests of the protocol bring their own.

use crate::freshness::Instant;

#[cfg(not(test))]
#[inline(always)]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
thread_local! {
    static NOW: std::cell::Cell<Option<Instant>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub(super) fn now() -> Instant {
    NOW.get().unwrap_or_else(Instant::now)
}

/// Sets the clock of this thread; `None` lets it go on by itself.
#[cfg(test)]
pub(super) fn set(now: Option<Instant>) {
    NOW.set(now);
}
