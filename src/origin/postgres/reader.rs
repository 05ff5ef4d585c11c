//! The connections that read. They are shared: tokio-postgres pipelines what several callers send, which gives twice the
//! throughput of lending a connection out for each statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use tracing::{debug, info, warn};

use super::connect::{ConnectError, Connected, Connector, Link, Purpose};
use super::statements::{Statement, Statements};
use super::{Limits, is_conflict, is_outdated};
use crate::cause::Causes;
use crate::metrics::metrics;
use crate::origin::OriginError;

/// How much longer than the server's own limit a caller waits for a statement.
pub const STATEMENT_GRACE: Duration = Duration::from_millis(50);

/// The shortest and the longest wait before the next attempt to connect.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// One connection and what is prepared on it.
#[derive(Debug)]
struct Reader {
    client: Client,
    statements: Statements,
    /// How many callers wait for it.
    waiting: AtomicUsize,
    /// The slot that it is for, and which one it is there.
    place: usize,
    number: u64,
    since: Instant,
    /// When something last came over it, or it began to be waited for, in nanoseconds since it was made.
    moved: AtomicU64,
    /// Told when another is to take its place.
    retire: Arc<Notify>,
    link: Link,
}

impl Reader {
    fn moves(&self) {
        let now = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
    }

    fn stands_still(&self) -> Duration {
        self.since.elapsed().saturating_sub(Duration::from_nanos(self.moved.load(Ordering::Relaxed)))
    }

    /// Counts a caller in.
    fn wait(&self) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.moves();
        }
    }
}

/// Why a statement has no rows.
enum Failure {
    /// Another connection, made from now on, may give them.
    Outdated,
    /// The same one may, if it is asked once more.
    Conflict(OriginError),
    Other(OriginError),
}

impl From<Failure> for OriginError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Outdated => {
                Self::Failed("what was prepared is of no use, although it has just been prepared".into())
            }
            Failure::Conflict(error) | Failure::Other(error) => error,
        }
    }
}

/// All connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    slots: Vec<ArcSwapOption<Reader>>,
    limits: Limits,
    came_up: Notify,
    /// Told when every connection is to be made anew.
    wakes: Wakes,
    made: AtomicU64,
}

/// A caller that was counted in; however it leaves, it is counted out.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    /// Starts one task per connection, which connects, waits until the connection ends, and connects again.
    pub(super) fn start(connector: &Connector, limits: Limits) -> Arc<Self> {
        let slots = (0..limits.readers.max(1)).map(|_| ArcSwapOption::empty()).collect();
        let readers =
            Arc::new(Self { slots, limits, came_up: Notify::new(), wakes: Wakes::default(), made: AtomicU64::new(0) });
        for place in 0..readers.slots.len() {
            let wakes = readers.wakes.clone();
            tokio::spawn(keep_connected(Arc::downgrade(&readers), place, connector.clone(), wakes));
        }
        readers
    }

    /// Makes every connection anew, each when the statements that are on it have ended.
    pub(super) fn reconnect(&self) {
        self.wakes.renew.notify_waiters();
    }

    /// Connections that are waited for are tried at once: another one has just been made.
    pub(super) fn hurry(&self) {
        self.wakes.hurry.notify_waiters();
    }

    /// How many connections are up, and are to be.
    pub(super) fn load(&self) -> [usize; 2] {
        [self.slots.iter().filter(|slot| slot.load().is_some()).count(), self.slots.len()]
    }

    pub(super) fn is_up(&self) -> bool {
        self.slots.iter().any(|slot| slot.load().is_some())
    }

    pub(super) async fn wait_until_up(&self, patience: Duration) -> bool {
        let up = async {
            loop {
                let came_up = self.came_up.notified();
                if self.is_up() {
                    return;
                }
                came_up.await;
            }
        };
        tokio::time::timeout(patience, up).await.is_ok()
    }

    /// Sends a statement on the connection with the fewest waiting. Long ones go to the last connection, and while there
    /// are others only there, so that they hold nobody up.
    pub(super) async fn query(
        &self,
        statement: Statement,
        parameters: &[&(dyn ToSql + Sync)],
        long: bool,
    ) -> Result<Vec<Row>, OriginError> {
        let deadline = Instant::now() + self.limits.statement + STATEMENT_GRACE;
        let reader = self.choose(long).ok_or(OriginError::Down)?;
        let rows = match self.ask(&reader, statement, parameters, deadline).await {
            Err(Failure::Outdated) => {
                metrics().statement_retries.inc();
                reader.retire.notify_one();
                let (place, number) = (reader.place, reader.number);
                // It closes when the last statement on it has let go of it.
                drop(reader);
                let fresh = self.after(place, number, deadline).await.ok_or(OriginError::Down)?;
                self.ask(&fresh, statement, parameters, deadline).await
            }
            Err(Failure::Conflict(_)) => {
                metrics().statement_retries.inc();
                reader.wait();
                self.ask(&reader, statement, parameters, deadline).await
            }
            rows => rows,
        };
        rows.map_err(OriginError::from)
    }

    /// Sends a statement on a connection on which the caller is counted in, and counts it out.
    async fn ask(
        &self,
        reader: &Arc<Reader>,
        statement: Statement,
        parameters: &[&(dyn ToSql + Sync)],
        deadline: Instant,
    ) -> Result<Vec<Row>, Failure> {
        let _waiting = Waiting(&reader.waiting);
        let answer = reader.client.query(reader.statements.get(statement), parameters);
        let Ok(answer) = timeout_at(deadline, answer).await else {
            // One that others hold up answers them meanwhile.
            if reader.stands_still() >= self.limits.statement + STATEMENT_GRACE {
                self.close(reader);
            }
            return Err(Failure::Other(OriginError::Late));
        };
        reader.moves();
        answer.map_err(|error| match error.code() {
            _ if reader.client.is_closed() => {
                warn!(error = %Causes(&error), "a connection to the database broke during a statement");
                Failure::Other(OriginError::Down)
            }
            Some(code) if is_outdated(code) => Failure::Outdated,
            Some(code) if is_conflict(code) => Failure::Conflict(OriginError::from_database(error)),
            _ => Failure::Other(OriginError::from_database(error)),
        })
    }

    /// Closes a connection over which nothing comes, with all that are on it; another is made.
    fn close(&self, reader: &Arc<Reader>) {
        let held = Some(Arc::clone(reader));
        let before = self.slots[reader.place].compare_and_swap(&held, None);
        if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, reader)) {
            metrics().connections_hung.inc();
            warn!(connection = reader.place, "nothing comes over a connection to the database: it is closed");
        }
        reader.link.close();
    }

    /// The connection that takes this one's place, when it is there; the caller is counted in.
    async fn after(&self, place: usize, number: u64, deadline: Instant) -> Option<Arc<Reader>> {
        loop {
            let came_up = self.came_up.notified();
            let next = self.slots[place].load_full().filter(|reader| reader.number > number);
            if let Some(reader) = next {
                reader.wait();
                return Some(reader);
            }
            timeout_at(deadline, came_up).await.ok()?;
        }
    }

    /// A connection on which the caller is counted in.
    fn choose(&self, long: bool) -> Option<Arc<Reader>> {
        let up: Vec<_> = self.slots.iter().filter_map(ArcSwapOption::load_full).collect();
        let (last, rest) = up.split_last()?;
        if long || rest.is_empty() {
            last.wait();
            return Some(Arc::clone(last));
        }
        loop {
            let waiting = |reader: &&Arc<Reader>| reader.waiting.load(Ordering::Relaxed);
            let (number, reader) =
                rest.iter().map(|reader| (waiting(&reader), reader)).min_by_key(|(number, _)| *number)?;
            // Somebody else may have chosen it at the same moment, and then another is the better one.
            let counted = reader.waiting.compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed);
            if counted.is_ok() {
                if number == 0 {
                    reader.moves();
                }
                return Some(Arc::clone(reader));
            }
        }
    }
}

