//! A breaker stands before something that others depend on. When that fails too often it opens, and for a while nobody waits for
//! what would not come; then one call is let through to find out.
//!
//! What a failure is, is the caller's to say; when there are too many of them, `rules.rs`.

mod rules;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use self::rules::{Pass, Rules, Turn};
use crate::metrics::{Dependency, metrics};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// After how many failures in a row.
    pub fails: u32,
    /// For how long the first time.
    pub open: Duration,
    /// For how long at most, when it doubles from one time to the next.
    pub open_max: Duration,
}

/// A breaker before one dependency.
#[derive(Debug)]
pub struct Breaker {
    before: Dependency,
    rules: Mutex<(Rules, Settings)>,
    begin: Instant,
    /// What the rules say, for those who only want to know.
    open: AtomicBool,
}

impl Breaker {
    /// A closed one.
    pub fn new(before: Dependency, settings: Settings) -> Self {
        metrics().breaker(before, false);
        let rules = Mutex::new((Rules::new(), settings));
        Self { before, rules, begin: Instant::now(), open: AtomicBool::new(false) }
    }

    /// Obeys other settings from the next call on.
    pub fn set(&self, settings: Settings) {
        self.lock().1 = settings;
    }

    fn lock(&self) -> MutexGuard<'_, (Rules, Settings)> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to one call, or `None` while it is open.
    pub fn ask(&self) -> Option<Call<'_>> {
        let pass = self.lock().0.ask(self.begin.elapsed())?;
        Some(Call { breaker: self, pass, ended: false })
    }

    /// Whether calls are turned away.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// What it stands before.
    pub fn before(&self) -> Dependency {
        self.before
    }

    /// Somebody else had an answer: there is no need to find out.
    pub fn close(&self) {
        if self.is_open() {
            self.turn(|rules, _| rules.close());
        }
    }

    /// Applies what may change the state, and tells of it.
    fn turn(&self, change: impl FnOnce(&mut Rules, Settings) -> Option<Turn>) -> Option<Turn> {
        let turn = {
            let (rules, settings) = &mut *self.lock();
            let turn = change(rules, *settings);
            // Under the lock, so that the last one to change it has the last word.
            if turn.is_some() {
                let open = rules.are_open();
                self.open.store(open, Ordering::Relaxed);
                metrics().breaker(self.before, open);
            }
            turn
        };
        let name = self.before.name();
        match turn {
            None => {}
            Some(Turn::Opened(open)) => {
                metrics().breaker_turned(self.before);
                warn!(dependency = name, ?open, "{name} does not answer: it is not asked for a while");
            }
            Some(Turn::StillOpen(open)) => {
                metrics().breaker_turned(self.before);
                debug!(dependency = name, ?open, "{name} still does not answer");
            }
            Some(Turn::Closed) => info!(dependency = name, "{name} answers again"),
        }
        turn
    }
}

/// A call that was let through. One that is dropped says nothing about who was called.
#[derive(Debug)]
pub struct Call<'a> {
    breaker: &'a Breaker,
    pass: Pass,
    ended: bool,
}

impl Call<'_> {
    /// Whether it is the one that finds out.
    pub fn is_probe(&self) -> bool {
        self.pass == Pass::Probe
    }

    /// How long it may take, of what such a call usually may.
    pub fn within(&self, usual: Duration) -> Duration {
        match self.pass {
            Pass::Usual => usual,
            Pass::Probe => usual / 2,
        }
    }

    /// Says how it ended. Returns whether nobody is let through after it.
    pub fn end(mut self, succeeded: bool) -> bool {
        self.ended = true;
        let (pass, now) = (self.pass, self.breaker.begin.elapsed());
        let turn = self.breaker.turn(|rules, settings| rules.end(pass, succeeded, now, settings, fastrand::f64()));
        matches!(turn, Some(Turn::Opened(_) | Turn::StillOpen(_)))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.breaker.lock().0.forsake(self.pass, self.breaker.begin.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const MS: Duration = Duration::from_millis(1);
    const SETTINGS: Settings = Settings { fails: 5, open: S, open_max: Duration::from_secs(30) };

    #[tokio::test(start_paused = true)]
    async fn a_probe_has_half_of_the_usual_time_and_a_dropped_call_says_nothing() {
        let breaker = Breaker::new(Dependency::Redis, SETTINGS);
        for n in 1..=5 {
            drop(breaker.ask().unwrap());
            let call = breaker.ask().unwrap();
            assert_eq!(call.within(20 * MS), 20 * MS);
            assert_eq!(call.end(false), n == 5);
        }
        assert!(breaker.is_open() && breaker.ask().is_none());
        tokio::time::advance(S).await;
        let probe = breaker.ask().unwrap();
        assert_eq!(probe.within(20 * MS), 10 * MS);
        assert!(breaker.ask().is_none());
        drop(probe);
        assert!(!breaker.ask().unwrap().end(true));
        assert!(!breaker.is_open());
    }
}
