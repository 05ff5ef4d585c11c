//! Connections to the database, and what a load finds and leaves there.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use atelier_connect::Address;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config};

use super::schema::{self, SCHEMA};

/// The schema in which tables are made; readers never look into it. What stands there was left by an import that was killed.
pub(crate) const STAGE: &str = "atelier_load";
/// Where tables go that were replaced, until they are dropped.
pub(crate) const TRASH: &str = "atelier_trash";

/// The key of the advisory lock that lets one import in at a time: "atelier" in ASCII.
const LOCK: i64 = 0x0061_7465_6c69_6572;

/// How long an import waits for one before it to be gone.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// What workers call themselves, so that the next import finds those of a killed one.
const WORKER: &str = "atelier-import worker";

/// How long an import that is told to stop tries to clear up; after that it is left to the next one.
const CLEAR_UP_WAIT: Duration = Duration::from_secs(5);

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    address: Address,
    config: Config,
}

/// A connection that can say why it ended.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    ended: JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl Session {
    /// An error of the client, with the reason of the connection's end if that is what happened.
    pub(crate) async fn explain(&mut self, error: anyhow::Error) -> anyhow::Error {
        let of_database = |test: fn(&tokio_postgres::Error) -> bool| {
            error.chain().any(|cause| cause.downcast_ref().is_some_and(test))
        };
        let ended = of_database(|cause| cause.as_db_error().is_some_and(|error| error.severity() == "FATAL"));
        let closed = of_database(tokio_postgres::Error::is_closed) || self.client.is_closed();
        if error.is::<Lost>() || !(ended || closed) {
            return error;
        }
        match tokio::time::timeout(Duration::from_secs(1), &mut self.ended).await {
            Ok(Ok(Err(cause))) if !ended => anyhow!(cause).context(Lost),
            _ => error.context(Lost),
        }
    }
}

/// A connection ended under its work.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the database was lost")]
struct Lost;

impl Drop for Session {
    fn drop(&mut self) {
        self.ended.abort();
    }
}

impl Database {
    /// The database at this address.
    pub(crate) fn new(address: Address) -> Self {
        let mut config = address.config().clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        Self { address, config }
    }

    async fn connect(&self, name: &str) -> Result<Session> {
        let mut config = self.config.clone();
        config.application_name(name);
        let (client, connection) = self.address.connect(&config).await.context("cannot connect to the database")?;
        let ended = tokio::spawn(connection);
        // A backend whose client was killed ends within a second instead of building its index to the end.
        client.batch_execute("SET client_connection_check_interval = '1s'; SET client_min_messages = warning").await?;
        Ok(Session { client, ended })
    }

    /// A connection that works in the schema [`STAGE`]. What it commits need not be on disk: the swap's commit comes after.
    pub(crate) async fn worker(&self) -> Result<Session> {
        let session = self.connect(WORKER).await?;
        let settings =
            format!("SET search_path = {STAGE}; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'");
        session.client.batch_execute(&settings).await?;
        Ok(session)
    }

    /// The connection that holds the lock, after it has cleared what a killed import left.
    pub(crate) async fn control(&self) -> Result<Session> {
        let session = self.connect("atelier-import").await?;
        // The server notices a moment later that an import which has just ended is gone.
        let until = tokio::time::Instant::now() + LOCK_WAIT;
        while !session.client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?.get::<_, bool>(0) {
            if tokio::time::Instant::now() >= until {
                bail!("another import is at work in this database");
            }
            tokio::time::sleep(LOCK_WAIT / 20).await;
        }
        clear(&session.client).await.context("what an earlier import left cannot be cleared")?;
        Ok(session)
    }
}

impl Database {
    /// Clears up after this process was told to stop: its own connections end while this one asks for the lock.
    pub(crate) async fn clear_up(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.control().await {
                Err(_) if begun.elapsed() < CLEAR_UP_WAIT => tokio::time::sleep(Duration::from_millis(100)).await,
                cleared => return cleared.map(|_| ()),
            }
        }
    }
}

/// Ends the workers of a killed import and drops its schemas.
async fn clear(client: &Client) -> Result<()> {
    // Waits up to 10 s for each to be gone, since it may hold locks on what is dropped next.
    client
        .execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
             WHERE application_name = $1 AND datname = current_database()",
            &[&WORKER],
        )
        .await?;
    drop_schemas(client).await
}

