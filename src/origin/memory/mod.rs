//! The in-memory origin: a CSV set in process, answered by plain filtering and sorting.
//!
//! It is written to be read, not to be fast: the differential test takes it for the specification of every statement of
//! the PostgreSQL origin. Rows come through the import's own reader, so they are cleaned by the same rules.
//!
//! One lock holds the rows and their history together, so the stamp of an answer counts exactly the writes that the answer
//! has seen. What is under it ends with the process.

mod average;
mod carts;
mod catalogue;
mod documents;
mod history;
mod interactions;
mod load;
mod rows;
mod write;

pub use load::LoadError;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use atelier_import::FileReport;
use bytes::Bytes;
use roaring::RoaringBitmap;
use tracing::info;

use self::carts::Carts;
use self::catalogue::Catalogue;
use self::documents::Documents;
use self::history::{History, strictest};
use self::interactions::Interactions;
use super::{
    Asking, Changes, Existing, Fetched, Fetching, Origin, OriginError, Poll, Position, Rules, WriteError, Written,
};
use crate::command::{Command, Owner, Purge};
use crate::key::Key;
use crate::model::json;
use crate::stamp::{Incarnation, Seen};

/// A catalogue in process.
#[derive(Debug)]
pub struct Memory {
    rules: Rules,
    state: RwLock<State>,
    /// What was read from each file.
    pub reports: Vec<FileReport>,
}

/// What changes together.
#[derive(Debug)]
struct State {
    catalogue: Catalogue,
    carts: Carts,
    interactions: Interactions,
    history: History,
}

/// A write broke off, and may have left a part of what it was to do.
#[derive(Debug, thiserror::Error)]
#[error("a write broke off: what is in memory cannot be trusted any more")]
struct Broken;

impl From<Broken> for OriginError {
    fn from(error: Broken) -> Self {
        Self::Failed(error.into())
    }
}

impl Origin for Memory {
    fn fetch(&self, key: Key) -> Fetching<'_> {
        Box::pin(async move { self.answer(key) })
    }

    fn poll<'a>(&'a self, position: Option<&'a Position>, most: usize) -> Asking<'a, Poll> {
        Box::pin(async move { self.changes(position, most) })
    }

    fn write(&self, command: Command, at: i64) -> Asking<'_, Written, WriteError> {
        Box::pin(async move { self.change(command, at) })
    }

    fn cart(&self, owner: Owner) -> Asking<'_, (Bytes, Incarnation)> {
        Box::pin(async move {
            let state = self.state()?;
            Ok((json(&state.carts.of(owner))?, state.history.seen().incarnation))
        })
    }

    fn ids(&self, of: Existing) -> Asking<'_, (RoaringBitmap, Incarnation)> {
        Box::pin(async move { self.existing(of) })
    }

    fn prune(&self, retention: Duration) -> Asking<'_, ()> {
        Box::pin(async move {
            if let Some(before) = Instant::now().checked_sub(retention) {
                self.state_mut()?.history.forget(before);
            }
            Ok(())
        })
    }

    /// There are no connections.
    fn reconnect(&self) {}

    fn is_up(&self) -> bool {
        !self.state.is_poisoned()
    }
}

impl Memory {
    fn new(rules: Rules, catalogue: Catalogue, reports: Vec<FileReport>) -> Self {
        let state = State {
            catalogue,
            carts: Carts::default(),
            interactions: Interactions::default(),
            history: History::new(history::KEPT),
        };
        Self { rules, state: RwLock::new(state), reports }
    }

    /// How many products there are.
    pub fn products(&self) -> usize {
        // No write adds or removes one, so one that broke off has not either.
        self.state.read().unwrap_or_else(PoisonError::into_inner).catalogue.products.len()
    }

    fn state(&self) -> Result<RwLockReadGuard<'_, State>, OriginError> {
        Ok(self.state.read().map_err(|_| Broken)?)
    }

    fn state_mut(&self) -> Result<RwLockWriteGuard<'_, State>, OriginError> {
        Ok(self.state.write().map_err(|_| Broken)?)
    }

    fn answer(&self, key: Key) -> Result<(Fetched, Seen), OriginError> {
        let state = self.state()?;
        let fetched = Documents { catalogue: &state.catalogue, rules: &self.rules }.of(key)?;
        Ok((fetched, state.history.seen()))
    }

    fn change(&self, command: Command, at: i64) -> Result<Written, WriteError> {
        if let Command::Purge(Purge { what, actor, peer, reason }) = &command {
            // There is no table for it, so the log is the audit. It may block, so it stands before the lock.
            info!(?what, ?actor, ?peer, ?reason, "an operator purges");
        }
        self.state_mut().map_err(WriteError::Undone)?.write(command, at)
    }

    fn changes(&self, position: Option<&Position>, most: usize) -> Result<Poll, OriginError> {
        let state = self.state()?;
        let history = &state.history;
        let listed = match position {
            Some(position) => history.since(position),
            None => Some(history.all()),
        };
        let Seen { stamp, incarnation } = history.seen();
        let (epoch, horizon, now) = (history.epoch(), history.horizon(), history.position());
        // Tens of thousands of changes may be listed, and no write has to wait until each tag is there once.
        drop(state);

        let changes = match (listed, position) {
            (None, _) => Changes::Gap,
            (Some(listed), Some(_)) => Changes::Since(strictest(&listed, most)),
            (Some(listed), None) => {
                Changes::Kept { tags: strictest(&listed, most), seen: Vec::new(), horizon: Some(horizon) }
            }
        };
        Ok(Poll { epoch, incarnation, stamp, position: now, changes })
    }

    fn existing(&self, of: Existing) -> Result<(RoaringBitmap, Incarnation), OriginError> {
        let state = self.state()?;
        let ids = match of {
            Existing::Products => state.catalogue.products.keys().copied().collect(),
            Existing::Questions => state.catalogue.questions().collect(),
        };
        Ok((ids, state.history.seen().incarnation))
    }
}

#[cfg(test)]
mod tests;
