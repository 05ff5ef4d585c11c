//! The PostgreSQL origin: one prepared statement per kind of answer, over a few shared, pipelined connections; writes each in
//! a transaction on a connection of its own; what was changed on one more.

mod advice;
mod connect;
mod deep;
mod once;
mod poll;
mod reader;
mod rights;
mod rows;
mod snapshot;
mod statements;
mod upkeep;
mod writer;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roaring::RoaringBitmap;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

pub use atelier_connect::Address;

use self::connect::Connector;
use self::deep::Deep;
pub use self::once::write_once;
pub use self::poll::Limits as PollLimits;
use self::poll::Polls;
use self::reader::Readers;
pub use self::reader::STATEMENT_GRACE;
use self::statements::Statement;
pub use self::writer::Limits as WriteLimits;
use self::writer::Writers;
use super::{
    Asking, Connections, Existing, Fetched, Fetching, Origin, OriginError, Poll, Position, Rules, WriteError, Written,
};
use crate::command::{Command, Owner};
use crate::key::{Key, Page, Sort};
use crate::stamp::{Incarnation, Seen};

/// Limits of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections share the reads.
    pub readers: usize,
    /// How long a statement that reads may take, on the server.
    pub statement: Duration,
    /// How long connecting may take.
    pub connect: Duration,
    /// Of the connection that polls.
    pub poll: PollLimits,
    /// Of writes.
    pub write: WriteLimits,
}

/// The catalogue in PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    readers: Arc<Readers>,
    writers: Writers,
    polls: Polls,
    connector: Connector,
    rules: Rules,
    deep: Deep,
}

/// Lists that begin so far down, or are so long, that they would hold up what is pipelined behind them.
const LONG: u32 = 1_000;

/// From which offset on the first row of products and reviews is found by counts and steps. Up to there walking costs less.
const DEEP: u32 = 1_000;

/// The rows of a statement, and what it saw. One row is always there.
struct Answered {
    rows: Vec<Row>,
    seen: Seen,
}

impl Postgres {
    /// Begins to connect; connections come up, and are replaced when they break, in the background.
    pub fn start(address: Address, limits: Limits, rules: Rules) -> Self {
        let connector = Connector::new(address, limits.connect);
        Self {
            readers: Readers::start(&connector, limits),
            writers: Writers::start(connector.clone(), limits.write, limits.connect),
            polls: Polls::new(connector.clone(), limits.poll),
            connector,
            rules,
            deep: Deep::default(),
        }
    }

    /// Waits until one connection is up, or for at most `patience`. False if none is.
    pub async fn wait_until_up(&self, patience: Duration) -> bool {
        self.readers.wait_until_up(patience).await
    }

    /// Obeys other waits for writes: for a permit, and in all.
    pub fn set_write_waits(&self, wait: Duration, budget: Duration) {
        self.writers.set_waits(wait, budget);
    }

    async fn ask(
        &self,
        statement: Statement,
        parameters: &[&(dyn ToSql + Sync)],
        long: bool,
    ) -> Result<Answered, OriginError> {
        let mut rows = self.readers.query(statement, parameters, long).await?;
        let first = rows.first().ok_or_else(|| OriginError::Failed("a statement gave no row".into()))?;
        let seen = snapshot::seen(first, 0)?;
        // The first column of each statement is never NULL in a row of its own.
        if rows.len() == 1 && statements::is_no_row(first)? {
            rows.clear();
        }
        Ok(Answered { rows, seen })
    }

    async fn query(&self, statement: Statement, id: u32) -> Result<Answered, OriginError> {
        self.ask(statement, &[&signed(id)], false).await
    }

    /// Asks for a window of the rows of `id`; the rows of a page are limited, its offset is not.
    async fn query_page(&self, statement: Statement, id: Option<u32>, page: Page) -> Result<Answered, OriginError> {
        let (offset, rows) = (i64::from(page.offset()), i64::from(page.count().min(self.rules.rows_max)));
        let long = page.count() >= LONG || (id.is_some() && page.offset() >= LONG);
        match id {
            Some(id) => {
                let parameters: [&(dyn ToSql + Sync); 3] = [&signed(id), &offset, &rows];
                self.ask(statement, &parameters, long).await
            }
            None => self.ask(statement, &[&offset, &rows], long).await,
        }
    }

