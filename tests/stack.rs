//! The server with its real neighbours: what a PostgreSQL and a Redis of the test's own are asked, and what is answered
//! when they are slow or gone.
//!
//! Nothing here sleeps. A fetch is held up by a lock in the database, and what happens meanwhile is seen from outside: in
//! `pg_stat_activity`, in `/proc/net/tcp`, by connecting. How a node stops is in `stack/stops.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "stack/stops.rs"]
mod stops;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use atelier_rig::{Client, Node, Postgres, Redis, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A small catalogue: enough that every route has something to say.
const ROWS: &str = "
    INSERT INTO products (id, name, slogan, description, category, default_price)
    SELECT n, 'Product ' || n, 'Slogan', 'Description', 'Jackets', n * 100 FROM generate_series(1, 40) AS n;
    INSERT INTO features (id, product_id, feature, value) SELECT n, n, 'Frame', 'Acetate' FROM generate_series(1, 40) AS n;
    INSERT INTO styles (id, product_id, name, original_price, default_style, photo_ids, photo_urls, photo_thumbnails)
    SELECT n, n, 'Slate', 5400, true, ARRAY[n], ARRAY['https://img.example/' || n], ARRAY[NULL::text]
    FROM generate_series(1, 40) AS n;
    INSERT INTO related (id, product_id, related_product_id) SELECT n, n, 41 - n FROM generate_series(1, 40) AS n;
    INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
    SELECT n, (n - 1) / 10 + 1, 1600000000000 + n, n % 5 + 1, n % 3 > 0, '', 'Body ' || n, 'mira', 'm@example.com'
    FROM generate_series(1, 400) AS n;
    INSERT INTO questions (id, product_id, date_written, body, asker_name, asker_email)
    SELECT n, n, 1600000000000, 'Is it lined?', 'olu', 'o@example.com' FROM generate_series(1, 40) AS n;
    INSERT INTO answers (id, question_id, date_written, body, answerer_name, answerer_email)
    SELECT n, n, 1600000000000, 'It is.', 'ines', 'i@example.com' FROM generate_series(1, 40) AS n;
    ANALYZE;";

/// One target of each route.
const ROUTES: [&str; 9] = [
    "/products?count=3",
    "/products/7",
    "/products/7/styles",
    "/products/7/related",
    "/reviews?product_id=7",
    "/reviews?product_id=7&sort=newest",
    "/reviews/meta?product_id=7",
    "/qa/questions?product_id=7",
    "/qa/questions/7/answers",
];

fn shop(postgres: &Postgres) -> String {
    let url = postgres.create("shop");
    postgres.psql_file("shop", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
    postgres.psql("shop", "CREATE EXTENSION pg_stat_statements");
    postgres.psql("shop", ROWS);
    url
}

/// How often the catalogue was asked for answers.
fn statements(postgres: &Postgres) -> u64 {
    let calls = postgres.psql(
        "shop",
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database AS d ON d.oid = dbid
         WHERE d.datname = 'shop' AND query LIKE 'WITH seen AS MATERIALIZED%'",
    );
    calls.parse().unwrap()
}

/// Waits until so many statements of nodes stand before a lock.
fn wait_for_blocked(postgres: &Postgres, count: usize) {
    wait_until("the statement waits for the lock", PATIENCE, || {
        let blocked = postgres.psql(
            "shop",
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'atelier-edge' AND wait_event_type = 'Lock'",
        );
        (blocked == count.to_string()).then_some(())
    });
}

/// Settings under which a fetch may wait for as long as a test likes.
fn patient<'a>(database: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let patient =
        [("DATABASE_URL", database), ("ATELIER_STATEMENT", "60s"), ("ATELIER_BUDGET", "70s"), ("ATELIER_BOUND", "71s")];
    [&patient, more].concat()
}

#[test]
fn a_thousand_requests_for_one_cold_key_are_one_statement() {
    const CLIENTS: usize = 1000;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: usize = files.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    assert!(files > CLIENTS + 100, "{files} open files are too few for this test: ulimit -n 4096");

    let postgres = Postgres::start();
    let database = shop(&postgres);
    let node = Node::start(SERVER, &patient(&database, &[]));
    let before = statements(&postgres);

    let mut lock = postgres.session("shop");
    lock.run("BEGIN; LOCK TABLE reviews IN ACCESS EXCLUSIVE MODE");
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| node.client()).collect();
    for client in &mut clients {
        client.send(b"GET /reviews?product_id=7 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait_for_blocked(&postgres, 1);
    wait_until("the node has read every request", PATIENCE, || (node.connections() == (CLIENTS, 0)).then_some(()));
    lock.run("COMMIT");

    let mut statuses = BTreeMap::new();
    let mut bodies = BTreeMap::new();
    for client in &mut clients {
        let response = client.read(false);
        assert_eq!(response.status, 200);
        *statuses.entry(response.header("cache-status").unwrap().to_owned()).or_insert(0) += 1;
        *bodies.entry(response.text().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(statements(&postgres) - before, 1);
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    assert!(bodies.keys().next().unwrap().contains("\"review_id\":70"), "{bodies:#?}");
    let expected = [("atelier-edge; fwd=uri-miss; collapsed", CLIENTS - 1), ("atelier-edge; fwd=uri-miss; stored", 1)];
    assert_eq!(statuses, expected.map(|(status, count)| (status.to_owned(), count)).into());
}

#[test]
fn a_node_beside_a_warm_redis_asks_the_database_nothing() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let database = shop(&postgres);
    let url = redis.url();
    // On a busy machine Redis may take longer than the 20 ms that it is given by default.
    let settings = patient(&database, &[("REDIS_URL", &url), ("ATELIER_REDIS_TIMEOUT", "5s")]);
    let first = Node::start(SERVER, &settings);
    let before = statements(&postgres);
    let answers = ROUTES.map(|target| first.get(target));
    for (target, answer) in ROUTES.iter().zip(&answers) {
        assert_eq!(
            (answer.status, answer.header("cache-status")),
            (200, Some("atelier-edge; fwd=uri-miss; stored")),
            "{target}"
        );
    }
    assert_eq!(statements(&postgres) - before, ROUTES.len() as u64);
    wait_until("every entry is in Redis, beside the epoch", PATIENCE, || {
        redis.command("DBSIZE").starts_with(&format!(":{}\r", ROUTES.len() + 1)).then_some(())
    });

    let second = Node::start(SERVER, &settings);
    let routes = ROUTES.len() as u64;
    let lookups = |node: &Node, tier: &str, result: &str| {
        node.counted(&format!("atelier_lookups_total{{tier=\"{tier}\",result=\"{result}\"}}"))
    };
    assert_eq!((lookups(&first, "l2", "miss"), lookups(&first, "origin", "fill")), (routes, routes));
    for (target, answer) in ROUTES.iter().zip(&answers) {
        let again = second.get(target);
        assert_eq!(again.header("cache-status"), Some("atelier-edge; hit; detail=l2"), "{target}");
        assert_eq!((again.text(), again.header("etag")), (answer.text(), answer.header("etag")), "{target}");
    }
    assert_eq!((lookups(&second, "l2", "hit"), lookups(&second, "origin", "fill")), (routes, 0));
    assert_eq!(statements(&postgres) - before, ROUTES.len() as u64);
}

#[test]
fn the_admin_listener_says_whether_the_process_lives_and_can_answer() {
    let mut postgres = Postgres::start();
    let database = shop(&postgres);
    postgres.stop();
    let node = Node::launch(SERVER, &[("DATABASE_URL", &database)]);
    assert_eq!(
        (node.admin_get("/livez").status, node.admin_get("/livez").text().to_owned()),
        (200, "alive\n".to_owned())
    );
    let why = "not ready: the database could not be read yet: the database could not answer: nobody listens where DATABASE_URL says: \
               PostgreSQL has to be started there: error connecting to server: Connection refused (os error 111)\n";
    wait_until("the first poll has failed", PATIENCE, || (node.admin_get("/readyz").text() == why).then_some(()));
    let unready = node.admin_get("/readyz");
    assert_eq!((unready.status, unready.header("cache-control")), (503, Some("no-store")));
    assert_eq!(node.get("/products/7").status, 503);
    // Each connection says once what is wrong, and why; its next attempts fail silently.
    let complaint = "cannot connect to the database; trying again";
    wait_until("every connection has failed", PATIENCE, || (node.log().matches(complaint).count() == 3).then_some(()));
    assert!(!node.log().contains("gave no answer"), "{}", node.log());

    postgres.start_again();
    wait_until("the node is ready", PATIENCE, || (node.admin_get("/readyz").status == 200).then_some(()));
    assert_eq!(node.get("/products/7").status, 200);

    // Neither listener knows the other's paths.
    assert_eq!(node.admin_get("/products/7").status, 404);
    assert_eq!(node.get("/livez").status, 404);
    assert_eq!(Client::connect(node.admin).request("POST", "/livez", &[], b"x").status, 405);
    assert_eq!(Client::connect(node.admin).request("HEAD", "/livez", &[], b"").status, 200);
}

/// The answer, and how long it took.
fn timed(node: &Node, target: &str) -> (atelier_rig::Response, Duration) {
    let begun = Instant::now();
    let response = node.get(target);
    (response, begun.elapsed())
}

/// What a busy machine may add to any answer.
const SLACK: Duration = Duration::from_millis(500);

#[test]
fn without_redis_answers_come_from_the_database_as_soon_as_its_time_is_up() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let database = shop(&postgres);
    let url = redis.url();
    let node =
        Node::start(SERVER, &[("DATABASE_URL", &database), ("REDIS_URL", &url), ("ATELIER_REDIS_TIMEOUT", "20ms")]);
    let miss = |id: u32| {
        let (response, took) = timed(&node, &format!("/products/{id}"));
        assert_eq!(
            (response.status, response.header("cache-status")),
            (200, Some("atelier-edge; fwd=uri-miss; stored")),
            "{id}"
        );
        assert!(took < Duration::from_millis(20) + SLACK, "product {id} took {took:?}");
    };
    miss(1);
    wait_until("the entry is in Redis, beside the epoch", PATIENCE, || {
        redis.command("DBSIZE").starts_with(":2\r").then_some(())
    });

    // A Redis that hangs: the look-up is given up after its time.
    redis.process().signal("STOP");
    (2..12).for_each(miss);
    redis.process().signal("CONT");

    // A Redis that is gone: connecting is refused.
    drop(redis);
    (12..22).for_each(miss);
    assert_eq!(node.get("/products/1").header("cache-status"), Some("atelier-edge; hit; detail=l1"));
    assert_eq!(node.admin_get("/readyz").status, 200);
}

#[test]
fn without_the_database_what_is_fresh_is_answered_and_the_rest_is_503() {
    let mut postgres = Postgres::start();
    let database = shop(&postgres);
    let node = Node::start(SERVER, &[("DATABASE_URL", &database)]);
    let held = node.get("/products/7");
    let refused = |target: &str, limit: Duration| {
        let (response, took) = timed(&node, target);
        assert_eq!((response.status, response.text()), (503, "Error: temporarily unavailable"), "{target}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!((1..=3).contains(&response.header("retry-after").unwrap().parse::<u32>().unwrap()));
        assert!(took < limit + SLACK, "{target} took {took:?}");
    };
    let hit = || {
        let hit = node.get("/products/7");
        assert_eq!((hit.status, hit.text()), (200, held.text()));
        assert_eq!(hit.header("cache-status"), Some("atelier-edge; hit; detail=l1"));
    };

    // A database that hangs: every backend of the node stands still. A request waits for its budget of 1 s and no longer.
    let backends = postgres.psql("shop", "SELECT pid FROM pg_stat_activity WHERE application_name = 'atelier-edge'");
    let signal = |signal: &str| {
        let sent = Command::new("kill").arg(signal).args(backends.lines()).status().unwrap();
        assert!(sent.success());
    };
    assert_eq!(backends.lines().count(), 3);
    signal("-STOP");
    refused("/products/8", Duration::from_secs(1));
    hit();
    signal("-CONT");
    wait_until("the database answers again", PATIENCE, || (node.get("/products/8").status == 200).then_some(()));

    // A database that is gone: nobody waits at all.
    postgres.stop();
    wait_until("the node has noticed", PATIENCE, || {
        let log = node.log();
        (log.matches("a connection to the database ended").count() >= 3).then_some(())
    });
    refused("/products/9", Duration::ZERO);
    refused("/products?count=7", Duration::ZERO);
    refused("/reviews?product_id=9&count=20000&page=2", Duration::ZERO);
    hit();
    assert_eq!(node.admin_get("/readyz").status, 200, "something is held");
    assert_eq!(node.get("/products/2147483648").status, 404, "what cannot be there needs no database");

    postgres.start_again();
    wait_until("the node is connected again", PATIENCE, || (node.get("/products/9").status == 200).then_some(()));
}
