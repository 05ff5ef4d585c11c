//! What was changed, in the order in which it was: the in-memory form of the outbox.
//!
//! Writes are counted, and the count is the stamp: an answer made after the n-th write has seen n writes. A position is such
//! a count too. Of the changes the latest are kept; the horizon is the count behind the last that is not.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::origin::{Position, Tags};
use crate::stamp::{Epoch, Incarnation, Seen, Stamp};
use crate::tag::{Kind, Tag};

/// How many changes are kept, in less than 3 MB.
pub(super) const KEPT: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct History {
    epoch: Epoch,
    incarnation: Incarnation,
    /// One more than there were writes, since no answer may be stamped with 0.
    ord: u64,
    /// Every change above this is kept.
    horizon: u64,
    room: usize,
    changes: VecDeque<Change>,
}

#[derive(Debug)]
struct Change {
    ord: u64,
    at: Instant,
    tag: Tag,
    kind: Kind,
}

impl History {
    /// The beginning of a life that no other process shares, with room for so many changes.
    pub(super) fn new(room: usize) -> Self {
        let epoch = Epoch::new(fastrand::u64(..));
        let incarnation = Incarnation(fastrand::u128(..));
        Self { epoch, incarnation, ord: 1, horizon: 1, room, changes: VecDeque::new() }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What whoever looks now sees: every write so far.
    pub(super) fn seen(&self) -> Seen {
        Seen { stamp: Stamp::new(self.ord), incarnation: self.incarnation }
    }

    pub(super) fn position(&self) -> Position {
        Position(self.ord.to_string().into())
    }

    /// An answer stamped with this or above has seen every change that is not kept any more.
    pub(super) fn horizon(&self) -> Stamp {
        Stamp::new(self.horizon)
    }

    /// A write was done, and changed this.
    pub(super) fn append(&mut self, tags: &[(Tag, Kind)], at: Instant) {
        self.ord += 1;
        for (tag, kind) in tags.iter().copied() {
            self.changes.push_back(Change { ord: self.ord, at, tag, kind });
            if self.changes.len() > self.room {
                self.forget_oldest();
            }
        }
    }

    /// Outdates whatever was stamped so far, wherever it is. Connections need not be made anew, so the incarnation stays.
    pub(super) fn begin_epoch(&mut self) {
        let last = self.epoch;
        // Tokens and Redis keys hold the short form.
        while self.epoch.short() == last.short() {
            self.epoch = Epoch::new(fastrand::u64(..));
        }
    }

    /// Forgets the changes made before `before`.
    pub(super) fn forget(&mut self, before: Instant) {
        while self.changes.front().is_some_and(|change| change.at < before) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(change) = self.changes.pop_front() {
            self.horizon = change.ord;
        }
    }

    /// Everything that is kept.
    pub(super) fn all(&self) -> Vec<(Tag, Kind)> {
        self.listed_from(0)
    }

    /// What was changed since a position; `None` when not all of that is kept, or the position is none of this history.
    pub(super) fn since(&self, position: &Position) -> Option<Vec<(Tag, Kind)>> {
        let position: u64 = position.0.parse().ok()?;
        let known = (self.horizon..=self.ord).contains(&position);
        known.then(|| self.listed_from(self.changes.partition_point(|change| change.ord <= position)))
    }

    fn listed_from(&self, first: usize) -> Vec<(Tag, Kind)> {
        self.changes.range(first..).map(|change| (change.tag, change.kind)).collect()
    }
}

/// Each tag once, with the strictest kind it was listed with, unless there are more than `most`.
pub(super) fn strictest(listed: &[(Tag, Kind)], most: usize) -> Tags {
    let mut places = HashMap::new();
    let mut tags: Vec<(Tag, Kind)> = Vec::new();
    for (tag, kind) in listed {
        let place = *places.entry(*tag).or_insert(tags.len());
        match tags.get_mut(place) {
            Some((_, strictest)) => *strictest = (*strictest).max(*kind),
            None => tags.push((*tag, *kind)),
        }
    }
    match tags.iter().map(|(_, kind)| *kind).max() {
        Some(kind) if tags.len() > most => Tags::TooMany(kind),
        _ => Tags::These(tags),
    }
}
