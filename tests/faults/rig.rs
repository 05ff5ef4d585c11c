//! The servers that stay: one PostgreSQL and one Redis for all experiments, which are put right after each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use atelier_rig::{Node, Postgres, Redis};

use super::Size;
use super::catalogue::{Catalogue, ROWS};

/// The program.
pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What an experiment has.
#[derive(Debug)]
pub(crate) struct Rig {
    /// How much is played.
    pub(crate) size: Size,
    /// The origin.
    pub(crate) postgres: Postgres,
    /// L2.
    pub(crate) redis: Redis,
    /// What is right.
    pub(crate) catalogue: Arc<Catalogue>,
    made: u32,
}

impl Rig {
    /// Starts PostgreSQL and Redis, and makes the database that each experiment gets a copy of.
    pub(crate) fn start(size: Size) -> Self {
        let postgres = Postgres::start_with(&["synchronous_commit=on", "max_connections=60", "autovacuum=off"]);
        postgres.create("stage");
        postgres.psql_file("stage", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
        postgres.psql("stage", "CREATE EXTENSION pg_stat_statements");
        postgres.psql("stage", ROWS);
        let reference = postgres.copy("stage", "reference");
        let node = Node::start(SERVER, &[("DATABASE_URL", &reference)]);
        let catalogue = Arc::new(Catalogue::read(node.address));
        drop(node);
        Self { size, postgres, redis: Redis::start(), catalogue, made: 0 }
    }

    /// One of two values, by the size.
    pub(crate) fn pick<T>(&self, core: T, full: T) -> T {
        match self.size {
            Size::Core => core,
            Size::Full => full,
        }
    }

    /// So many seconds in the core, or so many in full.
    pub(crate) fn seconds(&self, core: f64, full: f64) -> Duration {
        Duration::from_secs_f64(self.pick(core, full))
    }

    /// A database of the next experiment's own, and an empty Redis.
    pub(crate) fn database(&mut self) -> String {
        self.made += 1;
        let name = format!("run{}", self.made);
        self.postgres.copy("stage", &name);
        self.redis.command("FLUSHALL");
        name
    }

    /// Both run, whatever the last experiment has done to them.
    pub(crate) fn restore(&mut self) {
        if self.postgres.is_running() {
            self.postgres.signal_all("CONT");
        } else {
            self.postgres.start_again();
        }
        if self.redis.is_running() {
            self.redis.process().signal("CONT");
        } else {
            self.redis.start_again();
        }
        if self.made > 0 {
            self.postgres.psql("postgres", &format!("DROP DATABASE IF EXISTS run{} WITH (FORCE)", self.made));
        }
    }
}
