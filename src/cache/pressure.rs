//! What a shortage of memory forbids. The kernel ends a process that takes more than it may, so this one stops before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tracing::{info, warn};

use super::Cache;
use crate::memory;
use crate::metrics::metrics;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How much memory the process may take, in bytes, and from where on it is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The limit.
    pub limit: u64,
    /// From here on nothing more is kept, and some of what is goes.
    pub soft: u64,
    /// From here on nothing is fetched.
    pub hard: u64,
}

/// How short memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Shortage {
    None,
    /// Nothing more is kept.
    Soft,
    /// Nothing is fetched.
    Hard,
}

impl Memory {
    fn judge(self, resident: u64) -> Shortage {
        if resident >= self.hard {
            Shortage::Hard
        } else if resident >= self.soft {
            Shortage::Soft
        } else {
            Shortage::None
        }
    }
}

/// How short memory was when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Pressure(AtomicU8);

impl Pressure {
    pub(super) fn keeps(&self) -> bool {
        self.0.load(Ordering::Relaxed) < Shortage::Soft as u8
    }

    pub(super) fn fetches(&self) -> bool {
        self.0.load(Ordering::Relaxed) < Shortage::Hard as u8
    }

    /// Notes a shortage; whether it is another one than before.
    fn note(&self, shortage: Shortage) -> bool {
        self.0.swap(shortage as u8, Ordering::Relaxed) != shortage as u8
    }
}

impl Cache {
    /// Looks at memory for ever, and has L1 do what it has put off.
    pub(super) async fn watch_memory(self: Arc<Self>) {
        let mut alarm = tokio::time::interval(LOOK);
        loop {
            alarm.tick().await;
            let cache = Arc::clone(&self);
            // Files are read, and L1 may have much to do: no request is to wait for that.
            let looked = tokio::task::spawn_blocking(move || {
                cache.l1.tidy();
                if let (Some(memory), Some(resident)) = (cache.settings.memory, memory::resident()) {
                    cache.feel(memory, resident);
                }
            });
            if let Err(panicked) = looked.await {
                // As if it had panicked itself: whoever watches over it counts that.
                std::panic::resume_unwind(panicked.into_panic());
            }
        }
    }

    /// Obeys what so many bytes in memory mean.
    pub(super) fn feel(&self, memory: Memory, resident: u64) {
        let shortage = memory.judge(resident);
        metrics().resident.set(i64::try_from(resident).unwrap_or(i64::MAX));
        metrics().shortage.set(i64::from(shortage as u8));
        if self.pressure.note(shortage) {
            let (limit, mib) = (memory.limit >> 20, resident >> 20);
            match shortage {
                Shortage::None => info!("memory suffices again: {mib} MiB of {limit} are taken"),
                Shortage::Soft => warn!("memory is short: {mib} MiB of {limit} are taken; nothing more is kept"),
                Shortage::Hard => warn!("memory is very short: {mib} MiB of {limit} are taken; nothing is fetched"),
            }
        }
        if shortage >= Shortage::Soft {
            let (gone, all) = self.l1.shrink();
            metrics().shrunk.inc_by(gone);
            info!(gone, all, "{gone} of {all} entries have made room");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortages_begin_at_their_marks() {
        let memory = Memory { limit: 1000, soft: 800, hard: 900 };
        for (resident, expected) in [
            (0, Shortage::None),
            (799, Shortage::None),
            (800, Shortage::Soft),
            (899, Shortage::Soft),
            (900, Shortage::Hard),
            (5000, Shortage::Hard),
        ] {
            assert_eq!(memory.judge(resident), expected, "{resident}");
        }
        let pressure = Pressure::default();
        assert!(pressure.keeps() && pressure.fetches());
        assert!(pressure.note(Shortage::Soft) && !pressure.note(Shortage::Soft));
        assert!(!pressure.keeps() && pressure.fetches());
        pressure.note(Shortage::Hard);
        assert!(!pressure.keeps() && !pressure.fetches());
    }
}
