//! The step that a poll brings: everything it has to tell is noted, only then the fence moves, and only then what waited for
//! it is let go. `proof.rs` looks at the same things in the reverse order.

use crate::freshness::Instant;
use crate::red::{self, Red};
use crate::stamp::Stamp;

use super::pending::Pending;
use super::view::{Change, View};
use super::word::Word;

/// Moves a view on by a poll that began at `begun` and saw `stamp`. `apply` notes what the poll had to tell.
pub(super) fn advance<W: Word>(
    view: &View<W>,
    pending: &Pending<W>,
    stamp: Stamp,
    begun: Instant,
    apply: impl FnOnce(&View<W>),
) {
    if red::is_on(Red::FloorsAfterFence) {
        view.prove_until(stamp, begun);
    }
    apply(view);
    view.prove_until(stamp, begun);
    pending.lift(begun, |covers| view.apply(covers, Change::Own, stamp));
}
