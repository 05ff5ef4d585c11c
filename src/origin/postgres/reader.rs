//! The connections that read. They are shared: tokio-postgres pipelines what several callers send, which gives twice the
//! throughput of lending a connection out for each statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};
use tracing::{debug, info, warn};

use super::Limits;
use super::statements::{Statement, Statements};
use crate::cause::Causes;
use crate::origin::OriginError;

/// How much longer than the server's own limit a caller waits for a statement.
pub const STATEMENT_GRACE: Duration = Duration::from_millis(50);

/// The shortest and the longest wait before the next attempt to connect.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How long the kernel keeps trying to reach a peer that is gone; its own limit is 15 minutes.
const DEAD_PEER: Duration = Duration::from_secs(3);

/// When a connection without traffic is probed, how often, and how many probes may be lost.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// The schema this program was built with; see `schema.sql`.
const SCHEMA_VERSION: i32 = 2;

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
}

/// Counts a caller in and, however it leaves, out.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn on(reader: &'a Reader) -> Self {
        reader.waiting.fetch_add(1, Ordering::Relaxed);
        Self(&reader.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    /// Starts one task per connection, which connects, waits until the connection ends, and connects again.
    pub(super) fn start(config: Config, limits: Limits) -> Arc<Self> {
        let config = prepared_for_reading(config, &limits);
        let slots = (0..limits.readers.max(1)).map(|_| ArcSwapOption::empty()).collect();
        let readers = Arc::new(Self { slots, limits, came_up: Notify::new() });
        for place in 0..readers.slots.len() {
            tokio::spawn(keep_connected(Arc::downgrade(&readers), place, config.clone()));
        }
        readers
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
        let _waiting = Waiting::on(&reader);
        let answer = reader.client.query(reader.statements.get(statement), parameters);
        match tokio::time::timeout(self.limits.statement + STATEMENT_GRACE, answer).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) if reader.client.is_closed() => {
                warn!(error = %Causes(&error), "a connection to the database broke during a statement");
                Err(OriginError::Down)
            }
            Ok(Err(error)) if error.code() == Some(&tokio_postgres::error::SqlState::QUERY_CANCELED) => {
                Err(OriginError::Late)
            }
            Ok(Err(error)) => Err(OriginError::Failed(error.into())),
            Err(_late) => Err(OriginError::Late),
        }
    }

    fn choose(&self, long: bool) -> Option<Arc<Reader>> {
        let up: Vec<_> = self.slots.iter().filter_map(ArcSwapOption::load_full).collect();
        match up.split_last() {
            Some((last, rest)) if long || rest.is_empty() => Some(Arc::clone(last)),
            Some((_, rest)) => rest.iter().min_by_key(|reader| reader.waiting.load(Ordering::Relaxed)).cloned(),
            None => None,
        }
    }
}

/// The settings that every reading connection has.
fn prepared_for_reading(mut config: Config, limits: &Limits) -> Config {
    let asked = config.get_options().unwrap_or_default().to_owned();
    // Compiling a statement takes longer than running any of ours; plans are the same for every id, so one generic plan
    // per statement saves planning it each time.
    let options = format!(
        "{asked} -c default_transaction_read_only=on -c statement_timeout={} -c jit=off -c plan_cache_mode=force_generic_plan",
        limits.statement.as_millis()
    );
    config.options(options.trim()).connect_timeout(limits.connect);
    config
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
    config.tcp_user_timeout(DEAD_PEER);
    if config.get_application_name().is_none() {
        config.application_name("atelier-edge");
    }
    config
}

async fn keep_connected(readers: std::sync::Weak<Readers>, place: usize, config: Config) {
    let mut back_off = BACK_OFF.0;
    let mut complaint = String::new();
    loop {
        let Some(limit) = readers.upgrade().map(|readers| readers.limits.connect) else {
            return;
        };
        match tokio::time::timeout(limit, connect(&config)).await {
            Ok(Ok((reader, broken))) => {
                if let Some(readers) = readers.upgrade() {
                    readers.slots[place].store(Some(Arc::new(reader)));
                    readers.came_up.notify_waiters();
                }
                info!(connection = place, "connected to the database");
                back_off = BACK_OFF.0;
                complaint.clear();
                let _ = broken.await;
                // With nobody left to read, the connection ended because it was closed from here.
                let Some(readers) = readers.upgrade() else {
                    return;
                };
                readers.slots[place].store(None);
                warn!(connection = place, "a connection to the database ended");
            }
            Ok(Err(error)) => complain(place, &mut complaint, Causes(&*error).to_string()),
            Err(_late) => complain(place, &mut complaint, format!("it took longer than {limit:?}")),
        }
        // Full jitter: nodes that lost the database together do not come back together.
        tokio::time::sleep(back_off.mul_f64(fastrand::f64())).await;
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

type ConnectError = Box<dyn std::error::Error + Send + Sync>;

/// A connection with everything prepared, and the task that ends when it breaks.
async fn connect(config: &Config) -> Result<(Reader, tokio::task::JoinHandle<()>), ConnectError> {
    let (client, connection) = config.connect(NoTls).await?;
    let broken = tokio::spawn(async move {
        if let Err(error) = connection.await {
            warn!(error = %Causes(&error), "a connection to the database broke");
        }
    });
    check_schema(&client).await?;
    let statements = Statements::prepare(&client).await?;
    Ok((Reader { client, statements, waiting: AtomicUsize::new(0) }, broken))
}

/// A schema of another version may answer wrongly without an error, so it is not asked.
async fn check_schema(client: &Client) -> Result<(), ConnectError> {
    let found: i32 = client.query_one("SELECT version FROM edge.schema_version", &[]).await?.try_get(0)?;
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    let (side, remedy) = if found < SCHEMA_VERSION {
        ("older", "run the schema.sql of this version (psql -f schema.sql), or its atelier-import load")
    } else {
        ("newer", "run the atelier-edge of that version")
    };
    Err(format!(
        "the database has schema version {found}, which is {side} than this program's {SCHEMA_VERSION}: {remedy}"
    )
    .into())
}
