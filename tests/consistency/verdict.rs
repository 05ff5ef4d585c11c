//! What a judge may say.

use std::collections::HashMap;
use std::fmt;

use super::history::Nanos;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Invariant {
    /// Without a label nothing is missing that was committed more than B before.
    A1,
    /// Nothing from the future, nothing rolled back, no mixture of two transactions.
    A2,
    /// What was seen once is seen again after B; with its token at once.
    A3,
    /// When all is quiet, every key on every node equals the origin.
    A4,
    /// `stale-origin` only while the origin cannot be asked, and not older than the limit.
    A5,
    /// A 404 was true within B, and is never stale.
    A6,
    /// Whoever wrote sees it on that node, and elsewhere with the token, or gets 503.
    A7,
    /// `stale-purge` only in grace, and it hides no hard change. There is no third label.
    A8,
    /// What was erased is not seen again.
    A9,
    /// A soft wildcard costs about one fetch for each key that is asked for.
    A10,
    /// Moves to another parent are refused (C18).
    Moves,
    /// Every answer is a proper one: no 5xx but 503, nothing malformed.
    Wire,
}

impl Invariant {
    /// All of them, in the order of reports.
    pub(crate) const ALL: [Self; 12] = [
        Self::A1,
        Self::A2,
        Self::A3,
        Self::A4,
        Self::A5,
        Self::A6,
        Self::A7,
        Self::A8,
        Self::A9,
        Self::A10,
        Self::Moves,
        Self::Wire,
    ];
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

/// One violation, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Of what.
    pub(crate) invariant: Invariant,
    /// What was seen, by whom, when, and what should have been.
    pub(crate) text: String,
}

/// Numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Requests for answers.
    pub(crate) reads: u64,
    /// Registers seen in them.
    pub(crate) sights: u64,
    /// Answers without content: the product is not there.
    pub(crate) absent: u64,
    /// 304.
    pub(crate) not_modified: u64,
    /// Requests that brought a token.
    pub(crate) with_token: u64,
    /// Answers labelled `stale-origin`.
    pub(crate) stale_origin: u64,
    /// Answers labelled `stale-purge`.
    pub(crate) stale_purge: u64,
    /// 503.
    pub(crate) unavailable: u64,
    /// Requests without an answer.
    pub(crate) failed: u64,
    /// Writes.
    pub(crate) writes: u64,
    /// Of these through the API.
    pub(crate) api_writes: u64,
    /// Of these with unknown outcome.
    pub(crate) unknown: u64,
    /// The worst age of an unlabelled answer: how long before its request the oldest write it misses was acknowledged.
    pub(crate) worst: Nanos,
    /// The same of labelled answers.
    pub(crate) worst_labelled: Nanos,
}

/// What the judge says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// How often each invariant was violated.
    pub(crate) counts: HashMap<Invariant, u64>,
    /// The first few of each, in words.
    pub(crate) examples: Vec<Violation>,
    /// Numbers.
    pub(crate) stats: Stats,
}

/// How many violations of one invariant are told in words.
pub(crate) const EXAMPLES: u64 = 5;

impl Verdict {
    /// How often `invariant` was violated.
    pub(crate) fn count(&self, invariant: Invariant) -> u64 {
        self.counts.get(&invariant).copied().unwrap_or(0)
    }

    /// All violations.
    pub(crate) fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// One more, in words if there are not enough of them.
    pub(crate) fn add(&mut self, invariant: Invariant, text: impl FnOnce() -> String) {
        let count = self.counts.entry(invariant).or_insert(0);
        *count += 1;
        if *count <= EXAMPLES {
            self.examples.push(Violation { invariant, text: text() });
        }
    }
}
