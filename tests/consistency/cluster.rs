//! The servers of the runs: PostgreSQL, Redis and three nodes, with a proxy on each node's way to either.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use atelier_rig::{Node, Postgres, Proxy, Redis, Scratch};

use super::stage::Stage;

/// How many nodes.
pub(crate) const NODES: u8 = 3;

/// The token of the admin listeners.
pub(crate) const ADMIN_TOKEN: &str = "open-sesame-of-the-runs";

/// `application_name` of a node's connections.
pub(crate) const POLL: &str = "atelier-edge poll";
/// Those that fetch.
pub(crate) const READERS: &str = "atelier-edge";
/// Those that write.
pub(crate) const WRITERS: &str = "atelier-edge write";

/// PostgreSQL, Redis and the ways to them. Nodes come and go.
#[derive(Debug)]
pub(crate) struct Cluster {
    program: &'static str,
    ways: Vec<Way>,
    redis: Mutex<Redis>,
    postgres: Mutex<Postgres>,
    database: Mutex<String>,
    made: AtomicU32,
    scratch: Scratch,
}

/// What stands before one node's neighbours.
#[derive(Debug)]
struct Way {
    postgres: Proxy,
    redis: Proxy,
}

/// Settings under which a bound of one second can be kept and faults show within a few.
pub(crate) fn usual() -> Vec<(&'static str, String)> {
    [
        ("ATELIER_BOUND", "1s"),
        ("ATELIER_POLL", "100ms"),
        ("ATELIER_POLL_TIMEOUT", "300ms"),
        ("ATELIER_BUDGET", "800ms"),
        ("ATELIER_STATEMENT", "400ms"),
        ("ATELIER_GRACE", "2s"),
        ("ATELIER_STALE_LIMIT", "1m"),
        ("ATELIER_BOOT_WAIT", "1s"),
        ("ATELIER_ORD_HEADER", "on"),
        // That permits are full shall not explain a stale answer.
        ("ATELIER_MISS_PERMITS", "64"),
        ("ATELIER_MISS_QUEUE", "1024"),
        ("ATELIER_WORKERS", "2"),
        // The nodes watch themselves meanwhile, and must not cry wolf.
        ("ATELIER_SHADOW", "20"),
        ("ATELIER_LOG", "info"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

impl Cluster {
    /// Starts PostgreSQL and Redis, and makes the database that each run gets a copy of.
    pub(crate) fn start(program: &'static str) -> Self {
        // A commit that was acknowledged is there after `kill -9`; nothing here survives the machine. What was not flushed
        // when a commit did not ask for it shall be lost, so the WAL writer rests.
        let postgres = Postgres::start_with(&[
            "synchronous_commit=on",
            "wal_writer_delay=10s",
            "max_connections=200",
            "autovacuum=off",
            "log_min_messages=fatal",
        ]);
        let redis = Redis::start();
        postgres.create("stage");
        postgres.psql_file("stage", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
        postgres.psql("stage", "CREATE EXTENSION pg_stat_statements");
        postgres.psql("stage", &Stage::rows());
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let way = |_| Way { postgres: Proxy::start(local(postgres.port())), redis: Proxy::start(local(redis.port())) };
        let ways = (0..NODES).map(way).collect();
        let scratch = Scratch::new("consistency");
        scratch.write("admin-token", ADMIN_TOKEN);
        let (made, database) = (AtomicU32::new(0), Mutex::new(String::new()));
        Self { program, ways, redis: Mutex::new(redis), postgres: Mutex::new(postgres), database, made, scratch }
    }

    /// A fresh database and an empty Redis for the next run; every line whole.
    pub(crate) fn fresh(&self) {
        for way in &self.ways {
            way.postgres.heal_all();
            way.redis.heal_all();
        }
        let name = format!("run{}", self.made.fetch_add(1, Ordering::Relaxed));
        let postgres = self.postgres();
        let mut database = self.database.lock().unwrap();
        postgres.copy("stage", &name);
        if !database.is_empty() {
            postgres.psql("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"));
        }
        *database = name;
        self.redis().command("FLUSHALL");
    }

    /// The database of this run.
    pub(crate) fn database(&self) -> String {
        self.database.lock().unwrap().clone()
    }

    /// Its address, past every proxy.
    pub(crate) fn url(&self) -> String {
        self.postgres().url(&self.database())
    }

    /// The PostgreSQL.
    pub(crate) fn postgres(&self) -> MutexGuard<'_, Postgres> {
        self.postgres.lock().unwrap()
    }

    /// The Redis.
    pub(crate) fn redis(&self) -> MutexGuard<'_, Redis> {
        self.redis.lock().unwrap()
    }

    /// The proxy on the way of node `place` to PostgreSQL.
    pub(crate) fn to_postgres(&self, place: u8) -> &Proxy {
        &self.ways[usize::from(place)].postgres
    }

    /// The proxy on the way of node `place` to Redis.
    pub(crate) fn to_redis(&self, place: u8) -> &Proxy {
        &self.ways[usize::from(place)].redis
    }

    /// The settings of the node at `place`.
    fn settings(&self, place: u8, with_redis: bool, more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
        let mut settings = usual();
        let database = format!("postgres://postgres@{}/{}", self.to_postgres(place).address(), self.database());
        settings.push(("DATABASE_URL", database));
        if with_redis {
            settings.push(("REDIS_URL", format!("redis://{}/0", self.to_redis(place).address())));
        }
        let token = self.scratch.path().join("admin-token").display().to_string();
        settings.push(("ATELIER_ADMIN_TOKEN_FILE", token));
        for (name, value) in more {
            if *name == WRONG_CLOCKS {
                let wrong = ["+1h", "-1h", "+0"][usize::from(place) % 3];
                let preloaded = ("LD_PRELOAD", FAKETIME.to_owned());
                settings.extend([preloaded, ("FAKETIME", wrong.to_owned()), ("DONT_FAKE_MONOTONIC", "1".to_owned())]);
                continue;
            }
            settings.retain(|(other, _)| other != name);
            settings.push((name, value.clone()));
        }
        settings
    }

    /// Starts the node at `place` and waits until it is ready.
    pub(crate) fn node(&self, place: u8, with_redis: bool, more: &[(&'static str, String)]) -> Node {
        start(self.program, &self.settings(place, with_redis, more), true)
    }

    /// Starts the node at `place` and waits only until it listens.
    pub(crate) fn unready_node(&self, place: u8, with_redis: bool, more: &[(&'static str, String)]) -> Node {
        start(self.program, &self.settings(place, with_redis, more), false)
    }

    /// A node without faults and without neighbours but the database: what it fetches is what the origin says.
    pub(crate) fn reference(&self) -> Node {
        let mut settings = usual();
        settings.push(("DATABASE_URL", self.url()));
        start(self.program, &settings, true)
    }
}

fn start(program: &str, settings: &[(&'static str, String)], ready: bool) -> Node {
    // A server from before the protocol knows few settings and refuses the others.
    let known = |name: &str| {
        !std::env::var("SERVER_KNOWS_LITTLE").is_ok_and(|value| value == "yes")
            || ["DATABASE", "REDIS", "LISTEN", "LOG", "WORKERS", "BUDGET", "STATEMENT", "MISS"]
                .iter()
                .any(|word| name.contains(word))
            || name == "RED"
    };
    let settings: Vec<(&str, &str)> =
        settings.iter().filter(|(name, _)| known(name)).map(|(name, value)| (*name, value.as_str())).collect();
    if ready { Node::start(program, &settings) } else { Node::launch(program, &settings) }
}

/// Not a setting of nodes: has two of three of them started with a wall clock that is an hour wrong.
pub(crate) const WRONG_CLOCKS: &str = "wrong clocks";

/// The library of Debian's package `libfaketime` that tells a process another time.
pub(crate) const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// How long a server of the rig may take for something that is only waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
