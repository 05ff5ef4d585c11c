//! Purges by operators, from the command line and through the admin listener: what two nodes beside a real PostgreSQL and a
//! real Redis answer afterwards, and what is said when there can be no purge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use atelier_rig::{Client, Fault, Node, Postgres, Proxy, Redis, Response, Scratch, wait_until};
use serde_json::{Value, json};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The token of operators in these tests.
const TOKEN: &str = "open-sesame";

const HIT: &str = "atelier-edge; hit; detail=l1";
const FROM_REDIS: &str = "atelier-edge; hit; detail=l2";
const AGAIN: &str = "atelier-edge; fwd=stale; stored";

const ROWS: &str = "
    INSERT INTO products (id, name, slogan, description, category, default_price)
    SELECT n, 'Product ' || n, 'Slogan', 'Description', 'Jackets', n * 100 FROM generate_series(1, 80) AS n;
    INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
    SELECT n, (n - 1) / 10 + 1, 1600000000000 + n, n % 5 + 1, n % 3 > 0, '', 'Body ' || n, 'mira', 'm@example.com'
    FROM generate_series(1, 800) AS n;
    ANALYZE;";

/// Two nodes and their neighbours. Nodes end before what they stand on.
struct Shop {
    nodes: Vec<Node>,
    settings: Vec<(&'static str, String)>,
    database: String,
    _scratch: Scratch,
    redis: Redis,
    postgres: Postgres,
}

impl Shop {
    fn open(more: &[(&'static str, &str)]) -> Self {
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

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, &**value)).collect()
    }

    /// Has every node hold these.
    fn hold(&self, targets: &[&str]) {
        for node in &self.nodes {
            for target in targets {
                assert_eq!(node.get(target).status, 200, "{target}");
                assert_eq!(status(&node.get(target)), (200, HIT.to_owned()), "{target}");
            }
        }
    }

    fn purge(&self, arguments: &[&str]) -> Output {
        purge(&[("DATABASE_URL", &self.database), ("USER", "mira")], arguments)
    }

    /// Purges from the command line; returns its place in the history and what else is said.
    #[track_caller]
    fn purged(&self, arguments: &[&str]) -> (String, Vec<String>) {
        let output = self.purge(arguments);
        let (said, complaint) = (text(&output.stdout), text(&output.stderr));
        assert_eq!((output.status.code(), complaint), (Some(0), String::new()), "{said}");
        let mut lines = said.lines().map(str::to_owned);
        let ord = lines.next().and_then(|line| line.strip_prefix("ord ").map(str::to_owned)).unwrap();
        (ord, lines.collect())
    }

    /// How often rows of these were asked for.
    fn fetches(&self, table: &str) -> u64 {
        let calls = format!(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ~ '^WITH seen AS' AND query ~ 'FROM {table}'"
        );
        self.postgres.psql("shop", &calls).parse().unwrap()
    }

    fn audit(&self) -> String {
        self.postgres.psql("shop", "SELECT coalesce(kind::text, '-'), actor, tags, reason FROM edge.audit ORDER BY at")
    }

    /// The names in Redis that match.
    fn keys(&self, pattern: &str) -> Vec<String> {
        let reply = self.redis.command(&format!("KEYS {pattern}"));
        reply.lines().filter(|line| !line.starts_with(['*', '$'])).map(str::to_owned).collect()
    }

