//! Says why Redis fails. Every command that fails knows a reason, and nearly always the same, so a reason is said once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::RedisError;
use tracing::{debug, info, warn};

use crate::cause::Causes;
use crate::freshness::Instant;

/// Reasons that alternate are said no faster than this.
const PAUSE: Duration = Duration::from_secs(10);

/// The reason that was said last.
#[derive(Debug)]
pub(super) struct Complaint {
    /// Connections are encrypted.
    verified: bool,
    /// There is one. Asked on every reply, where a lock would be too much.
    stands: AtomicBool,
    said: Mutex<Option<(String, Instant)>>,
}

impl Complaint {
    pub(super) fn new(verified: bool) -> Self {
        Self { verified, stands: AtomicBool::new(false), said: Mutex::default() }
    }

    /// What went wrong.
    #[cold]
    pub(super) fn about(&self, error: &RedisError) {
        let mut why = Causes(error).to_string();
        if self.verified && error.is_timeout() {
            // It waits for the rest of what it takes for a command.
            why.push_str("; a Redis without TLS is as silent when it is spoken to with TLS");
        }
        if self.is_news(&why, Instant::now()) {
            warn!(error = why, "Redis fails: {why}");
        } else {
            debug!(error = why, "Redis failed");
        }
    }

    /// Something went well.
    pub(super) fn is_over(&self) {
        if self.stands.load(Ordering::Relaxed) {
            self.end();
        }
    }

    #[cold]
    fn end(&self) {
        if self.stands.swap(false, Ordering::Relaxed) {
            info!("Redis does what it is asked again");
        }
    }

    /// Whether a reason is to be said.
    fn is_news(&self, why: &str, now: Instant) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let stood = self.stands.load(Ordering::Relaxed);
        let is_news = match &*said {
            Some((last, when)) => (last != why || !stood) && now.since(*when) >= PAUSE,
            None => true,
        };
        if is_news {
            *said = Some((why.to_owned(), now));
            self.stands.store(true, Ordering::Relaxed);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_said_once_until_it_is_over_and_reasons_that_alternate_now_and_then() {
        let complaint = Complaint::new(false);
        let mut said = Vec::new();
        for (seconds, why) in [(0, "a"), (1, "a"), (2, "b"), (9, "a"), (10, "b"), (11, "a"), (25, "b"), (99, "b")] {
            if complaint.is_news(why, Instant::from_nanos(seconds * 1_000_000_000)) {
                said.push((seconds, why));
            }
        }
        assert_eq!(said, [(0, "a"), (10, "b")]);
        complaint.is_over();
        assert!(complaint.is_news("b", Instant::from_nanos(200_000_000_000)));
    }
}