/// Drops what a load needs while it works.
pub(crate) async fn drop_schemas(client: &Client) -> Result<()> {
    client.batch_execute(&format!("DROP SCHEMA IF EXISTS {STAGE}, {TRASH} CASCADE")).await?;
    Ok(())
}

/// Where the tables are, and what is to be done to them first.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The schema readers look into.
    pub(crate) target: String,
    /// The version the tables have, if that is an older one than this program's.
    pub(crate) older: Option<i32>,
}

/// Makes the schema, or checks that what is there is not of a later version than this program's.
pub(crate) async fn prepare(client: &Client) -> Result<Prepared> {
    let target: Option<String> = client.query_one("SELECT current_schema()", &[]).await?.get(0);
    let Some(target) = target else { bail!("no schema of the search_path exists: there is no place for the tables") };
    let known: bool = client.query_one("SELECT to_regclass('edge.schema_version') IS NOT NULL", &[]).await?.get(0);
    let mut older = None;
    if known {
        let found: Option<i32> =
            client.query_opt("SELECT version FROM edge.schema_version", &[]).await?.map(|row| row.get(0));
        match found {
            Some(schema::VERSION) => {}
            Some(found) if found < schema::VERSION => older = Some(found),
            // What is in the tables of a database without a version nobody knows: it was restored without the rows of `edge`.
            found => {
                let found = found.map_or("none".to_owned(), |version| version.to_string());
                bail!("the schema of this database has version {found}, this program works with {}", schema::VERSION);
            }
        }
    }
    let tables: Vec<_> = schema::all_tables().collect();
    let whole: bool = client
        .query_one("SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest($1::text[]) AS name", &[&tables])
        .await?
        .get(0);
    // Running the file again would change nothing, but wait for writers.
    if !known || !whole {
        make_schema(client).await.context("the schema cannot be made")?;
    }
    client.batch_execute(&format!("CREATE SCHEMA {STAGE}")).await?;
    Ok(Prepared { target, older })
}

/// Runs the whole file, which also brings an older schema to this program's version.
pub(crate) async fn make_schema(client: &Client) -> Result<()> {
    let made = client.batch_execute(SCHEMA).await;
    if made.is_err() {
        // The file is a transaction, and what fails in it leaves that open.
        client.batch_execute("ROLLBACK").await?;
    }
    Ok(made?)
}

/// The number of rows of each table, photos and skus included, as they are seen from outside.
pub(crate) async fn counts(client: &Client, tables: &[&'static str]) -> Result<Vec<(&'static str, i64)>> {
    let mut counts = Vec::new();
    for &table in tables {
        let row = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?;
        counts.push((table, row.get(0)));
        if table == "styles" {
            let children = "SELECT coalesce(sum(cardinality(photo_ids)), 0)::bigint, \
                            coalesce(sum(cardinality(sku_ids)), 0)::bigint FROM styles";
            let row = client.query_one(children, &[]).await?;
            counts.extend([("photos", row.get(0)), ("skus", row.get(1))]);
        }
    }
    Ok(counts)
}

/// Whether any of these tables holds a row.
pub(crate) async fn any_rows(client: &Client, tables: &[&'static str]) -> Result<bool> {
    for table in tables {
        if client.query_one(&format!("SELECT EXISTS (SELECT FROM {table})"), &[]).await?.get(0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What outside of this catalogue is built on its tables: it would be lost with the tables that are replaced.
pub(crate) async fn dependents(client: &Client, tables: &[&'static str]) -> Result<Vec<String>> {
    let rows = client
        .query(
            "WITH ours AS (SELECT name::regclass AS relation FROM unnest($1::text[]) AS name) \
             SELECT DISTINCT format('%s on %s', r.ev_class::regclass, o.relation) \
             FROM ours AS o JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.relation \
             JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
             WHERE r.ev_class <> ALL (ARRAY['photos'::regclass, 'skus'::regclass]) AND r.ev_class <> o.relation \
             UNION ALL \
             SELECT format('foreign key %I of %s on %s', c.conname, c.conrelid::regclass, o.relation) \
             FROM ours AS o JOIN pg_constraint AS c ON c.contype = 'f' AND c.confrelid = o.relation \
             WHERE c.conrelid NOT IN (SELECT relation FROM ours) ORDER BY 1",
            &[&tables],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
