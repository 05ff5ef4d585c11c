//! What a node knows of one epoch: how much an answer must have seen, by class and by cell, and when that was last proved.

use std::sync::Arc;

use crate::facts::Place;
use crate::freshness::Instant;
use crate::key::Resource;
use crate::red::{self, Red};
use crate::stamp::{Epoch, Incarnation, Stamp};
use crate::tag::Kind;

use super::covers::Covers;
use super::word::Word;

const CLASSES: usize = Resource::ALL.len();

/// Stamps by class and by cell. What counts for an answer is the greater of the two.
#[derive(Debug)]
struct Levels<W> {
    classes: [W; CLASSES],
    cells: Box<[W]>,
}

impl<W: Word> Levels<W> {
    fn new(cells: usize) -> Self {
        Self { classes: std::array::from_fn(|_| W::new(0)), cells: (0..cells).map(|_| W::new(0)).collect() }
    }

    #[inline(always)]
    fn of(&self, place: Place) -> Stamp {
        let class = self.classes[place.class()].load();
        // The mask keeps the index in range; the compiler cannot know that, and the check costs one instruction.
        let cell = self.cells[place.cell(self.cells.len())].load();
        Stamp::new(class.max(cell))
    }

    fn raise(&self, covers: Covers, stamp: Stamp) {
        match covers {
            Covers::All => self.classes.iter().for_each(|class| class.raise(stamp.number())),
            Covers::Class(class) => self.classes[class].raise(stamp.number()),
            Covers::One(place) => self.cells[place.cell(self.cells.len())].raise(stamp.number()),
        }
    }

    /// A copy. Raises meanwhile may be missed: the caller keeps them out.
    fn copy(&self) -> Self {
        Self {
            classes: std::array::from_fn(|class| W::new(self.classes[class].load())),
            cells: self.cells.iter().map(|cell| W::new(cell.load())).collect(),
        }
    }
}

/// The epoch before this one: its entries are candidates for an outage, and for nothing else.
#[derive(Debug)]
struct Former<W> {
    epoch: Epoch,
    bar: Levels<W>,
}

/// What was known of one epoch. Nothing in it is ever lowered; a new one is filled first and then takes its place.
#[derive(Debug)]
pub(super) struct View<W> {
    pub(super) epoch: Epoch,
    pub(super) incarnation: Incarnation,
    /// What the last applied poll saw.
    stamp: W,
    /// When the last applied poll began, in nanoseconds: everything committed before that has been applied.
    proved: W,
    /// The last change of any kind: an entry below has not seen it.
    floor: Levels<W>,
    /// The last change that no grace excuses.
    hard: Levels<W>,
    /// The last change that not even an outage excuses.
    bar: Levels<W>,
    former: Option<Arc<Former<W>>>,
}

/// How a change is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// By somebody, as the outbox says.
    Other(Kind),
    /// By this node, which has answered or is about to: nobody here may get anything older.
    Own,
}

impl<W: Word> View<W> {
    /// A view of an epoch of which nothing is proved yet. `cells` is a power of two.
    pub(super) fn new(epoch: Epoch, incarnation: Incarnation, stamp: Stamp, cells: usize) -> Self {
        Self {
            epoch,
            incarnation,
            stamp: W::new(stamp.number()),
            proved: W::new(0),
            floor: Levels::new(cells),
            hard: Levels::new(cells),
            bar: Levels::new(cells),
            former: None,
        }
    }

    /// The same, in place of `before`: what may not be served in an outage stays so.
    pub(super) fn following(mut self, before: &Self) -> Self {
        if before.epoch == self.epoch {
            self.bar = before.bar.copy();
            self.former = before.former.clone();
        } else if before.epoch != Epoch::default() {
            self.former = Some(Arc::new(Former { epoch: before.epoch, bar: before.bar.copy() }));
        }
        self
    }

    pub(super) fn cells(&self) -> usize {
        self.floor.cells.len()
    }

    #[inline(always)]
    pub(super) fn stamp(&self) -> Stamp {
        Stamp::new(self.stamp.load())
    }

    #[inline(always)]
    pub(super) fn proved(&self) -> Instant {
        Instant::from_nanos(self.proved.load())
    }

    #[inline(always)]
    pub(super) fn floor(&self, place: Place) -> Stamp {
        self.floor.of(place)
    }

    #[inline(always)]
    pub(super) fn hard(&self, place: Place) -> Stamp {
        self.hard.of(place)
    }

    /// What an entry of `epoch` must have seen to be served in an outage; `None` when its epoch is not remembered.
    pub(super) fn bar(&self, epoch: Epoch, place: Place) -> Option<Stamp> {
        if epoch == self.epoch {
            return Some(self.bar.of(place));
        }
        self.former.as_ref().filter(|former| former.epoch == epoch).map(|former| former.bar.of(place))
    }

    /// Notes a change that a snapshot of `stamp` sees. The strictest level goes first: whoever sees the floor sees the rest.
    pub(super) fn apply(&self, covers: Covers, change: Change, stamp: Stamp) {
        if red::is_on(Red::FloorBeforeHard) {
            self.floor.raise(covers, stamp);
        }
        if matches!(change, Change::Own | Change::Other(Kind::Erase)) && !red::is_on(Red::NoBar) {
            if let Some(former) = &self.former {
                former.bar.raise(covers, Stamp::MAX);
            }
            self.bar.raise(covers, stamp);
        }
        if change != Change::Other(Kind::Soft) {
            self.hard.raise(covers, stamp);
        }
        self.floor.raise(covers, stamp);
    }

    /// Ends the grace of a soft purge.
    pub(super) fn harden(&self, covers: Covers, stamp: Stamp) {
        self.hard.raise(covers, stamp);
    }

    /// Demands of every answer that it has seen what `stamp` sees.
    pub(super) fn demand(&self, stamp: Stamp) {
        self.hard.raise(Covers::All, stamp);
        self.floor.raise(Covers::All, stamp);
    }

    /// Moves the fence: everything that a poll which saw `stamp` and began at `begun` had to tell has been applied.
    pub(super) fn prove_until(&self, stamp: Stamp, begun: Instant) {
        self.stamp.store(stamp.number());
        self.proved.store(begun.nanos());
    }

    /// Takes back every floor: the bug that a resync in place would be.
    #[cfg(feature = "red")]
    pub(super) fn clear_in_place(&self) {
        for levels in [&self.floor, &self.hard] {
            levels.classes.iter().chain(&*levels.cells).for_each(|word| word.store(0));
        }
    }
}
