//! What is known of a stored answer, as far as its freshness depends on it.

use std::hash::BuildHasher;

use rapidhash::fast::SeedableState;

use crate::freshness::Instant;
use crate::key::{Key, Resource};
use crate::stamp::{Epoch, Stamp};

/// Where an answer's changes are noted: its class, and a cell that it shares with others by hash. It is worked out once, when
/// an entry is made, so that a hit hashes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    class: Resource,
    /// Before it is cut to the number of cells.
    hash: u32,
}

impl Place {
    /// The place of the answer to `key`.
    pub fn of(key: Key) -> Self {
        Self::of_row(key.resource(), key.id().unwrap_or(0))
    }

    /// The place of the answers of a class that hang on one row.
    pub fn of_row(class: Resource, id: u32) -> Self {
        // Nobody outside chooses ids so that cells collide, and if one did, a collision costs a fetch.
        let hash = SeedableState::fixed().hash_one((class as u8, id));
        Self { class, hash: (hash >> 32) as u32 }
    }

    /// The class's number.
    pub const fn class(self) -> usize {
        self.class as usize
    }

    /// The cell, of so many, which are a power of two.
    pub const fn cell(self, cells: usize) -> usize {
        self.hash as usize & (cells - 1)
    }
}

/// When and where in the history an answer was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The life of the database it was read in.
    pub epoch: Epoch,
    /// Which commits it has seen.
    pub stamp: Stamp,
    /// When this node asked for it; `None` when another node did.
    pub began: Option<Instant>,
    /// Where its changes are noted.
    pub place: Place,
}
