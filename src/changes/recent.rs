//! The purges of late, for operators: those that this node took orders for, and what polls brought that no ordinary change looks like.
//!
//! A purge of single rows that somebody else ordered looks to a poll like any other change of theirs, and is not here.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use crate::key::Resource;
use crate::stamp::Epoch;
use crate::tag::{Kind, Tag};

use super::lock;

/// How many are remembered.
const REMEMBERED: usize = 20;

/// How long after an order a poll still brings what was ordered.
const SAME: Duration = Duration::from_secs(10);

/// How much was purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    /// What depends on this, in this way.
    Tag(Tag, Kind),
    /// So many tags of one order, and the first of them.
    Tags(usize, Tag, Kind),
    /// Everything, by the begin of an epoch.
    Epoch(Epoch),
}

/// A purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When this node came to know of it.
    pub at: SystemTime,
    /// How much it was for.
    pub what: Wide,
    /// Whether this node was told by an operator, and not by a poll.
    pub ordered_here: bool,
}

/// The last ones, the newest at the end.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Sighting>>);

impl Recent {
    /// This node was told to purge these.
    pub(super) fn ordered(&self, tags: &[Tag], kind: Kind) {
        if let Some(first) = tags.first() {
            let what = if tags.len() == 1 { Wide::Tag(*first, kind) } else { Wide::Tags(tags.len(), *first, kind) };
            self.add(Sighting { at: SystemTime::now(), what, ordered_here: true });
        }
    }

    /// A poll brought this.
    pub(super) fn polled(&self, tag: Tag, kind: Kind) {
        // Pages of the product list have no other tag than that of their class, so every change of a product brings it.
        let is_wide = match tag {
            Tag::All => true,
            Tag::Class(class) => class != Resource::List,
            Tag::Row(..) => false,
        };
        if is_wide || kind != Kind::Hard {
            self.add(Sighting { at: SystemTime::now(), what: Wide::Tag(tag, kind), ordered_here: false });
        }
    }

    /// Another epoch has begun.
    pub(super) fn began(&self, epoch: Epoch) {
        self.add(Sighting { at: SystemTime::now(), what: Wide::Epoch(epoch), ordered_here: false });
    }

    fn add(&self, sighting: Sighting) {
        let mut all = lock(&self.0);
        let brings_again = |before: &Sighting| {
            let age = sighting.at.duration_since(before.at).unwrap_or_default();
            let same = match (before.what, sighting.what) {
                // Whether it is one of those that were ordered is not worth remembering them all.
                (Wide::Tags(_, _, kind), Wide::Tag(_, other)) => kind == other,
                (before, now) => before == now,
            };
            before.ordered_here && !sighting.ordered_here && same && age <= SAME
        };
        if all.iter().any(brings_again) {
            return;
        }
        if all.len() == REMEMBERED {
            all.pop_front();
        }
        all.push_back(sighting);
    }

    /// All that are remembered, the newest first.
    pub(super) fn all(&self) -> Vec<Sighting> {
        lock(&self.0).iter().rev().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(recent: &Recent) -> Vec<(Wide, bool)> {
        recent.all().into_iter().map(|sighting| (sighting.what, sighting.ordered_here)).collect()
    }

    #[test]
    fn what_no_ordinary_change_looks_like_is_remembered() {
        let recent = Recent::default();
        for (tag, kind) in [
            (Tag::Row(Resource::Reviews, 7), Kind::Hard),
            (Tag::Class(Resource::List), Kind::Hard),
            (Tag::Class(Resource::Reviews), Kind::Hard),
            (Tag::Row(Resource::Meta, 7), Kind::Soft),
            (Tag::Row(Resource::Reviews, 7), Kind::Erase),
            (Tag::All, Kind::Soft),
        ] {
            recent.polled(tag, kind);
        }
        let expected = [
            Wide::Tag(Tag::All, Kind::Soft),
            Wide::Tag(Tag::Row(Resource::Reviews, 7), Kind::Erase),
            Wide::Tag(Tag::Row(Resource::Meta, 7), Kind::Soft),
            Wide::Tag(Tag::Class(Resource::Reviews), Kind::Hard),
        ];
        assert_eq!(whats(&recent), expected.map(|what| (what, false)));
    }

    #[test]
    fn what_was_ordered_here_is_not_remembered_twice_and_only_so_many_are() {
        let recent = Recent::default();
        let rows = [1, 2].map(|id| Tag::Row(Resource::Reviews, id));
        recent.ordered(&rows, Kind::Erase);
        rows.iter().for_each(|tag| recent.polled(*tag, Kind::Erase));
        assert_eq!(whats(&recent), [(Wide::Tags(2, rows[0], Kind::Erase), true)]);
        recent.polled(rows[0], Kind::Soft);
        assert_eq!(whats(&recent).len(), 2);
        (0..100).for_each(|n| recent.began(Epoch::new(n)));
        assert_eq!(whats(&recent).len(), REMEMBERED);
        assert_eq!(whats(&recent)[0].0, Wide::Epoch(Epoch::new(99)));
    }
}
