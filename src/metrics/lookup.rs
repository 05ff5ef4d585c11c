//! What the tiers said to whoever asked them: readers, refreshes, warm starts. What answers say of themselves is not counted again here.

use std::sync::atomic::{AtomicU64, Ordering};

use super::reply::Reply;
use super::traffic::Totals;

/// What a tier said, as far as no answer tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Lookup {
    /// L1 had nothing that could be answered.
    L1Miss,
    /// Redis had it, and it could be proved.
    L2Hit,
    /// Redis had it, and it was good enough for an outage.
    L2Stale,
    /// Redis had nothing.
    L2Miss,
    /// Redis had something that could not be proved.
    L2Outdated,
    /// Redis had something that is none of ours.
    L2Corrupt,
    /// Redis gave no answer.
    L2Failed,
    /// Redis was not asked: it does not answer, too much is under way, or nothing can be proved.
    L2Skipped,
    /// The origin was asked, and what it said was stored.
    Fill,
    /// The origin was to be asked and gave no answer.
    OriginFailed,
}

/// The tiers with what they can say; in the order of the discriminants above come those that are counted here.
const COUNTED: [(Lookup, &str, &str); 10] = [
    (Lookup::L1Miss, "l1", "miss"),
    (Lookup::L2Hit, "l2", "hit"),
    (Lookup::L2Stale, "l2", "stale"),
    (Lookup::L2Miss, "l2", "miss"),
    (Lookup::L2Outdated, "l2", "outdated"),
    (Lookup::L2Corrupt, "l2", "corrupt"),
    (Lookup::L2Failed, "l2", "failed"),
    (Lookup::L2Skipped, "l2", "skipped"),
    (Lookup::Fill, "origin", "fill"),
    (Lookup::OriginFailed, "origin", "failed"),
];

/// Each of them costs a look-up beyond this process, or a task, beside which one shared counter is nothing.
static COUNTS: [AtomicU64; COUNTED.len()] = [const { AtomicU64::new(0) }; COUNTED.len()];

/// Counts what a tier said.
pub fn looked_up(lookup: Lookup) {
    COUNTS[lookup as usize].fetch_add(1, Ordering::Relaxed);
}

/// How often a tier said this so far.
pub fn looked(lookup: Lookup) -> u64 {
    COUNTS[lookup as usize].load(Ordering::Relaxed)
}

/// Everything that tiers have said so far, as tier, result and number.
pub(super) fn all(totals: &Totals) -> Vec<(&'static str, &'static str, u64)> {
    let labelled = totals.came(Reply::StaleOrigin) + totals.came(Reply::StalePurge);
    let mut all = vec![
        ("l1", "hit", totals.came(Reply::L1)),
        ("l1", "stale", labelled.saturating_sub(looked(Lookup::L2Stale))),
        ("filter", "hit", totals.came(Reply::Filter)),
        ("flight", "collapsed", totals.came(Reply::Collapsed)),
        ("origin", "unstored", totals.came(Reply::Unstored)),
    ];
    all.extend(COUNTED.map(|(lookup, tier, result)| (tier, result, looked(lookup))));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_under_its_own_name() {
        for (place, (lookup, ..)) in COUNTED.into_iter().enumerate() {
            assert_eq!(lookup as usize, place, "{lookup:?}");
        }
        let before = looked(Lookup::L2Corrupt);
        looked_up(Lookup::L2Corrupt);
        assert_eq!(looked(Lookup::L2Corrupt), before + 1);
    }
}
