//! Whether connections wait although nothing is wrong: as many are served as may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says so of one listener. Clones are one answer.
#[derive(Clone, Debug, Default)]
pub struct Crowded(Arc<AtomicBool>);

impl Crowded {
    /// Whether a connection that comes now waits for another one to end.
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, crowded: bool) {
        self.0.store(crowded, Ordering::Relaxed);
    }
}
