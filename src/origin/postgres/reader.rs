//! The connections that read. They are shared: tokio-postgres pipelines what several callers send, which gives twice the
//! throughput of lending a connection out for each statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use tracing::{debug, info, warn};

use super::Limits;
use super::connect::{ConnectError, Connected, Connector, Purpose};
use super::statements::{Statement, Statements};
use crate::cause::Causes;
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
}

/// All connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    slots: Vec<ArcSwapOption<Reader>>,
    limits: Limits,
    came_up: Notify,
    /// Told when every connection is to be made anew.
    wakes: Wakes,
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
        let readers = Arc::new(Self { slots, limits, came_up: Notify::new(), wakes: Wakes::default() });
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
        let reader = self.choose(long).ok_or(OriginError::Down)?;
        let _waiting = Waiting(&reader.waiting);
        let answer = reader.client.query(reader.statements.get(statement), parameters);
        match tokio::time::timeout(self.limits.statement + STATEMENT_GRACE, answer).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) if reader.client.is_closed() => {
                warn!(error = %Causes(&error), "a connection to the database broke during a statement");
                Err(OriginError::Down)
            }
            Ok(Err(error)) => Err(OriginError::from_database(error)),
            Err(_late) => Err(OriginError::Late),
        }
    }

    /// A connection on which the caller is counted in.
    fn choose(&self, long: bool) -> Option<Arc<Reader>> {
        let up: Vec<_> = self.slots.iter().filter_map(ArcSwapOption::load_full).collect();
        let (last, rest) = up.split_last()?;
        if long || rest.is_empty() {
            last.waiting.fetch_add(1, Ordering::Relaxed);
            return Some(Arc::clone(last));
        }
        loop {
            let waiting = |reader: &&Arc<Reader>| reader.waiting.load(Ordering::Relaxed);
            let (number, reader) =
                rest.iter().map(|reader| (waiting(&reader), reader)).min_by_key(|(number, _)| *number)?;
            // Somebody else may have chosen it at the same moment, and then another is the better one.
            let counted = reader.waiting.compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed);
            if counted.is_ok() {
                return Some(Arc::clone(reader));
            }
        }
    }
}

/// A connection with everything prepared, and the task that ends when it breaks.
async fn connect(
    connector: &Connector,
    statement: Duration,
) -> Result<(Reader, tokio::task::JoinHandle<()>), ConnectError> {
    let reader = async |Connected { client, ended }: Connected| -> Result<_, ConnectError> {
        let statements = Statements::prepare(&client).await?;
        Ok((Reader { client, statements, waiting: AtomicUsize::new(0) }, ended))
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
        let Some(statement) = readers.upgrade().map(|readers| readers.limits.statement) else {
            return;
        };
        match connect(&connector, statement).await {
            Ok((reader, mut broken)) => {
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
