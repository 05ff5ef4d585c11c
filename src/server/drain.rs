//! The signal to stop, in two steps: begin to drain, and hurry.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Not begun.
    Open,
    /// Nothing new is accepted.
    Draining,
    /// Whatever is idle is closed at once.
    Hurried,
}

/// Tells everything that serves when to stop. Clones are one signal.
#[derive(Clone, Debug)]
pub struct Drain(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    step: watch::Sender<Step>,
    /// Asked on every request, where a lock would be too much.
    begun: AtomicBool,
}

impl Default for Drain {
    fn default() -> Self {
        Self(Arc::new(Shared { step: watch::Sender::new(Step::Open), begun: AtomicBool::new(false) }))
    }
}

impl Drain {
    /// Begins the drain, or hurries one that has begun.
    pub fn advance(&self) {
        self.0.begun.store(true, Ordering::Relaxed);
        self.0.step.send_modify(|step| {
            *step = match *step {
                Step::Open => Step::Draining,
                Step::Draining | Step::Hurried => Step::Hurried,
            };
        });
    }

    /// Whether the drain has begun.
    pub fn has_begun(&self) -> bool {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Waits until the drain begins.
    pub async fn begun(&self) {
        self.reached(Step::Draining).await;
    }

    /// Waits until the drain is hurried.
    pub async fn hurried(&self) {
        self.reached(Step::Hurried).await;
    }

    async fn reached(&self, wanted: Step) {
        // The sender lives as long as `self`, so waiting ends only with the step.
        let _ = self.0.step.subscribe().wait_for(|step| *step >= wanted).await;
    }
}
