//! The connections that write. A write needs a transaction, so it has a connection to itself: bb8 lends them, and a fair
//! queue stands in front, since bb8's own is not first come, first served.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bb8::{ManageConnection, Pool};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};
use tracing::warn;

use super::connect::{ConnectError, Connected, Connector, Link, Purpose};
use super::writes::Text;
use super::{is_conflict, is_down, is_outdated, snapshot};
use crate::cause::Causes;
use crate::metrics::metrics;
use crate::origin::{OriginError, WriteError, Written};
use crate::red::{self, Red};
use crate::stamp::Seen;
use crate::tag::{Kind, Tag};

/// Limits of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many writes run at once, each on a connection of its own.
    pub permits: usize,
    /// How long a write waits for its turn.
    pub wait: Duration,
    /// How long a write may take as a whole.
    pub budget: Duration,
    /// How long a statement may take, on the server.
    pub statement: Duration,
    /// How long a statement may wait for a row that another write holds.
    pub lock: Duration,
    /// How old a connection may get.
    pub age: Duration,
}

/// The tags that the triggers have noted for this transaction.
const TAGS: &str = "SELECT DISTINCT tag, kind FROM edge.outbox WHERE xid = pg_current_xact_id_if_assigned()";
/// A snapshot that sees what this connection has committed before.
const SEEN: &str = "SELECT pg_current_snapshot()::text, (SELECT uuid_send(id) FROM edge.incarnation)";

/// One connection that writes.
#[derive(Debug)]
pub(super) struct Line {
    client: Client,
    statements: Vec<Statement>,
    tags: Statement,
    seen: Statement,
    /// It was given back in the middle of something.
    spoilt: AtomicBool,
    _link: Link,
}

#[derive(Clone, Debug)]
struct Lines {
    connector: Connector,
    limits: Limits,
}

impl ManageConnection for Lines {
    type Connection = Line;
    type Error = OriginError;

    async fn connect(&self) -> Result<Line, OriginError> {
        let purpose = Purpose::Write { statement: self.limits.statement, lock: self.limits.lock };
        let line = async |connected: Connected| -> Result<Line, ConnectError> {
            let Connected { client, link, .. } = connected;
            let mut statements = Vec::with_capacity(Text::ALL.len());
            for text in Text::ALL {
                statements.push(client.prepare_typed(text.sql(), text.parameters()).await?);
            }
            let (tags, seen) = (client.prepare(TAGS).await?, client.prepare(SEEN).await?);
            Ok(Line { client, statements, tags, seen, spoilt: AtomicBool::new(false), _link: link })
        };
        self.connector.connect(purpose, line).await.map_err(OriginError::Failed)
    }

    async fn is_valid(&self, _line: &mut Line) -> Result<(), OriginError> {
        Ok(())
    }

    fn has_broken(&self, line: &mut Line) -> bool {
        line.spoilt.load(Ordering::Relaxed) || line.client.is_closed()
    }
}

/// All connections that write.
#[derive(Debug)]
pub(super) struct Writers {
    pool: Pool<Lines>,
    permits: Semaphore,
    waiting: AtomicUsize,
    limits: ArcSwap<Limits>,
}

/// A write that waits for its turn, counted out however that ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a transaction did not come to its end.
enum Ended {
    /// It was rolled back for a reason that may be gone the next time.
    Conflict(OriginError),
    /// It was rolled back because what this connection has prepared is of no use any more.
    Outdated(OriginError),
    /// It was not done.
    Not(WriteError),
}

