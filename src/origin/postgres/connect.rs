//! How connections to the database are made: what each kind of them sets, and what is checked before any is used.

use std::error::Error;
use std::time::Duration;

use atelier_connect::Address;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config};
use tracing::debug;

use super::advice::explain;
use crate::cause::Causes;

/// How long the kernel keeps trying to reach a peer that is gone; its own limit is 15 minutes.
const DEAD_PEER: Duration = Duration::from_secs(3);

/// When a connection without traffic is probed, how often, and how many probes may be lost.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// The schema this program was built with; see `schema.sql`.
const SCHEMA_VERSION: i32 = 3;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Answers, by statements that take so long at most.
    Read { statement: Duration },
    /// Changes.
    Poll { statement: Duration },
    /// Writes.
    Write { statement: Duration, lock: Duration },
    /// What is done now and then and takes its time.
    Upkeep { statement: Duration },
}

pub(super) type ConnectError = Box<dyn Error + Send + Sync>;

/// A connection, and the task that ends when it breaks.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) ended: tokio::task::JoinHandle<()>,
    pub(super) link: Link,
}

/// Closes its connection when it is dropped. The library waits for answers that are still to come; over a connection that has fallen
/// silent none does, and it would stay open for ever.
#[derive(Debug)]
pub(super) struct Link(AbortHandle);

impl Link {
    /// Closes the connection now: whoever waits for it hears so.
    pub(super) fn close(&self) {
        self.0.abort();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

/// Where the database is, and how connections to it are made.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    address: Address,
    config: Config,
    limit: Duration,
}

impl Connector {
    /// `limit` is how long making a connection may take.
    pub(super) fn new(address: Address, limit: Duration) -> Self {
        let mut config = address.config().clone();
        config
            .connect_timeout(limit)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(DEAD_PEER)
            // A standby has other snapshots than the primary, so what it answers cannot be stamped.
            .target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
        Self { address, config, limit }
    }

    /// Makes a connection, and what is made of it.
    pub(super) async fn connect<T, F>(
        &self,
        purpose: Purpose,
        prepare: impl FnOnce(Connected) -> F,
    ) -> Result<T, ConnectError>
    where
        F: Future<Output = Result<T, ConnectError>>,
    {
        let connected = async {
            let connected = self.open(purpose).await.map_err(explain)?;
            check_limit(&connected.client, purpose).await?;
            check_schema(&connected.client).await?;
            prepare(connected).await
        };
        match tokio::time::timeout(self.limit, connected).await {
            Ok(result) => result,
            Err(_late) => Err(format!("it took longer than {:?}", self.limit).into()),
        }
    }

    async fn open(&self, purpose: Purpose) -> Result<Connected, ConnectError> {
        let mut config = self.config.clone();
        let name = config.get_application_name().unwrap_or("atelier-edge");
        let (suffix, settings) = match purpose {
            // Plans are the same for every id, so one generic plan per statement saves planning it each time.
            Purpose::Read { statement } => ("", format!("{} -c plan_cache_mode=force_generic_plan", limit(statement))),
            // The generic plan of the poll turns parallel and takes fifty times as long; and without statistics, or after one
            // transaction with very many notes, it would read the whole outbox.
            Purpose::Poll { statement } => (
                " poll",
                format!(
                    "{} -c plan_cache_mode=force_custom_plan -c max_parallel_workers_per_gather=0 -c enable_seqscan=off",
                    limit(statement)
                ),
            ),
            Purpose::Write { statement, lock } => (
                " write",
                // A node that is stopped in the middle of a write must not hold its rows for ever.
                format!(
                    "{} -c lock_timeout={} -c idle_in_transaction_session_timeout=5000",
                    limit(statement),
                    lock.as_millis()
                ),
            ),
            Purpose::Upkeep { statement } => (" upkeep", limit(statement)),
        };
        let name = format!("{name}{suffix}");
        // Compiling a statement takes longer than running any of ours.
        let asked = config.get_options().unwrap_or_default().to_owned();
        config.application_name(name).options(format!("{asked} -c jit=off {settings}").trim());
        let (client, connection) = self.address.connect(&config).await?;
        let ended = tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(error = %Causes(&error), "a connection to the database broke");
            }
        });
        if let Purpose::Read { .. } | Purpose::Poll { .. } = purpose {
            // Not as an option of the connection: the check for a primary would take it for a standby.
            client.batch_execute("SET default_transaction_read_only = on").await?;
        }
        let link = Link(ended.abort_handle());
        Ok(Connected { client, ended, link })
    }
}

/// What to do about a pooler. Behind one, limits and prepared statements are those of a connection that is lent to others.
pub(super) const POOLER: &str = "a pooler such as PgBouncer stands before the database and does not pass on what connections ask for: the address \
                      has to be PostgreSQL's own";

/// A pooler that ignores what it does not know leaves statements without a limit.
async fn check_limit(client: &Client, purpose: Purpose) -> Result<(), ConnectError> {
    const SET: &str = "SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'";
    let (Purpose::Read { statement }
    | Purpose::Poll { statement }
    | Purpose::Write { statement, .. }
    | Purpose::Upkeep { statement }) = purpose;
    let set: i64 = client.query_one(SET, &[]).await?.try_get(0)?;
    if u128::from(set.unsigned_abs()) == statement.as_millis() { Ok(()) } else { Err(POOLER.into()) }
}

fn limit(statement: Duration) -> String {
    format!("-c statement_timeout={}", statement.as_millis())
}

/// A schema of another version may answer wrongly without an error, so it is not asked.
async fn check_schema(client: &Client) -> Result<(), ConnectError> {
    let known: bool =
        client.query_one("SELECT to_regclass('edge.schema_version') IS NOT NULL", &[]).await?.try_get(0)?;
    if !known {
        return Err("the database holds no catalogue: load one with atelier-import".into());
    }
    let found: i32 = client.query_one("SELECT version FROM edge.schema_version", &[]).await?.try_get(0)?;
    let remedy = match found {
        SCHEMA_VERSION => return Ok(()),
        older if older < SCHEMA_VERSION => "older than this program's {}: run schema.sql of this version on it",
        _ => "newer than this program's {}: run the atelier-edge of that version",
    };
    let remedy = remedy.replace("{}", &SCHEMA_VERSION.to_string());
    Err(format!("the database has schema version {found}, which is {remedy}").into())
}
