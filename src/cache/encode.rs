//! Encodings of what is held, made when a client asks for one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::error;

use super::Cache;
use crate::entry::{Answer, Document, Encoding, Entry, State};
use crate::metrics::{Place, metrics};

/// Bodies above this many bytes are encoded on a thread of their own: that takes 0.4 ms and more, for which no hit is to wait
/// (`entry.rs` has the figures).
const INLINE: usize = 16 << 10;

/// How long a client waits for its turn before the body goes to it as it is: that is right too, only longer.
const PATIENCE: Duration = Duration::from_millis(50);

impl Cache {
    /// Makes an encoding of an entry. `Some` is the document that is to be sent as it is instead, because memory is short or the
    /// processors are busy with others.
    pub async fn encode<'e>(self: &Arc<Self>, entry: &'e Arc<Entry>, encoding: Encoding) -> Option<&'e Document> {
        let Answer::Found(document) = &entry.answer else { return None };
        if !self.pressure.keeps() {
            return Some(document);
        }
        if document.identity.body.len() <= INLINE {
            document.make(encoding);
            self.l1.weigh(entry);
            return None;
        }
        let Ok(turn) = timeout(PATIENCE, Arc::clone(&self.making).acquire_owned()).await else { return Some(document) };
        // Those who waited for the same have it now.
        if !matches!(document.state(encoding), State::ToMake) {
            return None;
        }
        let (cache, held) = (Arc::clone(self), Arc::clone(entry));
        let made = tokio::task::spawn_blocking(move || {
            // Until it is done, also when nobody waits for it any more.
            let _turn = turn;
            if let Answer::Found(document) = &held.answer {
                document.make(encoding);
                cache.l1.weigh(&held);
            }
        });
        if let Err(panicked) = made.await {
            metrics().panicked(Place::Background);
            error!(key = %entry.key, error = %panicked, "`{}` could not be encoded", entry.key);
            document.give_up(encoding);
        }
        None
    }
}