impl Writers {
    /// Connections are made in the background, and again whenever one breaks.
    pub(super) fn start(connector: Connector, limits: Limits, connect: Duration) -> Self {
        let size = u32::try_from(limits.permits).unwrap_or(u32::MAX);
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(size))
            .test_on_check_out(false)
            .connection_timeout(connect)
            // Not all at the same moment.
            .max_lifetime(Some(limits.age.mul_f64(0.9 + 0.2 * fastrand::f64())))
            .build_unchecked(Lines { connector, limits });
        let (permits, limits) = (Semaphore::new(limits.permits), ArcSwap::from_pointee(limits));
        Self { pool, permits, waiting: AtomicUsize::new(0), limits }
    }

    /// How many connections are up and are to be; how many writes may run at once, do, and wait for that.
    pub(super) fn load(&self) -> ([usize; 2], [usize; 3]) {
        let most = self.limits.load().permits;
        let running = most.saturating_sub(self.permits.available_permits());
        let up = usize::try_from(self.pool.state().connections).unwrap_or(usize::MAX);
        ([up, most], [most, running, self.waiting.load(Ordering::Relaxed)])
    }

    /// Obeys other waits from the next write on. The other limits are those that the connections were made with.
    pub(super) fn set_waits(&self, wait: Duration, budget: Duration) {
        self.limits.rcu(|limits| Limits { wait, budget, ..**limits });
    }

    /// Makes a connection, and closes it again.
    pub(super) async fn try_to_connect(&self) -> Result<(), OriginError> {
        self.pool.dedicated_connection().await.map(drop)
    }

    /// Does one write: a statement in a transaction of its own. `absent` is what it means when no row comes back.
    pub(super) async fn run(
        &self,
        text: Text,
        parameters: &[&(dyn ToSql + Sync)],
        absent: fn() -> WriteError,
    ) -> Result<Written, WriteError> {
        let Limits { wait, budget, .. } = **self.limits.load();
        let deadline = Instant::now() + budget;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        let Ok(Ok(_permit)) = timeout(wait, self.permits.acquire()).await else { return Err(WriteError::Busy) };
        drop(waiting);
        let Ok(Ok(line)) = timeout(wait, self.pool.get()).await else {
            return Err(WriteError::Undone(OriginError::Down));
        };
        // Until it is known to be back where it was.
        line.spoilt.store(true, Ordering::Relaxed);
        let written = match line.attempt(text, parameters, absent, deadline).await {
            Err(Ended::Conflict(_)) => {
                metrics().statement_retries.inc();
                line.attempt(text, parameters, absent, deadline).await
            }
            Err(Ended::Outdated(_)) => {
                metrics().statement_retries.inc();
                line.spoilt.store(true, Ordering::Relaxed);
                // The others of the pool are no better.
                match timeout_at(deadline, self.pool.dedicated_connection()).await {
                    Ok(Ok(fresh)) => fresh.attempt(text, parameters, absent, deadline).await,
                    Ok(Err(error)) => Err(Ended::Not(WriteError::Undone(error))),
                    Err(_late) => Err(LATE()),
                }
            }
            written => written,
        };
        written.map_err(|ended| match ended {
            Ended::Conflict(error) | Ended::Outdated(error) => WriteError::Undone(error),
            Ended::Not(error) => error,
        })
    }
}

/// What an error of a statement before the commit means. All that was done is rolled back.
fn undone(error: Error, client: &Client) -> Ended {
    if client.is_closed() {
        return Ended::Not(WriteError::Undone(OriginError::Down));
    }
    let code = error.code().cloned();
    match &code {
        Some(code) if is_conflict(code) => Ended::Conflict(OriginError::Failed(error.into())),
        Some(code) if is_outdated(code) => Ended::Outdated(OriginError::Failed(error.into())),
        // It goes down, or is no primary any more: this connection is not to be used again.
        Some(code) if is_down(code) => Ended::Not(WriteError::Undone(OriginError::Down)),
        // Class 23 is an integrity constraint, and what breaks one does not fit the catalogue. But new ids are ours: when one is
        // taken, the table's sequence is behind its rows, and that is nobody's fault who writes.
        Some(code) if code.code().starts_with("23") && *code != SqlState::UNIQUE_VIOLATION => {
            Ended::Not(WriteError::Invalid)
        }
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED => {
            Ended::Not(WriteError::Undone(OriginError::Late))
        }
        _ => Ended::Not(WriteError::Undone(OriginError::Failed(error.into()))),
    }
}

