//! The origin: where answers come from when no tier has them. It is right by definition.
//!
//! `postgres` is the real one. `memory` holds a CSV set in process: the default of `cargo run`, and the specification of
//! what the statements of the other must answer.

pub mod memory;
pub mod postgres;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::key::Key;
use crate::model::JsonError;

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

/// A fetch under way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, OriginError>> + Send + 'a>>;

/// Where answers come from.
pub trait Origin: Send + Sync + 'static {
    /// Asks for one answer. A count above the limit of rows in an answer gives that many rows and says the count asked for.
    fn fetch(&self, key: Key) -> Fetching<'_>;

    /// Whether it can be asked at all.
    fn is_up(&self) -> bool;
}

/// How documents are to be made, the same for every origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The most rows of a list in one answer.
    pub rows_max: u32,
    /// Fixed fields of products.
    pub extras: crate::model::Extras,
}