    /// Waits until Redis has one entry that matches, and returns its name.
    fn stored(&self, pattern: &str) -> String {
        wait_until("the entry is in Redis", PATIENCE, || self.keys(pattern).pop())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `atelier-edge purge` with these settings and no others.
fn purge(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
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
fn refused(output: &Output) -> (i32, String) {
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(said, "", "{complaint}");
    assert!(!complaint.contains("hunter2"), "{complaint}");
    (output.status.code().unwrap(), complaint)
}

fn status(response: &Response) -> (u16, String) {
    (response.status, response.header("cache-status").unwrap_or_default().to_owned())
}

/// What is answered by a node that has applied everything up to this place in the history.
fn after(node: &Node, ord: &str, target: &str) -> (u16, String) {
    status(&node.client().get(target, &[&format!("Atelier-Min-Ord: {ord}")]))
}

fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}")
}

fn order(node: &Node, body: &Value) -> Response {
    Client::connect(node.admin).request("POST", "/purge", &[&bearer()], body.to_string().as_bytes())
}

/// What a node holds under `key` and thinks of it.
fn proof(node: &Node, key: &str) -> String {
    let response = Client::connect(node.admin).get(&format!("/entry?key={key}"), &[&bearer()]);
    assert_eq!(response.status, 200, "{}", response.text());
    let entry: Value = serde_json::from_str(response.text()).unwrap();
    entry["proof"].as_str().unwrap().to_owned()
}

#[test]
fn a_purge_by_tag_or_key_has_every_node_ask_again_and_touches_nothing_else() {
    let shop = Shop::open(&[]);
    let pages = ["/reviews?product_id=7", "/reviews?product_id=7&sort=newest&count=3"];
    let others = ["/products/7", "/products/8", "/reviews?product_id=8", "/products?count=3"];
    shop.hold(&[&pages[..], &others].concat());
    let (reviews, products) = (shop.fetches("reviews"), shop.fetches("products"));

    let (ord, said) = shop.purged(&["--tag", "reviews:7", "product:80", "--tag", "reviews:7", "--reason", "a typo"]);
    assert_eq!(said, ["hard reviews:7", "hard product:80"]);
    for (node, expected) in shop.nodes.iter().zip([AGAIN, FROM_REDIS]) {
        for target in pages {
            assert_eq!(after(node, &ord, target), (200, expected.to_owned()), "{target}");
            // The next node finds in Redis what this one has brought.
            wait_until("Redis has it", PATIENCE, || (shop.keys("*:reviews/7/*").len() == 2).then_some(()));
        }
        for target in others {
            assert_eq!(after(node, &ord, target), (200, HIT.to_owned()), "{target}");
        }
    }
    assert_eq!((shop.fetches("reviews"), shop.fetches("products")), (reviews + 2, products));

    // A key stands for all that depends on the same.
    let (ord, said) = shop.purged(&["--key", "reviews/8/helpful/1x5"]);
    assert_eq!(said, ["hard reviews:8"]);
    assert_eq!(after(&shop.nodes[1], &ord, "/reviews?product_id=8"), (200, AGAIN.to_owned()));
    assert_eq!(after(&shop.nodes[1], &ord, pages[0]), (200, HIT.to_owned()));
    // And without a token, every node is there within the bound.
    let (_, said) = shop.purged(&["--tag", "list:*"]);
    assert_eq!(said, ["hard list:*"]);
    wait_until("the list is asked for again", Duration::from_secs(2), || {
        (status(&shop.nodes[0].get(others[3])).1 == AGAIN).then_some(())
    });
    let audit = "1|mira (command line)|{reviews:7,product:80}|a typo\n1|mira (command line)|{reviews:8}|\n1|mira (command line)|{list:*}|";
    assert_eq!(shop.audit(), audit);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(shop.postgres.psql("shop", "SELECT DISTINCT peer FROM edge.audit"), host.trim());
}

#[test]
fn a_purge_of_all_and_a_new_epoch_leave_nothing_to_answer_from() {
    let shop = Shop::open(&[]);
    let targets = ["/products/7", "/reviews?product_id=7", "/products?count=3"];
    shop.hold(&targets);
    let (first, said) = shop.purged(&["--all"]);
    assert_eq!(said, ["hard *"]);
    for target in targets {
        assert_eq!(after(&shop.nodes[0], &first, target), (200, AGAIN.to_owned()), "{target}");
    }

    shop.hold(&targets);
    let before = shop.stored("*:product/7");
    let (second, said) = shop.purged(&["--new-epoch", "--reason", "a table was swapped in"]);
    assert_eq!(said, ["new epoch"]);
    let epoch = |ord: &str| ord.split_once('.').unwrap().0.to_owned();
    assert_ne!(epoch(&first), epoch(&second));
    for target in targets {
        assert_eq!(after(&shop.nodes[0], &second, target), (200, AGAIN.to_owned()), "{target}");
    }
    wait_until("Redis has it under another name", PATIENCE, || (shop.keys("*:product/7").len() == 2).then_some(()));
    assert_eq!(after(&shop.nodes[1], &second, targets[0]), (200, FROM_REDIS.to_owned()));
    assert!(shop.keys("*:product/7").contains(&before));

    // The row that counts epochs is gone: another epoch begins all the same.
    shop.postgres.psql("shop", "DELETE FROM edge.epoch");
    let (third, _) = shop.purged(&["--new-epoch"]);
    let (fourth, _) = shop.purged(&["--new-epoch"]);
    assert_eq!(std::collections::BTreeSet::from([&first, &second, &third, &fourth].map(|ord| epoch(ord))).len(), 4);
    assert_eq!(after(&shop.nodes[1], &fourth, targets[0]), (200, AGAIN.to_owned()));
    let audit = "1|mira (command line)|{*}|\n-|mira (command line)|{}|a table was swapped in\n-|mira (command line)|{}|\n-|mira (command line)|{}|";
    assert_eq!(shop.audit(), audit);
}

#[test]
fn a_soft_purge_serves_what_is_held_with_the_label_until_it_is_refreshed_few_at_a_time() {
    const KEYS: u64 = 30;
    // A refresh may wait for as long as this test likes.
    let patient = [("ATELIER_STATEMENT", "40s"), ("ATELIER_BUDGET", "50s"), ("ATELIER_BOUND", "51s")];
    let shop = Shop::open(&[&patient[..], &[("ATELIER_DB_READERS", "5")]].concat());
    let targets: Vec<_> = (1..=KEYS).map(|id| format!("/products/{id}")).collect();
    shop.hold(&targets.iter().map(String::as_str).collect::<Vec<_>>());
    wait_until("Redis has all", PATIENCE, || (shop.keys("*:product/*").len() as u64 == KEYS).then_some(()));
    for node in &shop.nodes {
        wait_until("all connections are up", PATIENCE, || {
            (node.log().matches("\"connected to the database\"").count() == 5).then_some(())
        });
    }
    let before = shop.fetches("products");
    let mut lock = shop.postgres.session("shop");
    lock.run("BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE");
    let (_, said) = shop.purged(&["--all", "--soft"]);
    assert_eq!(said, ["soft *"]);
    // Not with the purge's own token: who brings that wants what is behind it.
    for node in &shop.nodes {
        wait_until("the purge has come", PATIENCE, || (proof(node, "product/7") == "softened").then_some(()));
    }

    let blocked = || -> usize {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'atelier-edge' AND wait_event_type = 'Lock'";
        shop.postgres.psql("shop", count).parse().unwrap()
    };
    let stale = |node: &Node, target: &str| {
        let response = node.get(target);
        let said = response.header("cache-status").unwrap();
        assert_eq!(response.status, 200, "{target}");
        assert!(said.starts_with("atelier-edge; hit; ttl=-") && said.ends_with("; detail=stale-purge"), "{said}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
    };
    for _ in 0..3 {
        for (node, target) in shop.nodes.iter().flat_map(|node| targets.iter().map(move |target| (node, target))) {
            stale(node, target);
        }
        // ATELIER_REFRESH_CONCURRENCY is 2 by default, on each of two nodes.
        assert!(blocked() <= 4);
    }
    wait_until("refreshes are under way", PATIENCE, || (blocked() == 4).then_some(()));
    // Others have nothing to fall back on, and wait.
    assert_eq!(proof(&shop.nodes[0], "product/7"), "softened");
    lock.run("COMMIT");

    for (node, target) in shop.nodes.iter().flat_map(|node| targets.iter().map(move |target| (node, target))) {
        wait_until("it is refreshed", PATIENCE, || (status(&node.get(target)).1 == HIT).then_some(()));
    }
    let fetched = shop.fetches("products") - before;
    assert!((KEYS..=KEYS * 2).contains(&fetched), "{fetched} fetches for {KEYS} keys on two nodes");
    // Nothing more to come.
    for target in &targets {
        assert_eq!(status(&shop.nodes[0].get(target)).1, HIT);
    }
    assert_eq!(shop.fetches("products") - before, fetched);
    assert_eq!(shop.audit(), "0|mira (command line)|{*}|");
}

#[test]
fn a_soft_purge_ends_with_its_grace() {
    let shop = Shop::open(&[("ATELIER_GRACE", "1s")]);
    shop.hold(&["/products/7", "/products/8"]);
    let answer = order(&shop.nodes[0], &json!({"tags": ["product:7"], "kind": "soft"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(proof(&shop.nodes[0], "product/7"), "softened");
    wait_until("the grace is over", PATIENCE, || (proof(&shop.nodes[0], "product/7") == "outdated").then_some(()));
    assert_eq!(status(&shop.nodes[0].get("/products/7")), (200, AGAIN.to_owned()));
    assert_eq!(status(&shop.nodes[0].get("/products/8")), (200, HIT.to_owned()));
}

/// Whether it is served with the label of an outage.
fn in_outage(node: &Node, target: &str) -> Option<bool> {
    let response = node.get(target);
    let status = response.header("cache-status").unwrap_or_default();
    match (response.status, status) {
        (200, status) if status.ends_with("detail=stale-origin") => Some(true),
        (503, _) => Some(false),
        // Proved for a moment longer.
        (200, HIT) => None,
        other => panic!("{target}: {other:?}"),
    }
}

#[test]
fn what_is_erased_is_never_served_again_and_is_gone_from_redis() {
    let mut shop = Shop::open(&[]);
    let (erased, hard, other) = ("/reviews?product_id=7", "/reviews?product_id=8", "/reviews?product_id=70");
    shop.hold(&[erased, hard, other]);
    // Whoever restores a backup of Redis brings it back.
    let name = shop.stored("*:reviews/7/*");
    shop.stored("*:reviews/8/*");
    let kept = shop.stored("*:reviews/70/*");
    assert_eq!(shop.redis.command(&format!("COPY {name} backup")), ":1\r\n");

    let (ord, said) = shop.purged(&["--tag", "reviews:7", "--erase", "--reason", "a name in it"]);
    assert_eq!(said, ["erase reviews:7"]);
    shop.purged(&["--tag", "reviews:8"]);
    wait_until("it is gone from Redis", PATIENCE, || shop.keys("*:reviews/7/*").is_empty().then_some(()));
    assert_eq!(shop.keys("*:reviews/70/*"), [kept], "what only begins the same is left");
    for node in &shop.nodes {
        wait_until("the node has applied it", PATIENCE, || {
            (proof(node, "reviews/8/helpful/1x5") == "outdated").then_some(())
        });
        assert_eq!(proof(node, "reviews/7/helpful/1x5"), "outdated");
    }
    let name_of_epoch = name.split(":reviews").next().unwrap().to_owned();
    let note = shop.redis.command(&format!("HGET {name_of_epoch}:erased reviews:7"));
    assert!(note.starts_with('$') && !note.starts_with("$-1"), "{note}");
    let expiry = shop.redis.command(&format!("PTTL {name_of_epoch}:erased"));
    let expiry: i64 = expiry.trim().trim_start_matches(':').parse().unwrap();
    assert!(expiry > 3_600_000, "the note ends before what it is about: {expiry}");

    shop.postgres.stop();
    assert_eq!(shop.redis.command(&format!("COPY backup {name} REPLACE")), ":1\r\n");
    // This one has known neither the entry nor the purge.
    let late = Node::launch(SERVER, &shop.settings());
    wait_until("it takes what Redis knows", PATIENCE, || (late.admin_get("/readyz").status == 200).then_some(()));
    for node in shop.nodes.iter().chain([&late]) {
        let served = wait_until("nothing can be proved", PATIENCE, || in_outage(node, other));
        assert!(served, "what was not purged is served in an outage");
        assert_eq!(in_outage(node, erased), Some(false));
        // What was purged without erasing is good enough for an outage.
        assert_eq!(in_outage(node, hard), Some(true));
    }
    shop.postgres.start_again();
    wait_until("the database is back", PATIENCE, || (shop.nodes[0].get(erased).status == 200).then_some(()));
    // The polls have a connection of their own, which may come back a little later.
    wait_until("the node has polled again", PATIENCE, || {
        (shop.nodes[0].client().get(erased, &[&format!("Atelier-Min-Ord: {ord}")]).status == 200).then_some(())
    });
    assert_eq!(shop.audit(), "2|mira (command line)|{reviews:7}|a name in it\n1|mira (command line)|{reviews:8}|");
}

#[test]
fn an_erased_answer_does_not_come_back_with_another_epoch() {
    let mut shop = Shop::open(&[]);
    shop.hold(&["/products/7", "/products/8"]);
    shop.stored("*:product/7");
    shop.stored("*:product/8");
    // The epoch first: what is held is of the one before.
    let (ord, _) = shop.purged(&["--new-epoch"]);
    for node in &shop.nodes {
        assert_eq!(after(node, &ord, "/products/9").0, 200);
    }
    assert_eq!(shop.keys("*:product/7").len(), 1, "under the name of the epoch before");
    let answer = order(&shop.nodes[0], &json!({"keys": ["product/7"], "kind": "erase"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    wait_until("it is gone from Redis", PATIENCE, || shop.keys("*:product/7").is_empty().then_some(()));
    assert_eq!(shop.keys("*:product/8").len(), 1);
    shop.postgres.stop();
    let node = &shop.nodes[0];
    wait_until("nothing can be proved", PATIENCE, || in_outage(node, "/products/9"));
    assert_eq!((in_outage(node, "/products/8"), in_outage(node, "/products/7")), (Some(true), Some(false)));
}

#[test]
fn a_purge_through_a_node_is_seen_there_at_once_and_elsewhere_with_its_place_in_the_history() {
    let shop = Shop::open(&[]);
    let targets = ["/products/7", "/reviews?product_id=7"];
    shop.hold(&targets);
    let json_of = |response: &Response| -> Value {
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/json; charset=utf-8")));
        serde_json::from_str(response.text()).unwrap()
    };
    let answer = json_of(&order(&shop.nodes[0], &json!({"tags": ["reviews:7"], "reason": "a typo"})));
    let ord = answer["ord"].as_str().unwrap().to_owned();
    assert_eq!(answer, json!({"ord": ord, "kind": "hard", "tags": ["reviews:7"]}));
    assert_eq!(status(&shop.nodes[0].get(targets[1])), (200, AGAIN.to_owned()));
    assert_ne!(after(&shop.nodes[1], &ord, targets[1]).1, HIT);
    assert_eq!(status(&shop.nodes[0].get(targets[0])), (200, HIT.to_owned()));

    let answer = json_of(&order(&shop.nodes[1], &json!({"keys": ["product/7"], "kind": "erase"})));
    assert_eq!((&answer["kind"], &answer["tags"]), (&json!("erase"), &json!(["product:7"])));
    assert_eq!(status(&shop.nodes[1].get(targets[0])), (200, AGAIN.to_owned()));

    let answer = json_of(&order(&shop.nodes[0], &json!({"all": true, "kind": "soft"})));
    assert_eq!(answer["tags"], json!(["*"]));
    assert!(status(&shop.nodes[0].get(targets[1])).1.ends_with("detail=stale-purge"));

    let before = ord.split_once('.').unwrap().0.to_owned();
    let answer = json_of(&order(&shop.nodes[0], &json!({"new_epoch": true})));
    let ord = answer["ord"].as_str().unwrap();
    assert_eq!(answer, json!({"ord": ord, "new_epoch": true}));
    assert_ne!(ord.split_once('.').unwrap().0, before);
    for node in &shop.nodes {
        assert_ne!(after(node, ord, targets[0]).1, HIT);
    }
    let audit = "1|admin listener|{reviews:7}|a typo\n2|admin listener|{product:7}|\n0|admin listener|{*}|\n-|admin listener|{}|";
    assert_eq!(shop.audit(), audit);
    let peers = shop.postgres.psql("shop", "SELECT bool_and(peer ~ '^127\\.0\\.0\\.1:[0-9]+$') FROM edge.audit");
    assert_eq!(peers, "t");
}

#[test]
fn without_the_token_nothing_is_purged_or_shown() {
    let shop = Shop::open(&[]);
    let node = &shop.nodes[0];
    shop.hold(&["/products/7"]);
    let ask = |node: &Node, method: &str, target: &str, headers: &[&str], body: &[u8]| {
        Client::connect(node.admin).request(method, target, headers, body)
    };
    let body = br#"{"all":true}"#;
    for given in [None, Some(""), Some("open-sesam"), Some("open-sesame2"), Some("xpen-sesame"), Some("OPEN-SESAME")] {
        let header = given.map(|given| format!("Authorization: Bearer {given}"));
        let headers: Vec<_> = header.iter().map(String::as_str).collect();
        for (method, target, body) in [("POST", "/purge", &body[..]), ("GET", "/entry?key=product/7", b"")] {
            let response = ask(node, method, target, &headers, body);
            assert_eq!((response.status, response.header("www-authenticate")), (401, Some("Bearer")), "{given:?}");
            assert!(response.text().contains("ATELIER_ADMIN_TOKEN_FILE") && !response.text().contains(TOKEN));
        }
    }
    // Whoever has to be told to send a body is not told, and the connection is not used for it.
    let mut client = Client::connect(node.admin);
    client.send(b"POST /purge HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n");
    let response = client.read(false);
    assert_eq!((response.status, response.header("connection")), (401, Some("close")));
    let refused = "was refused: without the token; orders refused so far: 1";
    wait_until("it is logged", PATIENCE, || node.log().contains(refused).then_some(()));
    assert!(!node.log().contains(TOKEN));

    let settings: Vec<_> =
        shop.settings().into_iter().filter(|(name, _)| *name != "ATELIER_ADMIN_TOKEN_FILE").collect();
    let open = Node::start(SERVER, &settings);
    for (method, target, body) in [("POST", "/purge", &body[..]), ("GET", "/entry?key=product/7", b"")] {
        for header in [bearer(), "X-Nothing: 1".to_owned()] {
            let response = ask(&open, method, target, &[&header], body);
            assert_eq!(response.status, 403);
            assert!(response.text().contains("ATELIER_ADMIN_TOKEN_FILE"), "{}", response.text());
        }
    }
    assert_eq!(shop.audit(), "");
    assert_eq!(shop.postgres.psql("shop", "SELECT count(*) FROM edge.outbox WHERE tag = '*'"), "0");
    assert_eq!(status(&node.get("/products/7")), (200, HIT.to_owned()));
    // With the token, all of it.
    assert_eq!(order(node, &json!({"all": true})).status, 200);
    // A GET never purges, whoever asks.
    let response = ask(node, "GET", "/purge", &[&bearer()], b"");
    assert_eq!((response.status, response.header("allow")), (405, Some("POST")));
    assert_eq!(ask(node, "POST", "/entry?key=product/7", &[&bearer()], body).status, 405);
}

#[test]
fn an_order_that_is_none_is_refused_with_what_is_wrong() {
    let shop = Shop::open(&[]);
    let node = &shop.nodes[0];
    for (body, status, part) in [
        ("{", 400, "the body is not JSON"),
        (r#"{"tags":["reviews:7","reviews"]}"#, 422, "\"reviews\": not a tag; tags look like reviews:7"),
        (r#"{"keys":["/products/7"]}"#, 422, "\"/products/7\": not a key; keys look like product/7"),
        (r#"{"all":true,"kind":"gentle"}"#, 422, "\"gentle\": not a kind"),
        ("{}", 422, "exactly one of tags, keys, all and new_epoch"),
    ] {
        let response = Client::connect(node.admin).request("POST", "/purge", &[&bearer()], body.as_bytes());
        assert_eq!(response.status, status, "{body}");
        assert!(response.text().contains(part), "{body}: {}", response.text());
    }
    let entry = |target: &str| {
        let response = Client::connect(node.admin).get(target, &[&bearer()]);
        (response.status, response.text().to_owned())
    };
    assert_eq!(entry("/entry?key=product/7"), (404, "nothing is held under product/7\n".to_owned()));
    assert_eq!(entry("/entry").0, 400);
    let (status, said) = entry("/entry?key=product:7");
    assert!(status == 400 && said.starts_with("key: not a key"), "{said}");

    for (arguments, parts) in [
        (&["--tag", "reviews:7", "reviews"][..], &["'reviews'", "--tag", "not a tag; tags look like reviews:7"][..]),
        (&["--key", "/products/7"], &["'/products/7'", "--key", "not a key; keys look like product/7"]),
        (&["--tag", "list:7"], &["'list:7'", "not a tag"]),
        (&[], &["--tag", "--key", "--all", "--new-epoch"]),
        (&["--all", "--tag", "reviews:7"], &["cannot be used with"]),
        (&["--all", "--soft", "--erase"], &["cannot be used with"]),
        (&["--new-epoch", "--soft"], &["cannot be used with"]),
    ] {
        let (status, said) = refused(&shop.purge(arguments));
        assert_eq!(status, 2, "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    }
    assert_eq!(shop.audit(), "");
}

#[test]
fn a_purge_without_settings_or_a_database_says_why() {
    let (status, said) = refused(&purge(&[], &["--all"]));
    assert_eq!(status, 78);
    assert!(said.starts_with("atelier-edge: DATABASE_URL: is not set") && said.contains("POST /purge"), "{said}");
    let wrong = [("DATABASE_URL", "mysql://u:hunter2@h/d"), ("ATELIER_DB_CONNECT", "soon")];
    let (status, said) = refused(&purge(&wrong, &["--all"]));
    assert_eq!((status, said.lines().count()), (78, 2), "{said}");
    assert!(
        said.contains("atelier-edge: DATABASE_URL: ") && said.contains("atelier-edge: ATELIER_DB_CONNECT: "),
        "{said}"
    );
    let (status, said) = refused(&purge(&[("ATELIER_ENV_FILE", "/nowhere/edge.env")], &["--all"]));
    assert_eq!(status, 78);
    assert!(said.contains("ATELIER_ENV_FILE: \"/nowhere/edge.env\" cannot be read"), "{said}");
    // Settings that a purge has nothing to do with are no hindrance.
    let port = atelier_rig::process::free_port();
    let nobody = format!("postgres://u:hunter2@127.0.0.1:{port}/shop");
    let (status, said) = refused(&purge(&[("DATABASE_URL", &nobody), ("ATELIER_TTL_LIST", "soon")], &["--all"]));
    assert_eq!(status, 1, "{said}");
    let begin = format!("atelier-edge: nothing was purged: postgres://u:…@127.0.0.1:{port}/shop: ");
    assert!(said.starts_with(&begin) && said.contains("Connection refused"), "{said}");

    let mut postgres = Postgres::start();
    let empty = postgres.create("empty");
    let (status, said) = refused(&purge(&[("DATABASE_URL", &empty)], &["--all"]));
    assert_eq!(status, 1);
    assert!(said.contains("the database holds no catalogue: load one with atelier-import"), "{said}");

    // One that says nothing is waited for no longer than ATELIER_DB_CONNECT.
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], postgres.port())));
    proxy.set(None, Fault::Silent);
    let silent = format!("postgres://postgres@{}/empty", proxy.address());
    let (status, said) = refused(&purge(&[("DATABASE_URL", &silent), ("ATELIER_DB_CONNECT", "300ms")], &["--all"]));
    assert_eq!(status, 1);
    assert!(said.contains("it took longer than 300ms"), "{said}");
    postgres.stop();
}

#[test]
fn a_purge_whose_commit_is_not_answered_says_that_nobody_knows() {
    let shop = Shop::open(&[]);
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], shop.postgres.port())));
    proxy.set(None, Fault::CutBehindRequest(b"COMMIT".to_vec()));
    let through = format!("postgres://postgres@{}/shop", proxy.address());
    let output = purge(&[("DATABASE_URL", &through)], &["--all"]);
    let (status, said) = refused(&output);
    assert_eq!(status, 69, "{said}");
    assert!(said.contains("whether the write was done is not known; the same purge again does no harm"), "{said}");
    // This time it was.
    wait_until("it is done", PATIENCE, || (shop.audit().lines().count() == 1).then_some(()));
}

#[test]
fn whoever_lacks_rights_is_told_which() {
    let shop = Shop::open(&[]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let grants = page.split_once("```pgsql\n").unwrap().1.split_once("```").unwrap().0;
    shop.postgres.psql("shop", grants);
    let url = shop.database.replace("postgres@", "atelier_edge@");
    let mut settings = shop.settings();
    settings.retain(|(name, _)| *name != "DATABASE_URL");
    settings.push(("DATABASE_URL", &url));

    // The rights that the page grants are enough for a node and for purges, on both ways.
    let node = Node::start(SERVER, &settings);
    assert_eq!(order(&node, &json!({"tags": ["reviews:7"]})).status, 200);
    assert_eq!(order(&node, &json!({"new_epoch": true})).status, 200);
    let done = purge(&[("DATABASE_URL", &url)], &["--all", "--erase"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).ends_with("\nerase *\n"));
    assert_eq!(shop.audit().lines().count(), 3);

    for (right, complaint) in [
        ("INSERT ON edge.audit", "permission denied for table audit"),
        ("INSERT ON edge.outbox", "permission denied for table outbox"),
        ("USAGE ON SCHEMA edge", "permission denied for schema edge"),
    ] {
        shop.postgres.psql("shop", &format!("REVOKE {right} FROM atelier_edge"));
        let (status, said) = refused(&purge(&[("DATABASE_URL", &url)], &["--all"]));
        assert_eq!(status, 1);
        assert!(said.starts_with("atelier-edge: nothing was purged: ") && said.contains(complaint), "{said}");
        shop.postgres.psql("shop", &format!("GRANT {right} TO atelier_edge"));
    }

    // A running node says so to whoever orders, and in its log.
    shop.postgres.psql("shop", "REVOKE INSERT ON edge.audit FROM atelier_edge");
    let answer = order(&node, &json!({"all": true}));
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("nothing was done: ") && answer.text().contains("permission denied for table audit"),
        "{}",
        answer.text()
    );
    // What is logged is written behind the answer.
    wait_until("it is logged", PATIENCE, || node.log().contains("permission denied for table audit").then_some(()));
    // One that starts is not ready, and says what it lacks.
    shop.postgres.psql("shop", "REVOKE UPDATE (gen) ON edge.epoch FROM atelier_edge");
    let late = Node::launch(SERVER, &settings);
    let said = wait_until("it has looked", PATIENCE, || {
        let said = late.admin_get("/readyz");
        said.text().contains("lacks rights").then(|| (said.status, said.text().to_owned()))
    });
    let lacking = "the user atelier_edge lacks rights, or these tables are not there: INSERT on edge.audit; UPDATE (gen) on edge.epoch";
    assert!(said.0 == 503 && said.1.contains(lacking), "{said:?}");
    assert_eq!(shop.audit().lines().count(), 3);
}

#[test]
fn a_node_without_its_database_says_that_nothing_was_done() {
    let mut shop = Shop::open(&[]);
    shop.postgres.stop();
    let answer = order(&shop.nodes[0], &json!({"all": true}));
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("nothing was done: "), "{}", answer.text());
    shop.postgres.start_again();
    assert_eq!(shop.audit(), "");
}

#[test]
fn the_commands_of_the_page_do_what_they_say() {
    let shop = Shop::open(&[]);
    shop.hold(&["/products/7"]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = page.split_once("\n## Purge\n").unwrap().1.split_once("\n## ").unwrap().0;
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let mut orders = 0;
    for line in blocks.flat_map(str::lines) {
        let line = line.replace("$TOKEN", TOKEN).replace("127.0.0.1:9090", &shop.nodes[0].admin.to_string());
        let words = atelier_rig::words(&line);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..2] {
            ["atelier-edge", "purge"] => drop(shop.purged(&words[2..])),
            ["curl", _] => {
                if line.contains("/entry") {
                    assert_eq!(shop.nodes[0].get("/products/7").status, 200);
                }
                let output =
                    Command::new("curl").args(["--fail", "--max-time", "10"]).args(&words[1..]).output().unwrap();
                let said = text(&output.stdout);
                assert!(output.status.success(), "{line}: {}", text(&output.stderr));
                serde_json::from_str::<Value>(&said).unwrap();
            }
            _ => panic!("{line}"),
        }
        orders += usize::from(!line.contains("/entry"));
    }
    assert_eq!((orders, shop.audit().lines().count()), (10, 10));
}
