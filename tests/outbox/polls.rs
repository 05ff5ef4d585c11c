//! The three statements as a node sends them, and what they say.

use atelier_edge::stamp::Stamp;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, NoTls, Row, Statement};

pub(crate) const POLL: &str = include_str!("../../src/origin/postgres/poll.sql");
pub(crate) const RESYNC: &str = include_str!("../../src/origin/postgres/resync.sql");
pub(crate) const PRUNE: &str = include_str!("../../src/origin/postgres/prune.sql");

/// What a connection that polls sets, as in docs/freshness.md.
pub(crate) const SETTINGS: &str = "SET default_transaction_read_only = on; SET max_parallel_workers_per_gather = 0;
                        SET plan_cache_mode = force_custom_plan; SET jit = off";

/// A uuid as it comes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uuid(pub(crate) u128);

impl<'a> FromSql<'a> for Uuid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(u128::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }
}

/// What a poll or a resync says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Polled {
    pub(crate) system: i64,
    pub(crate) timeline: String,
    pub(crate) started: i64,
    pub(crate) generation: i64,
    pub(crate) incarnation: Option<Uuid>,
    pub(crate) snapshot: String,
    pub(crate) horizon: Option<String>,
    pub(crate) future: bool,
    pub(crate) strictest: Option<i16>,
    /// `None`: more than were asked for.
    pub(crate) tags: Option<Vec<(String, i16)>>,
}

impl From<Row> for Polled {
    fn from(row: Row) -> Self {
        let tags: Option<Vec<String>> = row.get("tags");
        let kinds: Option<Vec<i16>> = row.get("kinds");
        assert_eq!(tags.as_ref().map(Vec::len), kinds.as_ref().map(Vec::len));
        let tags = tags.zip(kinds).map(|(tags, kinds)| {
            let mut tags: Vec<_> = tags.into_iter().zip(kinds).collect();
            tags.sort();
            tags
        });
        Self {
            system: row.get("system"),
            timeline: row.get("timeline"),
            started: row.get("started"),
            generation: row.get("gen"),
            incarnation: row.get("incarnation"),
            snapshot: row.get("snapshot"),
            horizon: row.get("horizon"),
            future: row.get("future"),
            strictest: row.get("strictest"),
            tags,
        }
    }
}

impl Polled {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.tags.as_ref().unwrap().iter().map(|(tag, _)| tag.as_str()).collect()
    }
}

/// xmin, xmax and how many run between them.
pub(crate) fn parts(snapshot: &str) -> (u64, u64, usize) {
    let mut parts = snapshot.split(':');
    let mut number = || parts.next().unwrap().parse().unwrap();
    let (xmin, xmax) = (number(), number());
    (xmin, xmax, parts.next().unwrap().split(',').filter(|xid| !xid.is_empty()).count())
}

pub(crate) fn stamp(snapshot: &str) -> Stamp {
    let (_, xmax, running) = parts(snapshot);
    Stamp::of_snapshot(xmax, running)
}

pub(crate) async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A connection that polls.
pub(crate) struct Node {
    pub(crate) client: Client,
    pub(crate) poll: Statement,
    pub(crate) resync: Statement,
    pub(crate) position: String,
}

impl Node {
    /// Begins at the state of this moment.
    pub(crate) async fn begin(address: &str) -> Self {
        let client = connect(address).await;
        client.batch_execute(SETTINGS).await.unwrap();
        let poll = client.prepare_typed(POLL, &[Type::TEXT, Type::INT8]).await.unwrap();
        let resync = client.prepare_typed(RESYNC, &[Type::INT8]).await.unwrap();
        let mut node = Self { client, poll, resync, position: String::new() };
        node.position = node.resync(1_000_000).await.snapshot;
        node
    }

    pub(crate) async fn resync(&self, most: i64) -> Polled {
        self.client.query_one(&self.resync, &[&most]).await.unwrap().into()
    }

    /// What became visible since a position.
    pub(crate) async fn since(&self, position: &str, most: i64) -> Polled {
        self.client.query_one(&self.poll, &[&position, &most]).await.unwrap().into()
    }

    /// Polls, and goes on from there.
    pub(crate) async fn poll(&mut self) -> Polled {
        let polled = self.since(&self.position, 10_000).await;
        self.position.clone_from(&polled.snapshot);
        polled
    }
}

pub(crate) async fn prune(client: &Client, retention: &str, most: i64) -> (bool, bool, i64) {
    let statement = client.prepare_typed(PRUNE, &[Type::TEXT, Type::INT8]).await.unwrap();
    let row = client.query_one(&statement, &[&retention, &most]).await.unwrap();
    assert_eq!(row.columns().iter().map(|column| column.name()).collect::<Vec<_>>(), ["granted", "marked", "pruned"]);
    (row.get(0), row.get(1), row.get(2))
}
