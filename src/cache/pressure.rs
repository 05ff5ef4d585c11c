//! What a shortage of memory forbids. The kernel ends a process that takes more than it may, so this one stops before.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tracing::{error, info, warn};

use super::Cache;
use crate::memory;
use crate::metrics::{Place, metrics};

/// How often it is looked at: what is kept in between may be too much.
const LOOK: Duration = Duration::from_millis(100);

/// After how many looks L1 does what it has put off, and makes room once more: only then does it show what the last time brought.
const TIDY: u64 = 10;

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

    /// The mark that was passed: 0 is none, 2 the higher one.
    pub(super) fn level(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes a shortage; returns the one before.
    fn note(&self, shortage: Shortage) -> Shortage {
        let before = self.0.swap(shortage as u8, Ordering::Relaxed);
        let all = [Shortage::None, Shortage::Soft, Shortage::Hard];
        all.into_iter().find(|shortage| *shortage as u8 == before).unwrap_or(Shortage::None)
    }
}

impl Cache {
    /// Looks at memory for as long as the cache is there, and has L1 do what it has put off. It has a thread of its own: files are
    /// read, L1 may have much to do, and a visit to the runtime's threads every now and then would keep all of them, each
    /// with memory that it has done with.
    pub(super) fn watch_memory(self: &Arc<Self>) {
        let cache = Arc::downgrade(self);
        let watch = move || {
            for look in 0_u64.. {
                std::thread::sleep(LOOK);
                let Some(cache) = cache.upgrade() else { return };
                let looked =
                    std::panic::catch_unwind(AssertUnwindSafe(|| cache.look_at_memory(look.is_multiple_of(TIDY))));
                if looked.is_err() {
                    metrics().panicked(Place::Background);
                    error!("the look at memory panicked; the next one comes");
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("atelier-memory".to_owned()).spawn(watch) {
            error!(%error, "nobody looks at memory: a thread for it cannot be started");
        }
    }

    fn look_at_memory(&self, tidy: bool) {
        if tidy {
            self.l1.tidy();
        }
        if let (Some(memory), Some(resident)) = (self.settings.memory, memory::resident()) {
            self.feel(memory, resident, tidy);
        }
    }

    /// Obeys what so many bytes in memory mean; whether more room is made than once depends on `again`.
    pub(super) fn feel(&self, memory: Memory, resident: u64, again: bool) {
        let shortage = memory.judge(resident);
        metrics().resident.set(i64::try_from(resident).unwrap_or(i64::MAX));
        metrics().shortage.set(i64::from(shortage as u8));
        let before = self.pressure.note(shortage);
        if before != shortage {
            let (limit, mib) = (memory.limit >> 20, resident >> 20);
            match shortage {
                Shortage::None => info!("memory suffices again: {mib} MiB of {limit} are taken"),
                Shortage::Soft => warn!("memory is short: {mib} MiB of {limit} are taken; nothing more is kept"),
                Shortage::Hard => warn!("memory is very short: {mib} MiB of {limit} are taken; nothing is fetched"),
            }
        }
        if shortage >= Shortage::Soft && (again || before == Shortage::None) {
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
        assert_eq!([pressure.note(Shortage::Soft), pressure.note(Shortage::Soft)], [Shortage::None, Shortage::Soft]);
        assert!(!pressure.keeps() && pressure.fetches());
        pressure.note(Shortage::Hard);
        assert!(!pressure.keeps() && !pressure.fetches());
    }
}
