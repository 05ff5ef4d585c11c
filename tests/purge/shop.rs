//! Two nodes beside a real PostgreSQL and a real Redis, and what is asked of them about purges.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use atelier_rig::{Client, Node, Postgres, Redis, Response, Scratch, wait_until};
use serde_json::Value;

pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The token of operators in these tests.
pub(crate) const TOKEN: &str = "open-sesame";

pub(crate) const HIT: &str = "atelier-edge; hit; detail=l1";
pub(crate) const FROM_REDIS: &str = "atelier-edge; hit; detail=l2";
pub(crate) const AGAIN: &str = "atelier-edge; fwd=stale; stored";

const ROWS: &str = "
    INSERT INTO products (id, name, slogan, description, category, default_price)
    SELECT n, 'Product ' || n, 'Slogan', 'Description', 'Jackets', n * 100 FROM generate_series(1, 80) AS n;
    INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
    SELECT n, (n - 1) / 10 + 1, 1600000000000 + n, n % 5 + 1, n % 3 > 0, '', 'Body ' || n, 'mira', 'm@example.com'
    FROM generate_series(1, 800) AS n;
    ANALYZE;";

/// Two nodes and their neighbours. Nodes end before what they stand on.
pub(crate) struct Shop {
    pub(crate) nodes: Vec<Node>,
    pub(crate) settings: Vec<(&'static str, String)>,
    pub(crate) database: String,
    _scratch: Scratch,
    pub(crate) redis: Redis,
    pub(crate) postgres: Postgres,
}

impl Shop {
    pub(crate) fn open(more: &[(&'static str, &str)]) -> Self {
        let (postgres, redis, scratch) = (Postgres::start(), Redis::start(), Scratch::new("purge"));
        let database = postgres.create("shop");
        postgres.psql_file("shop", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
        postgres.psql("shop", "CREATE EXTENSION pg_stat_statements");
        postgres.psql("shop", ROWS);
        let mut settings = vec![
            ("DATABASE_URL", database.clone()),
            ("REDIS_URL", redis.url()),
            ("ATELIER_ADMIN_TOKEN_FILE", scratch.write("operators", TOKEN).display().to_string()),
            // On a busy machine Redis may take longer than the 20 ms that it is given by default.
            ("ATELIER_REDIS_TIMEOUT", "500ms".to_owned()),
            ("ATELIER_BUDGET", "1500ms".to_owned()),
            ("ATELIER_BOOT_WAIT", "500ms".to_owned()),
        ];
        for (name, value) in more {
            settings.retain(|(other, _)| other != name);
            settings.push((name, (*value).to_owned()));
        }
        let mut shop = Self { nodes: Vec::new(), settings, database, _scratch: scratch, redis, postgres };
        shop.nodes = (0..2).map(|_| Node::start(SERVER, &shop.settings())).collect();
        shop
    }

    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, &**value)).collect()
    }

    /// Has every node hold these.
    pub(crate) fn hold(&self, targets: &[&str]) {
        for node in &self.nodes {
            for target in targets {
                assert_eq!(node.get(target).status, 200, "{target}");
                assert_eq!(status(&node.get(target)), (200, HIT.to_owned()), "{target}");
            }
        }
    }

    pub(crate) fn purge(&self, arguments: &[&str]) -> Output {
        purge(&[("DATABASE_URL", &self.database), ("USER", "mira")], arguments)
    }

    /// Purges from the command line; returns its place in the history and what else is said.
    #[track_caller]
    pub(crate) fn purged(&self, arguments: &[&str]) -> (String, Vec<String>) {
        let output = self.purge(arguments);
        let (said, complaint) = (text(&output.stdout), text(&output.stderr));
        assert_eq!((output.status.code(), complaint), (Some(0), String::new()), "{said}");
        let mut lines = said.lines().map(str::to_owned);
        let ord = lines.next().and_then(|line| line.strip_prefix("ord ").map(str::to_owned)).unwrap();
        (ord, lines.collect())
    }

    /// How often rows of these were asked for.
    pub(crate) fn fetches(&self, table: &str) -> u64 {
        let calls = format!(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ~ '^WITH seen AS' AND query ~ 'FROM {table}'"
        );
        self.postgres.psql("shop", &calls).parse().unwrap()
    }

    pub(crate) fn audit(&self) -> String {
        self.postgres.psql("shop", "SELECT coalesce(kind::text, '-'), actor, tags, reason FROM edge.audit ORDER BY at")
    }

    /// The names in Redis that match.
    pub(crate) fn keys(&self, pattern: &str) -> Vec<String> {
        let reply = self.redis.command(&format!("KEYS {pattern}"));
        reply.lines().filter(|line| !line.starts_with(['*', '$'])).map(str::to_owned).collect()
    }

    /// Waits until Redis has one entry that matches, and returns its name.
    pub(crate) fn stored(&self, pattern: &str) -> String {
        wait_until("the entry is in Redis", PATIENCE, || self.keys(pattern).pop())
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `atelier-edge purge` with these settings and no others.
pub(crate) fn purge(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(SERVER);
    for (name, _) in std::env::vars() {
        if name.starts_with("ATELIER_") || name == "DATABASE_URL" || name == "REDIS_URL" {
            command.env_remove(name);
        }
    }
    command.arg("purge").args(arguments).envs(settings.iter().copied()).output().unwrap()
}

/// The exit status, and what is said; nothing was done, so nothing is printed.
#[track_caller]
pub(crate) fn refused(output: &Output) -> (i32, String) {
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(said, "", "{complaint}");
    assert!(!complaint.contains("hunter2"), "{complaint}");
    (output.status.code().unwrap(), complaint)
}

pub(crate) fn status(response: &Response) -> (u16, String) {
    (response.status, response.header("cache-status").unwrap_or_default().to_owned())
}

/// What is answered by a node that has applied everything up to this place in the history.
pub(crate) fn after(node: &Node, ord: &str, target: &str) -> (u16, String) {
    status(&node.client().get(target, &[&format!("Atelier-Min-Ord: {ord}")]))
}

pub(crate) fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}")
}

pub(crate) fn order(node: &Node, body: &Value) -> Response {
    Client::connect(node.admin).request("POST", "/purge", &[&bearer()], body.to_string().as_bytes())
}

/// What a node holds under `key` and thinks of it.
pub(crate) fn proof(node: &Node, key: &str) -> String {
    let response = Client::connect(node.admin).get(&format!("/entry?key={key}"), &[&bearer()]);
    assert_eq!(response.status, 200, "{}", response.text());
    let entry: Value = serde_json::from_str(response.text()).unwrap();
    entry["proof"].as_str().unwrap().to_owned()
}