    async fn answer(&self, key: Key) -> Result<(Fetched, Seen), OriginError> {
        let extras = &self.rules.extras;
        let answered = match key {
            Key::Products(page) if page.offset() < DEEP => self.query_page(Statement::Products, None, page).await?,
            Key::Products(page) => self.query_page(Statement::ProductsDeep, None, page).await?,
            Key::Product(id) => self.query(Statement::Product, id).await?,
            Key::Styles(id) => self.query(Statement::Styles, id).await?,
            Key::Related(id) => self.query(Statement::Related, id).await?,
            Key::Reviews { product, sort, page } => {
                let statement = match (sort, page.offset() < DEEP) {
                    (Sort::Helpful, true) => Statement::ReviewsHelpful,
                    (Sort::Helpful, false) => Statement::ReviewsHelpfulDeep,
                    (Sort::Newest, true) => Statement::ReviewsNewest,
                    (Sort::Newest, false) => Statement::ReviewsNewestDeep,
                };
                let answered = self.query_page(statement, Some(product), page).await?;
                if page.offset() >= DEEP && !answered.rows.is_empty() {
                    self.deep.note(product);
                }
                answered
            }
            Key::Meta(id) => self.query(Statement::Meta, id).await?,
            Key::Questions { product, page } => self.query_page(Statement::Questions, Some(product), page).await?,
            Key::Answers { question, page } => self.query_page(Statement::Answers, Some(question), page).await?,
        };
        let rows = &answered.rows;
        let fetched = match key {
            Key::Products(_) => rows::list(rows, extras)?,
            Key::Product(id) => rows::product(id, rows, extras)?,
            Key::Styles(id) => rows::styles(id, rows)?,
            Key::Related(_) => rows::related(rows)?,
            Key::Reviews { product, page, .. } => rows::reviews(product, page, rows)?,
            Key::Meta(id) => rows::meta(id, rows)?,
            Key::Questions { product, .. } => rows::questions(product, rows)?,
            Key::Answers { question, page } => rows::answers(question, page, rows)?,
        };
        Ok((fetched, answered.seen))
    }
}

/// An id as PostgreSQL's `integer`; keys hold no id above its range.
fn signed(id: u32) -> i32 {
    i32::try_from(id).unwrap_or(i32::MAX)
}

impl OriginError {
    fn from_database(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::QUERY_CANCELED => Self::Late,
            // What a server says that goes down, or is no primary any more: nobody there can be asked.
            Some(code) if is_down(code) => Self::Down,
            None if error.is_closed() => Self::Down,
            _ => Self::Failed(error.into()),
        }
    }
}

fn is_down(code: &SqlState) -> bool {
    // Class 08 is the connection, class 57P the operator's; 53300 is a server with as many clients as it takes.
    matches!(code.code(), "57P01" | "57P02" | "57P03" | "25006" | "53300") || code.code().starts_with("08")
}

/// Whether what this connection has prepared is of no use any more, as after a change of the schema (0A000, "cached plan must not change
/// result type") or when somebody took it away (26000): a new connection prepares it anew.
fn is_outdated(code: &SqlState) -> bool {
    matches!(code.code(), "0A000" | "26000")
}

/// Whether the statement was rolled back for the sake of another, and may go through the next time.
fn is_conflict(code: &SqlState) -> bool {
    matches!(code.code(), "40001" | "40P01")
}

impl Origin for Postgres {
    fn fetch(&self, key: Key) -> Fetching<'_> {
        Box::pin(self.answer(key))
    }

    fn poll<'a>(&'a self, position: Option<&'a Position>, most: usize) -> Asking<'a, Poll> {
        Box::pin(async move {
            let polled = self.polls.poll(position, most).await;
            if polled.is_ok() {
                self.readers.hurry();
            }
            polled
        })
    }

    fn write(&self, command: Command, at: i64) -> Asking<'_, Written, WriteError> {
        Box::pin(writes::write(&self.writers, command, at))
    }

    fn cart(&self, owner: Owner) -> Asking<'_, (Bytes, Incarnation)> {
        Box::pin(async move {
            let answered = self.ask(Statement::Cart, &[&&owner.0[..]], false).await?;
            Ok((rows::cart(&answered.rows)?, answered.seen.incarnation))
        })
    }

    fn ids(&self, of: Existing) -> Asking<'_, (RoaringBitmap, Incarnation)> {
        Box::pin(upkeep::ids(&self.connector, of))
    }

    fn prune(&self, retention: Duration) -> Asking<'_, ()> {
        Box::pin(async move {
            // Of two that fail, the history is what matters.
            let eased = upkeep::ease(&self.connector, &self.deep.take()).await;
            upkeep::prune(&self.connector, retention).await?;
            eased
        })
    }

    fn reconnect(&self) {
        self.readers.reconnect();
    }

    fn look_again(&self) {
        self.polls.look_again();
    }

    fn is_up(&self) -> bool {
        self.readers.is_up()
    }

    fn connections(&self) -> Option<Connections> {
        let (writers, writes) = self.writers.load();
        Some(Connections { readers: self.readers.load(), writers, polls: self.polls.up(), writes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_can_be_done() {
        for (code, down, outdated, conflict) in [
            ("57P01", true, false, false),
            ("57P02", true, false, false),
            ("57P03", true, false, false),
            ("25006", true, false, false),
            ("53300", true, false, false),
            ("08006", true, false, false),
            ("08P01", true, false, false),
            ("0A000", false, true, false),
            ("26000", false, true, false),
            ("40001", false, false, true),
            ("40P01", false, false, true),
            ("57014", false, false, false),
            ("42703", false, false, false),
            ("53100", false, false, false),
        ] {
            let code = SqlState::from_code(code);
            assert_eq!(
                (is_down(&code), is_outdated(&code), is_conflict(&code)),
                (down, outdated, conflict),
                "{code:?}"
            );
        }
    }
}
