//! The one kind of memory that the hit path shares with the poll: a number that is read and raised without a lock.
//!
//! It is a trait so that the order of the protocol's loads and stores can be tried in every interleaving by loom, on the very
//! code that serves. The orders are as strong as the proof needs: whoever sees a store sees all that was stored before it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A shared number.
pub(super) trait Word: Send + Sync {
    fn new(value: u64) -> Self;
    /// With all that was stored before the value that is read (Acquire).
    fn load(&self) -> u64;
    /// So that whoever reads it reads all that was stored before (Release).
    fn store(&self, value: u64);
    /// The same, but never lower than it was.
    fn raise(&self, value: u64);
}

impl Word for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    #[inline(always)]
    fn load(&self) -> u64 {
        self.load(Ordering::Acquire)
    }

    #[inline(always)]
    fn store(&self, value: u64) {
        self.store(value, Ordering::Release);
    }

    #[inline(always)]
    fn raise(&self, value: u64) {
        self.fetch_max(value, Ordering::Release);
    }
}
