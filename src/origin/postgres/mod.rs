//! The PostgreSQL origin: one prepared statement per kind of answer, over a few shared, pipelined connections.

mod address;
mod reader;
mod rows;
mod statements;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roaring::RoaringBitmap;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

pub use self::address::Address;
use self::reader::Readers;
pub use self::reader::STATEMENT_GRACE;
use self::statements::Statement;
use super::{Asking, Existing, Fetched, Fetching, Origin, OriginError, Poll, Position, Rules, WriteError, Written};
use crate::command::{Command, Owner};
use crate::key::{Key, Page, Sort};
use crate::stamp::{Incarnation, Seen};

/// Limits of the connections that read.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many connections share the reads.
    pub readers: usize,
    /// How long a statement may take, on the server.
    pub statement: Duration,
    /// How long connecting may take.
    pub connect: Duration,
}

/// The catalogue in PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    readers: Arc<Readers>,
    rules: Rules,
}

/// Lists that begin so far down, or are so long, that they would hold up what is pipelined behind them.
const LONG: u32 = 1_000;

impl Postgres {
    /// Begins to connect; connections come up, and are replaced when they break, in the background.
    pub fn start(address: Address, limits: Limits, rules: Rules) -> Self {
        Self { readers: Readers::start(address.0, limits), rules }
    }

    /// Waits until one connection is up, or for at most `patience`. False if none is.
    pub async fn wait_until_up(&self, patience: Duration) -> bool {
        self.readers.wait_until_up(patience).await
    }

    async fn query(&self, statement: Statement, id: u32) -> Result<Vec<Row>, OriginError> {
        self.readers.query(statement, &[&signed(id)], false).await
    }

    /// Asks for a window of the rows of `id`; the rows of a page are limited, its offset is not.
    async fn query_page(&self, statement: Statement, id: Option<u32>, page: Page) -> Result<Vec<Row>, OriginError> {
        let (offset, rows) = (i64::from(page.offset()), i64::from(page.count().min(self.rules.rows_max)));
        let long = page.offset() >= LONG || page.count() >= LONG;
        match id {
            Some(id) => {
                let parameters: [&(dyn ToSql + Sync); 3] = [&signed(id), &offset, &rows];
                self.readers.query(statement, &parameters, long).await
            }
            None => self.readers.query(statement, &[&offset, &rows], long).await,
        }
    }

    async fn answer(&self, key: Key) -> Result<Fetched, OriginError> {
        match key {
            Key::Products(page) => {
                rows::list(&self.query_page(Statement::Products, None, page).await?, &self.rules.extras)
            }
            Key::Product(id) => rows::product(id, &self.query(Statement::Product, id).await?, &self.rules.extras),
            Key::Styles(id) => rows::styles(id, &self.query(Statement::Styles, id).await?),
            Key::Related(id) => rows::related(&self.query(Statement::Related, id).await?),
            Key::Reviews { product, sort, page } => {
                let statement = match sort {
                    Sort::Helpful => Statement::ReviewsHelpful,
                    Sort::Newest => Statement::ReviewsNewest,
                };
                rows::reviews(product, page, &self.query_page(statement, Some(product), page).await?)
            }
            Key::Meta(id) => rows::meta(id, &self.query(Statement::Meta, id).await?),
            Key::Questions { product, page } => {
                rows::questions(product, &self.query_page(Statement::Questions, Some(product), page).await?)
            }
            Key::Answers { question, page } => {
                rows::answers(question, page, &self.query_page(Statement::Answers, Some(question), page).await?)
            }
        }
    }
}

/// An id as PostgreSQL's `integer`; keys hold no id above its range.
fn signed(id: u32) -> i32 {
    i32::try_from(id).unwrap_or(i32::MAX)
}

impl Origin for Postgres {
    fn fetch(&self, key: Key) -> Fetching<'_> {
        Box::pin(async move { Ok((self.answer(key).await?, Seen::default())) })
    }

    fn poll<'a>(&'a self, _position: Option<&'a Position>, _most: usize) -> Asking<'a, Poll> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn write(&self, _command: Command, _at: i64) -> Asking<'_, Written, WriteError> {
        Box::pin(async { Err(WriteError::Undone(OriginError::Down)) })
    }

    fn cart(&self, _owner: Owner) -> Asking<'_, Bytes> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn ids(&self, _of: Existing) -> Asking<'_, (RoaringBitmap, Incarnation)> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn prune(&self, _retention: Duration) -> Asking<'_, ()> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn reconnect(&self) {}

    fn is_up(&self) -> bool {
        self.readers.is_up()
    }
}
