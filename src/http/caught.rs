//! A panic ends one answer, and nothing else.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use tracing::error;

use super::problem::Problem;
use crate::metrics::{Place, metrics};

/// What `answer` comes to; a panic on the way is a fault of ours. What requests share is behind locks and atomics that hold no
/// half-done thing when somebody unwinds: fetches, writes and parsing are tasks of their own.
pub(super) async fn caught<T>(answer: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answer) => answer,
        Err(panic) => Err(note(&*panic)),
    }
}

/// The same of an answer that waits for nothing.
#[inline]
pub(super) fn at_once<T>(answer: impl FnOnce() -> T) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(answer)).map_err(|panic| note(&*panic))
}

#[cold]
fn note(panic: &(dyn Any + Send)) -> Problem {
    metrics().panicked(Place::Request);
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    // A message may repeat what a client sent; so much of it says enough.
    let said: String = said.unwrap_or("without a message").chars().take(100).collect();
    error!(panic = said, "an answer panicked; its client is told so, and the node goes on");
    Problem::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_of_its_own_kind_and_others_stay_what_they_are() {
        assert_eq!(caught(async { Ok::<_, Problem>(7) }).await, Ok(7));
        assert_eq!(caught(async { Err::<(), _>(Problem::Token) }).await, Err(Problem::Token));
        let before = metrics().panics.get_or_create(&crate::metrics::Panicked { place: Place::Request }).get();
        let late = async {
            tokio::task::yield_now().await;
            assert_eq!("a", "b");
            Ok(())
        };
        assert_eq!(caught(late).await, Err(Problem::Internal));
        let after = metrics().panics.get_or_create(&crate::metrics::Panicked { place: Place::Request }).get();
        assert_eq!(after, before + 1);
    }
}
