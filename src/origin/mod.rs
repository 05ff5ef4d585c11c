//! The origin: where answers come from when no tier has them, and where writes go. It is right by definition.
//!
//! `postgres` is the real one. `memory` holds a CSV set in process: the default of `cargo run`, and the specification of
//! what the statements of the other must answer. Both stamp what they answer and can say what was changed since; what that
//! is good for is known in `changes`, not here.

pub mod memory;
pub mod postgres;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roaring::RoaringBitmap;

use crate::command::{Command, Owner};
use crate::key::Key;
use crate::model::JsonError;
use crate::stamp::{Epoch, Incarnation, Seen, Stamp};
use crate::tag::{Kind, Tag};

/// What an origin says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The document's bytes; `None` when there is no such row and the API says 404.
    pub body: Option<Bytes>,
    /// Whether that is all there is to say: an absent row, or a document without content.
    pub empty: bool,
}

impl Fetched {
    /// No such row.
    pub const ABSENT: Self = Self { body: None, empty: true };

    /// A document; `empty` when nothing stands in it.
    pub fn found(body: Bytes, empty: bool) -> Self {
        Self { body: Some(body), empty }
    }
}

/// Where in the history of changes a poll stood, in the origin's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position(pub Arc<str>);

/// Tags, each once, with the strictest kind that was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// These and no others.
    These(Vec<(Tag, Kind)>),
    /// More than were asked for, none stricter than this.
    TooMany(Kind),
}

/// What a poll learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Exactly what became visible since the position that was asked for.
    Since(Tags),
    /// The position is too old: some of what became visible since is not kept any more.
    Gap,
    /// Everything that is kept, without a position. An answer that is stamped with `horizon` or above has seen whatever is
    /// not kept any more; without one, only answers from now on have.
    Kept {
        /// What is kept.
        tags: Tags,
        /// For each of these tags, a stamp from which on every answer has seen all that was noted under it; where there is
        /// none, only answers from now on have.
        seen: Vec<Option<Stamp>>,
        /// See above.
        horizon: Option<Stamp>,
    },
}

/// What the origin says of its history, all of it seen by one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Which life of which primary this is.
    pub epoch: Epoch,
    /// What fetches of this life say.
    pub incarnation: Incarnation,
    /// What the poll saw.
    pub stamp: Stamp,
    /// Where the next poll goes on.
    pub position: Position,
    /// What was changed.
    pub changes: Changes,
}

/// What a write left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it changed, from its own transaction.
    pub tags: Vec<(Tag, Kind)>,
    /// A snapshot that sees the write; `None` when it was committed and that could not be had.
    pub seen: Option<Seen>,
}

/// Which ids the existence filter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Products.
    Products,
    /// Questions.
    Questions,
}

/// Why an origin gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// No connection is up.
    #[error("no connection to the database is up")]
    Down,
    /// The answer did not come in time.
    #[error("the database did not answer in time")]
    Late,
    /// The answer was an error, or not what the statement promises.
    #[error("the database could not answer")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl From<JsonError> for OriginError {
    fn from(error: JsonError) -> Self {
        Self::Failed(error.into())
    }
}

/// Why a write was not done, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The row that is voted on or reported is not there.
    #[error("there is no such row")]
    Absent,
    /// It refers to a row that is not there, or breaks a rule of the schema.
    #[error("it does not fit the catalogue")]
    Invalid,
    /// All permits to write were taken for too long.
    #[error("too many writes wait for the database")]
    Busy,
    /// Nothing was done.
    #[error("the write was not done")]
    Undone(#[source] OriginError),
    /// The commit was sent, and whether it was made is not known. If it was, it changed this.
    #[error("whether the write was done is not known")]
    Uncertain(Vec<(Tag, Kind)>),
}

/// Something asked of an origin, under way.
pub type Asking<'a, T, E = OriginError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A fetch under way: what was found, and what the statement that found it saw.
pub type Fetching<'a> = Asking<'a, (Fetched, Seen)>;

/// Where answers come from.
pub trait Origin: Send + Sync + 'static {
    /// Asks for one answer. A count above the limit of rows in an answer gives that many rows and says the count asked for.
    fn fetch(&self, key: Key) -> Fetching<'_>;

    /// What was changed since `position`, or, without one, all that is kept of what was changed. Of more than `most` tags it
    /// says only that there are more.
    fn poll<'a>(&'a self, position: Option<&'a Position>, most: usize) -> Asking<'a, Poll>;

    /// Does a write, all of it or nothing; `at` is the time of new rows, in milliseconds since 1970. It ends by itself, and
    /// has to be awaited to its end.
    fn write(&self, command: Command, at: i64) -> Asking<'_, Written, WriteError>;

    /// The document of a cart, and the incarnation it was read from.
    fn cart(&self, owner: Owner) -> Asking<'_, (Bytes, Incarnation)>;

    /// Every id that there is, and the incarnation it was read from.
    fn ids(&self, of: Existing) -> Asking<'_, (RoaringBitmap, Incarnation)>;

    /// Forgets the history of changes beyond `retention`.
    fn prune(&self, retention: Duration) -> Asking<'_, ()>;

    /// Makes every connection that reads anew: those there are may lead to a database that is none any more.
    fn reconnect(&self);

    /// Polls on another connection from the next time on: the present one may lead to a primary that is none any more.
    fn look_again(&self) {}

    /// Whether it can be asked at all.
    fn is_up(&self) -> bool;

    /// Its connections, if it has any.
    fn connections(&self) -> Option<Connections> {
        None
    }
}

/// What connections there are to an origin, and who has to wait for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Those that read, and how many there are to be.
    pub readers: [usize; 2],
    /// Those that write, and how many there are to be.
    pub writers: [usize; 2],
    /// Those that poll.
    pub polls: usize,
    /// How many writes may run at once, do, and wait for that.
    pub writes: [usize; 3],
}

/// How documents are to be made, the same for every origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The most rows of a list in one answer.
    pub rows_max: u32,
    /// Fixed fields of products.
    pub extras: crate::model::Extras,
}
