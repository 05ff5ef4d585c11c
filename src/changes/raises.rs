//! What this node's own writes changed lately: a view that is made anew begins with it, since its poll may have begun before.

use std::collections::VecDeque;

use crate::freshness::Instant;
use crate::stamp::{Incarnation, Stamp};

use super::covers::Covers;

/// One write.
#[derive(Debug)]
struct Raise {
    at: Instant,
    incarnation: Incarnation,
    covers: Vec<Covers>,
    stamp: Stamp,
}

/// The writes since the begin of the last applied poll, in their order. The lock around this is also what keeps a write and
/// the exchange of the view apart.
#[derive(Debug, Default)]
pub(super) struct Raises(VecDeque<Raise>);

impl Raises {
    pub(super) fn push(&mut self, at: Instant, incarnation: Incarnation, covers: Vec<Covers>, stamp: Stamp) {
        self.0.push_back(Raise { at, incarnation, covers, stamp });
    }

    /// Forgets those before `begun`: a poll that began then has seen them.
    pub(super) fn forget_before(&mut self, begun: Instant) {
        while self.0.front().is_some_and(|raise| raise.at < begun) {
            self.0.pop_front();
        }
    }

    /// Gives those of `incarnation` that were made from `begun` on.
    pub(super) fn since(&self, begun: Instant, incarnation: Incarnation, mut apply: impl FnMut(Covers, Stamp)) {
        for raise in self.0.iter().filter(|raise| raise.at >= begun && raise.incarnation == incarnation) {
            for covers in &raise.covers {
                apply(*covers, raise.stamp);
            }
        }
    }
}
