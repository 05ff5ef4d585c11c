//! What happens in a run, beside what is written and read all the time.

use std::time::Duration;

use super::cluster::WRONG_CLOCKS;
use super::writers::Load;

/// The bound of the runs, as in `cluster::usual`.
pub(crate) const BOUND: Duration = Duration::from_secs(1);
/// Their grace.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// A scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scene {
    /// Nothing but writers and readers (C1).
    Baseline,
    /// No Redis, and so no hints.
    Alone,
    /// Redis gives back old values, and hints are lost (C6).
    HostileRedis,
    /// Redis is killed and comes back empty (D1).
    RedisKilled,
    /// Each node's way to PostgreSQL is broken at random (C2).
    FeedCut,
    /// Nodes are stopped for longer than the bound and read at once when they go on (C3).
    NodeStopped,
    /// The poll connections are ended again and again (C4).
    PollEnded,
    /// The postmaster is killed, and then one backend (D6, D9).
    PostgresKilled,
    /// A hundred thousand rows and new versions of every review in one soft transaction (C15).
    Import,
    /// Statements that touch more than a thousand products (C7).
    Bulk,
    /// A transaction that stays open all the time (C8).
    Sleeper,
    /// A soft purge of everything, and what it costs.
    SoftPurge,
    /// What was erased, while PostgreSQL is gone (C16).
    Erased,
    /// A write of a node's own, and PostgreSQL is gone at once (C17).
    OwnWrite,
    /// The reply to a commit is lost (D15).
    WriteCut,
    /// Changes are pruned before a node has read them.
    Pruned,
    /// A second primary with old data answers fetches.
    TwoPrimaries,
    /// Everything at once.
    Mixed,
    /// What is fetched takes a while to come, so that writes land in between (C5).
    SlowReads,
    /// Every step of a write takes a while.
    SlowWrites,
    /// Polls take nearly as long as they may; then a node is cut off.
    SlowPolls,
    /// PostgreSQL crashes and has forgotten transactions that nodes have seen end, so that their numbers are used again.
    LostXids,
    /// Nodes read all changes anew while answers that are known to be outdated are asked for.
    Renewed,
    /// A row is moved to another product while its photo changes (C18).
    Moved,
    /// The wall clocks of two nodes are an hour wrong, one fast and one slow (C11).
    Clocks,
}

impl Scene {
    /// All, in the order of reports.
    pub(crate) const ALL: [Self; 18] = [
        Self::Baseline,
        Self::Alone,
        Self::HostileRedis,
        Self::RedisKilled,
        Self::FeedCut,
        Self::NodeStopped,
        Self::PollEnded,
        Self::PostgresKilled,
        Self::Import,
        Self::Bulk,
        Self::Sleeper,
        Self::SoftPurge,
        Self::Erased,
        Self::OwnWrite,
        Self::WriteCut,
        Self::Pruned,
        Self::TwoPrimaries,
        Self::Mixed,
    ];

    /// Those that are only in long runs and in red tests.
    pub(crate) const MORE: [Self; 7] =
        [Self::SlowReads, Self::SlowWrites, Self::SlowPolls, Self::LostXids, Self::Renewed, Self::Moved, Self::Clocks];

    /// Whether there is a Redis.
    pub(crate) fn with_redis(self) -> bool {
        self != Self::Alone
    }

    /// Settings besides the usual ones.
    pub(crate) fn settings(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Alone => vec![("ATELIER_HINT", "off".to_owned())],
            Self::Clocks => vec![(WRONG_CLOCKS, String::new())],
            _ => Vec::new(),
        }
    }

    /// What is written meanwhile; none: only what the scene itself writes.
    pub(crate) fn load(self) -> Option<Load> {
        let usual = Load::usual();
        match self {
            Self::SoftPurge | Self::Moved => None,
            // What nodes write is dated by their own clocks, so that of a slow one does not come first among the newest.
            Self::Clocks => Some(Load { api_rest: None, ..usual }),
            Self::Erased | Self::OwnWrite | Self::TwoPrimaries => {
                Some(Load { sql_rest: Duration::from_millis(150), ..usual })
            }
            _ => Some(usual),
        }
    }

    /// What must have happened in a run, or it has shown nothing: faults by name, and how often at least.
    pub(crate) fn demands(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Baseline | Self::Alone | Self::Sleeper => &[],
            Self::HostileRedis => &[("old value", 100), ("value of another key", 5), ("piece of a value", 5)],
            Self::RedisKilled => &[("Redis killed", 1)],
            Self::FeedCut => &[("path cut", 1)],
            Self::NodeStopped => &[("node stopped", 1)],
            Self::PollEnded => &[("poll connection ended", 6)],
            Self::PostgresKilled => &[("postmaster killed", 1), ("backend killed", 1)],
            Self::Import => &[("import", 1)],
            Self::Bulk => &[("bulk update", 2)],
            Self::SoftPurge => &[("soft purge", 1)],
            Self::Erased => &[("postmaster killed", 1), ("erased", 1), ("node replaced", 1)],
            Self::OwnWrite => &[("own write, then cut", 2), ("postmaster killed", 1)],
            Self::WriteCut => &[("commit's reply lost", 1), ("stamp lost", 1)],
            Self::Pruned => &[("outbox pruned", 2)],
            Self::TwoPrimaries => &[("second primary", 1)],
            Self::Mixed | Self::SlowReads | Self::SlowWrites => &[],
            Self::SlowPolls => &[("some connections cut", 1)],
            Self::LostXids => &[("transactions forgotten", 1)],
            Self::Renewed => &[("outbox pruned", 1)],
            Self::Moved => &[("move tried", 1)],
            Self::Clocks => &[("clock an hour wrong", 2)],
        }
    }

    /// Which label must have been seen.
    pub(crate) fn shows(self) -> (bool, bool) {
        let origin = matches!(self, Self::FeedCut | Self::PostgresKilled | Self::Erased | Self::OwnWrite);
        (origin, matches!(self, Self::Import | Self::SoftPurge))
    }
}