/// A connection with everything prepared, and the task that ends when it breaks.
async fn connect(
    connector: &Connector,
    statement: Duration,
    (place, number): (usize, u64),
) -> Result<(Reader, tokio::task::JoinHandle<()>), ConnectError> {
    let reader = async |Connected { client, ended, link }: Connected| -> Result<_, ConnectError> {
        let statements = Statements::prepare(&client).await?;
        let (waiting, moved) = (AtomicUsize::new(0), AtomicU64::new(0));
        let (since, retire) = (Instant::now(), Arc::default());
        Ok((Reader { client, statements, waiting, place, number, since, moved, retire, link }, ended))
    };
    connector.connect(Purpose::Read { statement }, reader).await
}

/// What those who keep the connections wait for, beside time.
#[derive(Clone, Debug, Default)]
struct Wakes {
    /// Connections are to be made anew.
    renew: Arc<Notify>,
    /// The database can be reached again.
    hurry: Arc<Notify>,
}

async fn keep_connected(readers: std::sync::Weak<Readers>, place: usize, connector: Connector, wakes: Wakes) {
    let mut back_off = BACK_OFF.0;
    let mut complaint = String::new();
    loop {
        let own = readers.upgrade();
        let own = own.map(|readers| (readers.limits.statement, readers.made.fetch_add(1, Ordering::Relaxed)));
        let Some((statement, number)) = own else {
            return;
        };
        match connect(&connector, statement, (place, number)).await {
            Ok((reader, mut broken)) => {
                let retire = Arc::clone(&reader.retire);
                if let Some(readers) = readers.upgrade() {
                    readers.slots[place].store(Some(Arc::new(reader)));
                    readers.came_up.notify_waiters();
                }
                info!(connection = place, "connected to the database");
                back_off = BACK_OFF.0;
                complaint.clear();
                let renewed = tokio::select! {
                    _ = &mut broken => false,
                    () = wakes.renew.notified() => true,
                    () = retire.notified() => true,
                };
                // With nobody left to read, the connection ended because it was closed from here.
                let Some(readers) = readers.upgrade() else {
                    return;
                };
                if renewed {
                    // Until the next one is there it goes on: what it reads of another life of the database is found out. It
                    // closes when the last statement on it has let go of it.
                    continue;
                }
                readers.slots[place].store(None);
                warn!(connection = place, "a connection to the database ended");
            }
            Err(error) => {
                let Some(readers) = readers.upgrade() else {
                    return;
                };
                readers.slots[place].store(None);
                complain(place, &mut complaint, Causes(&*error).to_string());
            }
        }
        // Full jitter: nodes that lost the database together do not come back together.
        tokio::select! {
            () = tokio::time::sleep(back_off.mul_f64(fastrand::f64())) => {}
            () = wakes.hurry.notified() => {}
        }
        back_off = (back_off * 2).min(BACK_OFF.1);
    }
}

/// Says why connecting failed; the same reason again, attempt after attempt, only to whoever wants details.
fn complain(place: usize, last: &mut String, why: String) {
    if *last == why {
        debug!(connection = place, error = why, "still cannot connect to the database");
    } else {
        warn!(connection = place, error = why, "cannot connect to the database; trying again");
        *last = why;
    }
}
