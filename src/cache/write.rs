//! Writes, to their end: what was changed is noted here before the writer hears that it was done, and told to the other nodes.

use std::sync::Arc;
use std::time::SystemTime;

use tracing::{Instrument, error, warn};

use super::Cache;
use crate::cause::Causes;
use crate::command::{Command, Purge, Purged};
use crate::metrics::{Place, PurgeKind, Reason, metrics};
use crate::origin::{OriginError, WriteError};
use crate::red::{self, Point};
use crate::stamp::OrdToken;
use crate::tag::{Kind, Tag};

/// How long a purge waits until this node has applied it. It is done by then; only the answer waits.
const PURGE_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// The present in milliseconds since 1970, which is what new rows are dated with.
fn today() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Cache {
    /// Does a write, in a task of its own: a client that hangs up neither cancels it nor halves it. The token shows the write
    /// to other nodes; there is none when it is not known where in the history the write stands.
    ///
    /// # Errors
    /// When nothing was done, or it is not known whether anything was.
    pub async fn write(self: &Arc<Self>, command: Command) -> Result<Option<OrdToken>, WriteError> {
        let cache = Arc::clone(self);
        let written = tokio::spawn(async move { cache.write_to_its_end(command).await }.in_current_span());
        written.await.unwrap_or_else(|panicked| {
            metrics().panicked(Place::Write);
            error!(error = %panicked, "a write panicked; whatever it may have changed counts as changed");
            self.changes.raise(&[(Tag::All, Kind::Hard)], None);
            self.poller.wake();
            Err(WriteError::Uncertain(Vec::new()))
        })
    }

    async fn write_to_its_end(&self, command: Command) -> Result<Option<OrdToken>, WriteError> {
        // A breaker that is open because reads are slow is no reason, as long as polls get through.
        if self.breaker.is_open() && !self.poller.trouble().is_empty() {
            metrics().reject(Reason::Breaker);
            return Err(WriteError::Undone(OriginError::Down));
        }
        let purged = if let Command::Purge(Purge { what, .. }) = &command { Some(what.clone()) } else { None };
        let written = self.origin.write(command, today()).await;
        red::pass(Point::Write);
        match (written, purged) {
            (Ok(written), Some(what)) => {
                self.note_order(&what);
                // A purge may be a soft one, or begin an epoch: the poll knows what that means.
                let applied = self.poller.join(PURGE_WAIT).await;
                if !applied {
                    warn!("a purge was written, and this node has not applied it yet");
                }
                // The epoch that a purge began is known when it is applied.
                let known = applied || what != Purged::Epoch;
                let (epoch, _) = self.changes.era();
                let token = written.seen.map(|seen| OrdToken { epoch: epoch.short(), stamp: seen.stamp });
                let token = token.filter(|_| known);
                self.tell(token);
                Ok(token)
            }
            (Ok(written), None) => {
                let token = self.changes.raise(&written.tags, written.seen);
                if token.is_none() {
                    self.poller.wake();
                }
                if !written.tags.is_empty() {
                    self.tell(token);
                }
                Ok(token)
            }
            (Err(error), _) => {
                match &error {
                    WriteError::Uncertain(tags) => {
                        metrics().write_unknown.inc();
                        self.changes.raise(tags, None);
                        self.poller.wake();
                    }
                    WriteError::Undone(OriginError::Failed(cause)) => {
                        warn!(error = %Causes(&**cause), "the database could not write");
                    }
                    WriteError::Busy => metrics().reject(Reason::WritePermits),
                    WriteError::Absent | WriteError::Invalid | WriteError::Undone(_) => {}
                }
                Err(error)
            }
        }
    }

    /// Counts a purge, and remembers it for operators.
    fn note_order(&self, what: &Purged) {
        let kind = match what {
            Purged::Tags(tags, kind) => {
                self.changes.note_order(tags, *kind);
                match kind {
                    Kind::Soft => PurgeKind::Soft,
                    Kind::Hard => PurgeKind::Hard,
                    Kind::Erase => PurgeKind::Erase,
                }
            }
            Purged::Epoch => PurgeKind::Epoch,
        };
        metrics().purged(kind);
    }

    fn tell(&self, token: Option<OrdToken>) {
        if let Some((l2, token)) = self.l2.as_ref().zip(token) {
            l2.publish(token);
        }
    }
}
