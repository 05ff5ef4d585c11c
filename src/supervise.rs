//! Tasks that go on for as long as the process: one that panics is counted and begins anew.

use std::time::Duration;

use tracing::error;

use crate::metrics::{Place, metrics};

/// How long a task that panicked is left alone: one that does so at once, each time, is not to take a processor.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs what `begin` makes until it ends by itself. `what` is its name in the log.
pub async fn supervise<F>(place: Place, what: &'static str, begin: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        match tokio::spawn(begin()).await {
            Err(ended) if ended.is_panic() => {
                metrics().panicked(place);
                error!(what, "{what} panicked; it begins anew");
                tokio::time::sleep(PAUSE).await;
            }
            Ok(()) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_panics_begins_anew_after_a_pause_and_what_ends_has_ended() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        let before = tokio::time::Instant::now();
        supervise(Place::Background, "a test", move || {
            let begun = Arc::clone(&counted);
            async move {
                let before = begun.fetch_add(1, Ordering::Relaxed);
                assert!(before >= 2, "on purpose");
            }
        })
        .await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        assert_eq!(before.elapsed(), 2 * PAUSE);
    }
}
