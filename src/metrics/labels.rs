//! The labels of metrics: what they may say, and in which words.

use std::fmt::Write as _;

use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, LabelValueEncoder};

/// Why a request was turned away, or went without what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No permit to ask the origin was free in time, or too many wait for one.
    Permits,
    /// No permit to write was free in time.
    WritePermits,
    /// Fetches wait for too long altogether, and the newest is turned away.
    Shed,
    /// Too many requests wait for fetches.
    Followers,
    /// The same fetch has just failed.
    Failing,
    /// What would be asked does not answer, and is not asked.
    Breaker,
    /// Memory is short.
    Memory,
    /// The client has asked for too much that is not held.
    Client,
    /// A refresh, since there is more urgent work or it could not be kept.
    Refresh,
}

/// What answers depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// The database, as far as it is asked for answers.
    Postgres,
    /// Redis.
    Redis,
}

impl Dependency {
    /// Both.
    pub(super) const ALL: &'static [Self] = &[Self::Postgres, Self::Redis];

    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}

impl EncodeLabelValue for Dependency {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(self.name())
    }
}

/// Where something panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the answer to a request.
    Request,
    /// In what serves a connection, beside the answers.
    Connection,
    /// In a fetch.
    Fetch,
    /// Between a fetch and the place where its answer is kept.
    Fill,
    /// In a write.
    Write,
    /// In a poll.
    Poll,
    /// In work that goes on beside all requests.
    Background,
}

/// How a connection ended that did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// What came was no request.
    Malformed,
    /// The head of a request was larger than allowed.
    HeadTooLarge,
    /// No whole head came in time; so end idle connections, too.
    Silent,
    /// The client took nothing of its answer for too long.
    Stalled,
    /// The client left in the middle of something.
    Left,
}

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Polled {
    /// What was changed is known.
    Applied,
    /// All that is kept was read anew, and is known.
    Resync,
    /// It failed.
    Failed,
}

/// What came of comparing an answer with what the origin says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compared {
    /// They are the same.
    Equal,
    /// They are not, and it was changed meanwhile.
    Changed,
    /// They are not, although nothing was changed: a wrong answer was served.
    Wrong,
    /// The origin, or the poll, gave no answer.
    Failed,
}

/// Who said that something was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raiser {
    /// A poll.
    Poll,
    /// A write of this node.
    Write,
    /// A poll of all that is kept.
    Resync,
}

/// How much a purge was for, and how it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PurgeKind {
    /// Tags, softly.
    Soft,
    /// Tags.
    Hard,
    /// Tags, for good.
    Erase,
    /// Everything, by another epoch.
    Epoch,
}

/// What there is only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// For fetches that somebody waits for.
    Read,
    /// For writes.
    Write,
    /// For refreshes.
    Refresh,
    /// For polls.
    Poll,
}

/// Which entries of L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// Those with content.
    Found,
    /// Those that say that nothing is there.
    Absent,
}

/// Where connections are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listener(pub &'static str);

impl EncodeLabelValue for Listener {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(self.0)
    }
}

/// The words of a label, each once.
macro_rules! words {
    ($($label:ident { $($variant:ident = $word:literal),* })*) => {
        $(
            impl $label {
                /// All of them.
                pub(super) const ALL: &'static [Self] = &[$(Self::$variant),*];
            }

            impl EncodeLabelValue for $label {
                fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
                    encoder.write_str(match self { $(Self::$variant => $word),* })
                }
            }
        )*
    };
}

words! {
    Reason {
        Permits = "permits",
        WritePermits = "write_permits",
        Shed = "shed",
        Followers = "followers",
        Failing = "failing",
        Breaker = "breaker",
        Memory = "memory",
        Client = "client",
        Refresh = "refresh"
    }
    Place {
        Request = "request",
        Connection = "connection",
        Fetch = "fetch",
        Fill = "fill",
        Write = "write",
        Poll = "poll",
        Background = "background"
    }
    Broken {
        Malformed = "malformed",
        HeadTooLarge = "head_too_large",
        Silent = "silent",
        Stalled = "stalled",
        Left = "left"
    }
    Polled { Applied = "applied", Resync = "resync", Failed = "failed" }
    Compared { Equal = "equal", Changed = "changed", Wrong = "wrong", Failed = "failed" }
    Raiser { Poll = "poll", Write = "write", Resync = "resync" }
    PurgeKind { Soft = "soft", Hard = "hard", Erase = "erase", Epoch = "epoch" }
    Held { Found = "found", Absent = "absent" }
}

impl EncodeLabelValue for Use {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Refresh => "refresh",
            Self::Poll => "poll",
        })
    }
}

/// Labels with one name each.
macro_rules! labels {
    ($(#[doc = $about:literal] $label:ident { #[doc = $help:literal] $name:ident: $kind:ty })*) => {
        $(
            #[doc = $about]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
            pub struct $label {
                #[doc = $help]
                pub $name: $kind,
            }
        )*
    };
}

labels! {
    /// The label of `rejected`.
    Rejected {
        /// Why.
        reason: Reason
    }
    /// The label of `connections_broken`.
    BrokenHow {
        /// How.
        how: Broken
    }
    /// The label of what is told of breakers.
    Before {
        /// What the breaker stands before.
        dependency: Dependency
    }
    /// The label of `panics`.
    Panicked {
        /// Where.
        place: Place
    }
    /// The label of `polls`.
    PollEnd {
        /// How it ended.
        result: Polled
    }
    /// The label of `shadow`.
    ShadowEnd {
        /// What came of it.
        result: Compared
    }
    /// The label of `floors_raised`.
    RaisedBy {
        /// Who raised them.
        by: Raiser
    }
    /// The label of `purges`.
    PurgedAs {
        /// How it was meant.
        kind: PurgeKind
    }
    /// The label of `l1_entries`.
    HeldAs {
        /// Which.
        kind: Held
    }
    /// The label of what is told of listeners.
    At {
        /// Which.
        listener: Listener
    }
}

/// The label of pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct For(pub Use);

impl EncodeLabelSet for For {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        // `use` is no name of a field.
        ("use", self.0).encode(encoder.encode_label())
    }
}
