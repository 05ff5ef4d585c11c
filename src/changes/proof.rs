//! The judgement of one entry: does it reflect every change that it must?
//!
//! The order of the loads is the reverse of the order in which a poll stores: pending writes, then the fence, then the
//! floors. In any other order a blind node's reader could check old floors, a poll could land, and the fence would pass an
//! answer that it had just outdated. `loom.rs` tries all of them.

use std::time::Duration;

use crate::facts::Facts;
use crate::freshness::Instant;
use crate::red::{self, Red};
use crate::stamp::Stamp;

use super::pending::Pending;
use super::view::View;
use super::word::Word;

/// What can be said of a stored answer at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It reflects every change up to that instant, which lies within the bound.
    Current(Instant),
    /// The same, but for what a soft purge wants renewed: to be served with the label.
    Softened(Instant),
    /// It may reflect every change, but nobody can say so now: the last poll, and its fetch, are too long ago.
    Unproved,
    /// Something was changed that it has not seen.
    Outdated,
}

/// Judges an entry. `view` gives the view of the moment it is called; it is called once. `now` likewise, behind all loads.
#[inline(always)]
pub(super) fn prove<W: Word, V: std::ops::Deref<Target: std::ops::Deref<Target = View<W>>>>(
    facts: &Facts,
    pending: &Pending<W>,
    cells: usize,
    view: impl FnOnce() -> V,
    now: impl FnOnce() -> Instant,
    bound: Duration,
) -> (Proof, Instant) {
    let since = if red::is_on(Red::PendingIgnored) { Instant::default() } else { pending.since(facts.place, cells) };
    let view = view();
    let mut floor = Stamp::ZERO;
    if red::is_on(Red::FloorsReadFirst) {
        floor = view.floor(facts.place);
    }
    let proved = view.proved();
    if !red::is_on(Red::FloorsReadFirst) {
        floor = view.floor(facts.place);
    }
    if facts.epoch != view.epoch {
        return (Proof::Outdated, now());
    }
    let outdated = facts.stamp < floor && !red::is_on(Red::NoFloorCheck);
    let is_hard = outdated && facts.stamp < view.hard(facts.place);
    if is_hard && !red::is_on(Red::YoungBeforeFloors) {
        return (Proof::Outdated, now());
    }
    let now = now();
    let oldest = now.before(bound);
    let open = (proved >= oldest || red::is_on(Red::FenceAlwaysOpen)) && proved > since;
    let young = facts.began.filter(|began| *began >= oldest && *began > since);
    if is_hard && young.is_none() {
        return (Proof::Outdated, now);
    }
    let until = match (open, young) {
        (true, Some(began)) => proved.max(began),
        (true, None) => proved,
        (false, Some(began)) => began,
        (false, None) => return (Proof::Unproved, now),
    };
    (if outdated && !is_hard { Proof::Softened(until) } else { Proof::Current(until) }, now)
}
