//! Where an answer came from, in the words of metrics and logs.

use crate::outcome::Outcome;

/// Where an answer came from, or why it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reply {
    /// From the process, proved.
    L1,
    /// From Redis, proved.
    L2,
    /// Known without looking.
    Filter,
    /// Held, and labelled because the origin gave no answer.
    StaleOrigin,
    /// Held, and labelled because of a soft purge.
    StalePurge,
    /// Nothing was held: asked of the origin.
    Filled,
    /// What was held was outdated: asked of the origin.
    Refetched,
    /// Another request had asked the origin already.
    Collapsed,
    /// Asked of the origin, and not to be held.
    Unstored,
    /// Never held: a cart.
    Bypass,
    /// A write was done.
    Write,
    /// The request was not one that can be answered: 4xx.
    Refused,
    /// There was no answer: 5xx.
    Failed,
    /// What is not of the catalogue: OPTIONS, the description.
    Other,
}

/// What answers are timed by: replies that take about as long as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Group {
    /// Nobody was asked, or Redis.
    Hit,
    /// Labelled.
    Stale,
    /// The origin was asked.
    Filled,
    /// Written.
    Write,
    /// The rest.
    Other,
}

impl Reply {
    /// Every reply, in the order of their discriminants.
    pub const ALL: [Self; 14] = [
        Self::L1,
        Self::L2,
        Self::Filter,
        Self::StaleOrigin,
        Self::StalePurge,
        Self::Filled,
        Self::Refetched,
        Self::Collapsed,
        Self::Unstored,
        Self::Bypass,
        Self::Write,
        Self::Refused,
        Self::Failed,
        Self::Other,
    ];

    /// The reply that an outcome of the cache is.
    pub const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::HitL1 => Self::L1,
            Outcome::HitL2 => Self::L2,
            Outcome::HitFilter => Self::Filter,
            Outcome::Miss => Self::Filled,
            Outcome::Refetched => Self::Refetched,
            Outcome::Collapsed => Self::Collapsed,
            Outcome::Unstored => Self::Unstored,
            Outcome::Bypass => Self::Bypass,
            Outcome::StaleOrigin(_) => Self::StaleOrigin,
            Outcome::StalePurge(_) => Self::StalePurge,
        }
    }

    /// As it stands in labels and log lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::Filter => "filter",
            Self::StaleOrigin => "stale_origin",
            Self::StalePurge => "stale_purge",
            Self::Filled => "filled",
            Self::Refetched => "refetched",
            Self::Collapsed => "collapsed",
            Self::Unstored => "unstored",
            Self::Bypass => "bypass",
            Self::Write => "write",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Other => "other",
        }
    }

    /// What it is timed with.
    pub const fn group(self) -> Group {
        match self {
            Self::L1 | Self::L2 | Self::Filter => Group::Hit,
            Self::StaleOrigin | Self::StalePurge => Group::Stale,
            Self::Filled | Self::Refetched | Self::Collapsed | Self::Unstored | Self::Bypass => Group::Filled,
            Self::Write => Group::Write,
            Self::Refused | Self::Failed | Self::Other => Group::Other,
        }
    }
}

impl Group {
    /// Every group, in the order of their discriminants.
    pub const ALL: [Self; 5] = [Self::Hit, Self::Stale, Self::Filled, Self::Write, Self::Other];

    /// As it stands in labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Filled => "filled",
            Self::Write => "write",
            Self::Other => "other",
        }
    }
}
