//! What a run writes down: who wrote what and when, who was shown what and when, what was broken and when.
//!
//! All times are nanoseconds of one monotonic clock since the run began. Nothing here judges.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Nanoseconds since the run began.
pub(crate) type Nanos = u64;

/// The one clock of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since then. `Instant` is CLOCK_MONOTONIC, the same for every thread.
    pub(crate) fn now(self) -> Nanos {
        nanos(self.0.elapsed())
    }
}

/// A duration in nanoseconds.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Something whose version answers show: an index into [`History::registers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Register(pub u32);

/// How the versions of a register follow each other. Either way one writer writes them one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Each write replaces the version by the next greater number.
    Value,
    /// Each write adds one.
    Count,
}

/// What is known of a register.
#[derive(Clone, Debug)]
pub(crate) struct RegisterInfo {
    /// For reports: `slogan of product 7`.
    pub(crate) name: String,
    /// How its versions follow each other.
    pub(crate) nature: Nature,
}

/// What a write did to what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is there, and shows this version.
    Set,
    /// It is gone, which is this version.
    Delete,
}

/// By which way a write came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// A session of the database.
    Sql,
    /// The API of a node.
    Node(u8),
}

/// How a write was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// With `atelier.purge = 'soft'`, as an import.
    Soft,
    /// As usual.
    Hard,
    /// What was there before must not be seen again.
    Erase,
}

/// A committed write, or one whose outcome is unknown. What was rolled back for certain left a poison value and is not here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    /// What was written.
    pub(crate) register: Register,
    /// The version it has since; of a count, 0.
    pub(crate) version: u64,
    /// Whether it is there since.
    pub(crate) change: Change,
    /// By which way.
    pub(crate) via: Via,
    /// How it was meant.
    pub(crate) weight: Weight,
    /// Writes of one transaction have the same number here.
    pub(crate) transaction: u32,
    /// Before anything of it was sent.
    pub(crate) begin: Nanos,
    /// After it was said to be committed; none: unknown.
    pub(crate) ack: Option<Nanos>,
}

/// What an answer showed of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// This version, or this count.
    Version(u64),
    /// It was not in an answer that has to show it.
    Absent,
    /// A value that was rolled back.
    Poison,
    /// A value that nobody wrote.
    Garbage,
}

/// One register in one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Which.
    pub(crate) register: Register,
    /// What was shown of it.
    pub(crate) sight: Sight,
}

/// Whether an answer said that it may be stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// It did not.
    None,
    /// `stale-origin`, with the seconds it was held since it was last proved.
    Origin(u64),
    /// `stale-purge`.
    Purge(u64),
    /// Another word that begins with `stale`: there is none.
    Unknown,
}

/// What a token was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// A write.
    Write,
    /// A read.
    Read,
}

/// What a read has a right to see, because it brought a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Which register.
    pub(crate) register: Register,
    /// At least this version, or count.
    pub(crate) version: u64,
    /// What its token was given for.
    pub(crate) given: Given,
}

/// One request for an answer of the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// Who was asked.
    pub(crate) node: u8,
    /// Who asked.
    pub(crate) client: u16,
    /// What was asked for: an index into [`History::targets`].
    pub(crate) target: u32,
    /// Before the first byte of the request was sent.
    pub(crate) sent: Nanos,
    /// After the last byte of the answer had come.
    pub(crate) received: Nanos,
    /// The status; 0 when there was no answer.
    pub(crate) status: u16,
    /// The label.
    pub(crate) label: Label,
    /// What a 200 showed, or the 200 that a 304 stands for; what a 404 denies.
    pub(crate) seen: Arc<[Seen]>,
    /// What the read has a right to because of the token it brought.
    pub(crate) claims: Option<Arc<[Claim]>>,
}

/// A time in which a node may be unable to ask the origin, for a reason that the run made or saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Which node; none: all.
    pub(crate) node: Option<u8>,
    /// Since when.
    pub(crate) from: Nanos,
    /// Until when.
    pub(crate) to: Nanos,
}

/// A soft purge of everything, by an import or an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoftPurge {
    /// Before it.
    pub(crate) begin: Nanos,
    /// After it was committed; for one whose outcome is unknown the end of time.
    pub(crate) ack: Nanos,
}

/// What became of one key on one node when all was quiet again.
#[derive(Clone, Debug)]
pub(crate) struct Final {
    /// The node.
    pub(crate) node: u8,
    /// The key: an index into [`History::targets`].
    pub(crate) target: u32,
    /// How it differs from the origin, or why it could not be compared.
    pub(crate) wrong: Option<String>,
}

/// What one soft wildcard cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refresh {
    /// How many (node, key) pairs were held and asked for.
    pub(crate) asked: u64,
    /// How many statements the origin was sent for them.
    pub(crate) fetches: u64,
    /// The most that ran at once on one node, if that could be seen.
    pub(crate) at_once: Option<u64>,
    /// How many may.
    pub(crate) allowed_at_once: u64,
}

/// Everything one run wrote down.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// What answers show.
    pub(crate) registers: Vec<RegisterInfo>,
    /// What is asked for.
    pub(crate) targets: Vec<String>,
    /// What was written.
    pub(crate) writes: Vec<Write>,
    /// What was read.
    pub(crate) reads: Vec<Read>,
    /// What was broken.
    pub(crate) windows: Vec<Window>,
    /// What was purged softly.
    pub(crate) softs: Vec<SoftPurge>,
    /// How it ended.
    pub(crate) finals: Vec<Final>,
    /// What soft wildcards cost.
    pub(crate) refreshes: Vec<Refresh>,
    /// Attempts to move a row to another parent that were refused as they must be.
    pub(crate) moves_refused: u64,
    /// Attempts that were not.
    pub(crate) moves_accepted: u64,
    /// Transactions that were rolled back after they had written a poison value.
    pub(crate) rolled_back: u64,
    /// Writes that were acknowledged without a token: by which node, and when.
    pub(crate) tokenless: Vec<(u8, Nanos)>,
    /// Answers that were no proper answers: each in words.
    pub(crate) oddities: Vec<String>,
}
