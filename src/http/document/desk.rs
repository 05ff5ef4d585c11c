//! Where bodies are parsed. Large ones take turns on a thread of their own: no hit is to wait for them, and what is built of
//! one may be twenty times its size.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::error;

use super::command;
use crate::command::{Command, Owner};
use crate::http::problem::Problem;
use crate::http::route::Addition;
use crate::metrics::{Place, metrics};

/// Bodies up to this many bytes are parsed where they are read. That many take 0.07 ms as the HTML of an element and 0.4 ms
/// as a list of zeros (release build, one core of a 2-core virtual machine).
const INLINE_MAX: usize = 64 << 10;

/// The place for large bodies.
#[derive(Clone, Debug)]
pub(in crate::http) struct Desk(Arc<Semaphore>);

impl Desk {
    pub(in crate::http) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// The command that a body describes, if it describes one. A large body waits for its turn, but for no longer than
    /// `patience`.
    pub(in crate::http) async fn command(
        &self,
        addition: Addition,
        mut text: Vec<u8>,
        owner: Owner,
        patience: Duration,
    ) -> Result<Option<Command>, Problem> {
        if text.len() <= INLINE_MAX {
            return Ok(command(addition, &mut text, owner));
        }
        let turn = tokio::time::timeout(patience, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::Unavailable);
        };
        // A client that leaves does not end the parsing, so the turn goes with it.
        let parsing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            command(addition, &mut text, owner)
        });
        parsing.await.map_err(|panicked| {
            metrics().panicked(Place::Request);
            error!(error = %panicked, "a body could not be parsed");
            Problem::Internal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner([7; 32]);

    fn interaction(length: usize) -> Vec<u8> {
        format!(r#"{{"element":"{}","widget":"w","time":"t"}}"#, "x".repeat(length)).into_bytes()
    }

    #[tokio::test]
    async fn a_large_body_says_the_same_as_a_small_one() {
        let desk = Desk::new();
        for length in [1, INLINE_MAX - 40, INLINE_MAX, INLINE_MAX * 2] {
            let done = desk.command(Addition::Interaction, interaction(length), OWNER, Duration::MAX).await;
            let Ok(Some(Command::AddInteraction { element, .. })) = done else { panic!("{length}: {done:?}") };
            assert_eq!(element.len(), length);
            let refused = desk.command(Addition::Cart, interaction(length), OWNER, Duration::MAX).await;
            assert_eq!(refused, Ok(None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_large_bodies_wait_and_only_for_so_long() {
        let desk = Desk::new();
        let held = Arc::clone(&desk.0).acquire_owned().await.unwrap();
        let patience = Duration::from_secs(5);
        let small = desk.command(Addition::Interaction, interaction(10), OWNER, patience).await;
        assert!(matches!(small, Ok(Some(_))));
        let large = desk.command(Addition::Interaction, interaction(INLINE_MAX), OWNER, patience).await;
        assert_eq!(large, Err(Problem::Unavailable));
        drop(held);
        assert!(desk.command(Addition::Interaction, interaction(INLINE_MAX), OWNER, patience).await.is_ok());
    }
}