const LATE: fn() -> Ended = || Ended::Not(WriteError::Undone(OriginError::Late));

impl Line {
    async fn attempt(
        &self,
        text: Text,
        parameters: &[&(dyn ToSql + Sync)],
        absent: fn() -> WriteError,
        deadline: Instant,
    ) -> Result<Written, Ended> {
        let client = &self.client;
        // Sent together, so that the whole costs two trips: this one and that of the commit.
        let done = async {
            tokio::join!(
                biased;
                client.batch_execute("BEGIN"),
                client.query(&self.statements[text as usize], parameters),
                client.query(&self.tags, &[]),
            )
        };
        let (begun, done, tags) = timeout_at(deadline, done).await.map_err(|_late| LATE())?;
        let rows = match begun.and(done) {
            Ok(rows) => rows,
            Err(error) => {
                let ended = undone(error, client);
                if !matches!(ended, Ended::Not(WriteError::Undone(OriginError::Down))) {
                    self.roll_back(deadline).await;
                }
                return Err(ended);
            }
        };
        if rows.is_empty() {
            self.roll_back(deadline).await;
            return Err(Ended::Not(absent()));
        }
        let tags = match tags.map_err(OriginError::from_database).and_then(|rows| read_tags(&rows)) {
            Ok(tags) => tags,
            Err(error) => {
                self.roll_back(deadline).await;
                return Err(Ended::Not(WriteError::Undone(error)));
            }
        };
        let early = if red::is_on(Red::StampBeforeCommit) { self.seen().await.ok() } else { None };

        let committed = async { tokio::join!(biased; client.batch_execute("COMMIT"), self.seen()) };
        let (committed, seen) = match timeout_at(deadline, committed).await {
            Ok(ended) => ended,
            Err(_late) => {
                warn!("a commit was not answered in time: whether the write was done is not known");
                return Err(Ended::Not(WriteError::Uncertain(tags)));
            }
        };
        match committed {
            Ok(()) => {}
            // The server itself says that it did not commit.
            Err(error) if error.as_db_error().is_some_and(|error| error.severity() == "ERROR") => {
                let ended = undone(error, client);
                self.roll_back(deadline).await;
                return Err(ended);
            }
            Err(error) => {
                warn!(error = %Causes(&error), "a commit was not answered: whether the write was done is not known");
                return Err(Ended::Not(WriteError::Uncertain(tags)));
            }
        }
        let seen = match seen {
            Ok(seen) => {
                self.spoilt.store(false, Ordering::Relaxed);
                Some(seen)
            }
            Err(error) => {
                warn!(error = %Causes(&error), "where a write stands in the history is not known; a poll finds out");
                None
            }
        };
        Ok(Written { tags, seen: early.or(seen) })
    }

    async fn seen(&self) -> Result<Seen, OriginError> {
        let row = self.client.query_one(&self.seen, &[]).await.map_err(OriginError::from_database)?;
        snapshot::seen(&row, 0)
    }

    /// Makes the connection good for the next write; if that fails, it is closed instead.
    async fn roll_back(&self, deadline: Instant) {
        if let Ok(Ok(())) = timeout_at(deadline, self.client.batch_execute("ROLLBACK")).await {
            self.spoilt.store(false, Ordering::Relaxed);
        }
    }
}

fn read_tags(rows: &[Row]) -> Result<Vec<(Tag, Kind)>, OriginError> {
    let read = |row: &Row| {
        let (tag, kind): (&str, i16) =
            (row.try_get(0).map_err(OriginError::from_database)?, row.try_get(1).map_err(OriginError::from_database)?);
        let tag = tag.parse().map_err(|error| OriginError::Failed(Box::new(error)))?;
        Ok((tag, Kind::from_number(kind)))
    };
    rows.iter().map(read).collect()
}
