//! Settings of a running node: what SIGHUP changes, what it leaves alone, and what it refuses. The node is a process, and
//! its neighbours are real where they matter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "live/subject.rs"]
mod subject;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atelier_rig::{Client, Node, Postgres, wait_until};
use serde_json::Value;

use self::subject::{Said, Subject, TOKEN};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(20);

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

const HIT: &str = "atelier-edge; hit; detail=l1";

fn status(response: &atelier_rig::Response) -> (u16, &str) {
    (response.status, response.header("cache-status").unwrap_or_default())
}

/// A small catalogue.
fn shop(postgres: &Postgres) -> String {
    let url = postgres.create("shop");
    postgres.psql_file("shop", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
    postgres.psql(
        "shop",
        "CREATE EXTENSION pg_stat_statements;
         INSERT INTO products (id, name, slogan, description, category, default_price)
         SELECT n, 'Product ' || n, 'Slogan', 'Description', 'Jackets', n * 100 FROM generate_series(1, 40) AS n",
    );
    url
}

/// How often products were asked for.
fn fetches(postgres: &Postgres) -> u64 {
    let calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query ~ 'WITH seen AS' AND query ~ 'FROM products'";
    postgres.psql("shop", calls).parse().unwrap()
}

#[test]
fn times_are_obeyed_by_what_is_held_and_nothing_is_dropped() {
    let postgres = Postgres::start();
    let database = shop(&postgres);
    let subject = Subject::start("", &[], &[("DATABASE_URL", &database), ("ATELIER_TTL_JITTER", "0%")]);
    let mut client = subject.node.client();
    let mut get = || client.get("/products/7", &[]);
    assert_eq!(status(&get()), (200, "atelier-edge; fwd=uri-miss; stored"));
    let before = subject.entry("product/7");
    let asked = fetches(&postgres);

    // The entry is the same one and grows older, but is good for longer. The connection is the same one, too.
    assert_eq!(subject.reload("ATELIER_TTL_PRODUCT=1h\n").changed(), "ATELIER_TTL_PRODUCT 300s → 1h");
    assert_eq!(status(&get()), (200, HIT));
    let after = subject.entry("product/7");
    assert_eq!(after["ord"], before["ord"]);
    assert!(number(&after["age_ms"]) > number(&before["age_ms"]), "{before} {after}");
    assert_eq!(after["own_age_ms"], after["age_ms"]);
    let (left, age) = (number(&after["ttl_left_ms"]), number(&after["age_ms"]));
    assert!((3_599_000..=3_600_000).contains(&(left + age)), "{after}");
    assert!(number(&before["ttl_left_ms"]) <= 300_000, "{before}");
    assert_eq!(fetches(&postgres), asked);

    // Past its time and without a grace, it is no hit.
    let said = subject.reload("ATELIER_TTL_PRODUCT=0\nATELIER_GRACE=0\n");
    assert_eq!(said.changed(), "ATELIER_TTL_PRODUCT 1h → 0; ATELIER_GRACE 60s → 0");
    assert_eq!(status(&get()), (200, "atelier-edge; fwd=stale; stored"));
    assert_eq!(fetches(&postgres), asked + 1);
    // With a grace it is, while it is fetched again.
    let held = subject.entry("product/7")["ord"].clone();
    assert_eq!(subject.reload("ATELIER_TTL_PRODUCT=0\n").changed(), "ATELIER_GRACE 0 → 60s");
    assert_eq!(status(&get()), (200, HIT));
    wait_until("it is fetched again", PATIENCE, || (fetches(&postgres) > asked + 1).then_some(()));

    // Back to the beginning, what is held is what it was.
    assert_eq!(subject.reload("").changed(), "ATELIER_TTL_PRODUCT 0 → 300s");
    assert_eq!(status(&get()), (200, HIT));
    assert_eq!(
        subject.entry("product/7")["ord"].as_str().unwrap().split('.').next(),
        held.as_str().unwrap().split('.').next()
    );
}

#[test]
fn how_old_an_answer_may_be_in_an_outage_changes_during_one() {
    let mut postgres = Postgres::start();
    let database = shop(&postgres);
    let subject = Subject::start("", &[], &[("DATABASE_URL", &database)]);
    assert_eq!(subject.node.get("/products/7").status, 200);
    postgres.stop();
    let labelled = || {
        let response = subject.node.get("/products/7");
        let is = response.header("cache-status").is_some_and(|status| status.ends_with("detail=stale-origin"));
        (response.status, is)
    };
    wait_until("nothing can be proved", PATIENCE, || (labelled() == (200, true)).then_some(()));
    subject.reload("ATELIER_STALE_LIMIT=0\n");
    assert_eq!(labelled(), (503, false));
    subject.reload("ATELIER_STALE_LIMIT=1h\n");
    assert_eq!(labelled(), (200, true));
}

#[test]
fn limits_are_obeyed_by_what_comes_next_and_by_who_waits() {
    let subject = Subject::start("ATELIER_MAX_CONNS=1\nATELIER_TARGET_MAX=64B\n", &[], &[]);
    let long = format!("/products/1?x={}", "x".repeat(80));
    let mut first = subject.node.client();
    assert_eq!(first.get(&long, &[]).status, 414);
    let mut first = subject.node.client();
    assert_eq!(first.get("/products/1", &[]).status, 200);
    let mut second = subject.node.client();
    second.send(b"GET /products/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    let waits = || (subject.node.connections() == (2, 1)).then_some(());
    wait_until("the second has sent its request", PATIENCE, waits);
    assert_eq!(first.get("/products/1", &[]).status, 200);
    assert!(waits().is_some(), "the second is served beyond the limit");

    let said = subject.reload("ATELIER_MAX_CONNS=3\n");
    assert_eq!(said.changed(), "ATELIER_MAX_CONNS 1 → 3; ATELIER_TARGET_MAX 64B → 2048B");
    assert_eq!(second.read(false).status, 200, "whoever waited is let in");
    assert_eq!(
        first.get(&long, &[]).status,
        200,
        "the connection goes on, and its next request is under the new limit"
    );

    // Fewer: those who are there stay, and the next waits until there is room.
    subject.reload("ATELIER_MAX_CONNS=1\n");
    let mut third = subject.node.client();
    third.send(b"GET /products/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("the third has sent its request", PATIENCE, || (subject.node.connections() == (3, 1)).then_some(()));
    assert_eq!((first.get("/products/1", &[]).status, second.get("/products/1", &[]).status), (200, 200));
    drop(first);
    wait_until("the first is gone", PATIENCE, || (subject.node.connections().0 == 2).then_some(()));
    assert_eq!(second.get("/products/1", &[]).status, 200);
    assert_eq!(subject.node.connections(), (2, 1), "the third is served beyond the limit");
    drop(second);
    assert_eq!(third.read(false).status, 200);
}

#[test]
fn permits_for_fetches_come_and_go() {
    let postgres = Postgres::start();
    let database = shop(&postgres);
    let patient = [
        ("DATABASE_URL", &*database),
        // One is for long lists, and the others take one statement each.
        ("ATELIER_DB_READERS", "4"),
        ("ATELIER_STATEMENT", "60s"),
        ("ATELIER_PERMIT_WAIT", "60s"),
        ("ATELIER_BUDGET", "130s"),
        ("ATELIER_BOUND", "140s"),
    ];
    let subject = Subject::start("ATELIER_MISS_PERMITS=1\n", &[], &patient);
    let blocked = || {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'atelier-edge' AND wait_event_type = 'Lock'";
        postgres.psql("shop", count)
    };
    let wait_for = |count: &str| {
        wait_until("so many fetches wait for the lock", PATIENCE, || (blocked() == count).then_some(()));
    };
    wait_until("all connections are up", PATIENCE, || {
        (subject.node.log().matches("\"connected to the database\"").count() == 4).then_some(())
    });
    let mut lock = postgres.session("shop");
    lock.run("BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE");
    let mut clients: Vec<_> = (0..3).map(|_| subject.node.client()).collect();
    for (id, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /products/{} HTTP/1.1\r\nHost: a\r\n\r\n", id + 1).as_bytes());
    }
    wait_until("every request is read", PATIENCE, || (subject.node.connections() == (3, 0)).then_some(()));
    wait_for("1");
    subject.reload("ATELIER_MISS_PERMITS=3\n");
    wait_for("3");
    lock.run("COMMIT");
    for client in &mut clients {
        assert_eq!(client.read(false).status, 200);
    }

    // Taken away again.
    subject.reload("ATELIER_MISS_PERMITS=1\n");
    lock.run("BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE");
    for (id, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /products/{} HTTP/1.1\r\nHost: a\r\n\r\n", id + 11).as_bytes());
    }
    wait_until("every request is read", PATIENCE, || (subject.node.connections() == (3, 0)).then_some(()));
    wait_for("1");
    // Hits need no permit, and come behind the requests that wait: looking on for as long as some of them take.
    for _ in 0..10 {
        assert_eq!(subject.node.get("/products/1").status, 200);
        assert_eq!(blocked(), "1");
    }
    lock.run("COMMIT");
    for client in &mut clients {
        assert_eq!(client.read(false).status, 200);
    }
}

#[test]
fn the_log_says_more_and_less() {
    let subject = Subject::start("", &[], &[]);
    let said_of = |id: u32| subject.node.log().contains(&format!("fetched `product/{id}` from the origin"));
    let fetch = |id: u32| assert_eq!(subject.node.get(&format!("/products/{id}")).status, 200);
    // A line is written by a thread of its own, a little later.
    let is_said = |id: u32| {
        fetch(id);
        wait_until("the fetch is said", Duration::from_secs(10), || said_of(id).then_some(()));
    };
    fetch(1);
    assert_eq!(
        subject.reload("ATELIER_LOG=info,atelier_edge::cache=debug\n").changed().split(' ').nth(1),
        Some("info")
    );
    is_said(2);
    // Less: that is still said, and so is a warning, although neither would be from now on.
    let said = subject.reload("ATELIER_LOG=error\nATELIER_L1_BYTES=1MiB\n");
    assert_eq!((said.at("INFO").len(), said.at("WARN").len()), (1, 1), "{said:#?}");
    fetch(3);
    // More: said under the new one.
    let said = subject.reload("ATELIER_LOG=debug\n");
    assert!(said.changed().starts_with("ATELIER_LOG error → debug"), "{said:#?}");
    is_said(4);
    let said = subject.reload("ATELIER_LOG=atelier_edge=loud\n");
    assert!(said.problems()[0].starts_with("ATELIER_LOG: \"atelier_edge=loud\" is not a filter"), "{said:#?}");
    is_said(5);
    assert!(!said_of(1) && !said_of(3), "those before were said earlier");
}

#[test]
fn everything_that_is_wrong_is_listed_and_nothing_is_changed() {
    let subject = Subject::start("ATELIER_TTL_META=7s\n", &[], &[]);
    let mut client = subject.node.client();
    assert_eq!(client.get("/products/1", &[]).status, 200);
    let before = subject.entry("product/1");
    let empty = subject.scratch.write("empty", "\n").display().to_string();
    let wrong = format!(
        "ATELIER_TTL_PRODUCT=1h\nATELIER_CACHE_STATUS=off\nATELIER_TTL_META=soon\nATELIER_GRACE=-1s\nhunter2\nexport A=hunter2\n\
         ATELIER_TTL_PRODUCTS=1s\nATELIER_L1_BYTES=64MB\nATELIER_DRAIN_IDLE=1h\nDATABASE_URL=mysql://u:hunter2@h/d\n\
         ATELIER_ADMIN_TOKEN_FILE={empty}\nATELIER_API_TOKEN_FILE=/nowhere/token\n"
    );
    let said = subject.reload(&wrong);
    let mut problems = said.problems();
    problems.sort_unstable();
    let file = format!("ATELIER_ENV_FILE: {:?}", subject.path("edge.env"));
    let begins = [
        "ATELIER_ADMIN_TOKEN_FILE: ",
        "ATELIER_API_TOKEN_FILE: ",
        "ATELIER_DRAIN_IDLE: is not shorter",
        &*format!("{file}, line 5 "),
        &*format!("{file}, line 6 "),
        "ATELIER_GRACE: \"-1s\" ",
        "ATELIER_L1_BYTES: \"64MB\" ",
        "ATELIER_TTL_META: \"soon\" ",
        "ATELIER_TTL_PRODUCTS: there is no such setting",
        "DATABASE_URL: ",
    ];
    assert_eq!(problems.len(), begins.len(), "{problems:#?}");
    for (problem, begin) in problems.iter().zip(begins) {
        assert!(problem.starts_with(begin), "{problem}: {begin}");
    }
    assert!(!subject.node.log().contains("hunter2"), "{}", subject.node.log());

    // Neither what was right in it, nor the tokens, nor the connection.
    let response = client.get("/products/1", &[]);
    assert_eq!(status(&response), (200, HIT));
    let after = subject.entry("product/1");
    let whole = |entry: &Value| number(&entry["ttl_left_ms"]) + number(&entry["age_ms"]);
    assert_eq!(after["ord"], before["ord"]);
    assert!(whole(&after).abs_diff(whole(&before)) <= 1, "{before} {after}");
    // The next change is one from what was in force all the time.
    assert_eq!(subject.reload("ATELIER_TTL_META=8s\n").changed(), "ATELIER_TTL_META 7s → 8s");
}

#[test]
fn a_file_that_is_gone_or_unreadable_changes_nothing_and_is_read_when_it_is_back() {
    let subject = Subject::start("ATELIER_CACHE_STATUS=off\n", &[], &[]);
    let silent = || subject.node.get("/products/1").header("cache-status").is_none();
    let path = subject.path("edge.env");
    let problem = |why: &str| {
        let said = subject.read_again();
        let problems = said.problems();
        assert_eq!(problems.len(), 1, "{said:#?}");
        assert!(problems[0].starts_with(&format!("ATELIER_ENV_FILE: {path:?}")), "{said:#?}");
        assert!(problems[0].contains(why), "{said:#?}");
        assert!(silent());
    };
    assert!(silent());
    std::fs::remove_file(&path).unwrap();
    problem("cannot be read: No such file");
    // Whoever runs the tests may be root, who may read everything: a folder nobody can read.
    std::fs::create_dir(&path).unwrap();
    problem("cannot be read: Is a directory");
    std::fs::remove_dir(&path).unwrap();
    subject.scratch.write("edge.env", b"ATELIER_CACHE_STATUS=\xff\n");
    problem("line 1 is not UTF-8");
    subject.scratch.write("edge.env", vec![b'#'; (1 << 20) + 1]);
    problem("is larger than 1 MiB");
    assert_eq!(subject.reload("").changed(), "ATELIER_CACHE_STATUS off → on");
    assert!(!silent());
}

#[test]
fn what_needs_a_restart_is_named_in_one_warning_and_the_rest_is_done() {
    let subject = Subject::start("ATELIER_L1_BYTES=64MiB\n", &[], &[]);
    let file = "ATELIER_L1_BYTES=1MiB\nATELIER_WORKERS=3\nDATABASE_URL=postgres://u:hunter2@127.0.0.1/d\nATELIER_CACHE_STATUS=off\n\
                ATELIER_BOUND=3s\n";
    for changed in ["ATELIER_CACHE_STATUS on → off", "nothing"] {
        let said = subject.reload(file);
        let kept = "these settings stay as they are, because changing them needs a restart: \
                    ATELIER_WORKERS, DATABASE_URL, ATELIER_L1_BYTES, ATELIER_BOUND";
        assert_eq!(said.at("WARN"), [kept]);
        assert_eq!(said.at("INFO"), [format!("the settings were read again; changed: {changed}")]);
        assert_eq!(said.lines.len(), 2, "{said:#?}");
        assert_eq!(subject.node.get("/products/1").header("cache-status"), None);
    }
    assert!(!subject.node.log().contains("hunter2"));
    // As it was: nothing waits for a restart any more.
    assert_eq!(subject.reload("ATELIER_L1_BYTES=64MiB\n").changed(), "ATELIER_CACHE_STATUS off → on");
}

#[test]
fn a_flag_stands_before_the_file_and_the_file_before_the_environment() {
    let environment = [
        ("ATELIER_TTL_LIST", "11s"),
        // As systemd does it: what the file said when the process began is in its environment for good.
        ("ATELIER_TTL_STYLES", "12s"),
    ];
    let file = "ATELIER_TTL_LIST=21s\nATELIER_TTL_STYLES=12s\nATELIER_TTL_META=23s\nATELIER_TTL_PRODUCT=24s\n";
    let subject = Subject::start(file, &["--ttl-product=34s"], &environment);
    assert_eq!(subject.reload(file).changed(), "nothing");
    // A line that is gone falls back to the environment or the default, not to what the file said before.
    let said = subject.reload("ATELIER_TTL_PRODUCT=25s\n");
    assert_eq!(
        said.changed(),
        "ATELIER_TTL_LIST 21s → 11s; ATELIER_TTL_STYLES 12s → 300s; ATELIER_TTL_META 23s → 300s"
    );
    // One that comes later counts as well.
    assert_eq!(
        subject.reload("ATELIER_TTL_LIST=5s\nATELIER_TTL_RELATED=6s").changed(),
        "ATELIER_TTL_LIST 11s → 5s; ATELIER_TTL_RELATED 300s → 6s"
    );
    assert_eq!(subject.reload("").changed(), "ATELIER_TTL_LIST 5s → 11s; ATELIER_TTL_RELATED 6s → 300s");
}

#[test]
fn tokens_are_read_again_and_never_shown() {
    let subject = Subject::start("", &[], &[]);
    let entry = |token: &str| {
        let bearer = format!("Authorization: Bearer {token}");
        Client::connect(subject.node.admin).get("/entry?key=product/1", &[&bearer]).status
    };
    let api = |token: &str| subject.node.client().get("/products/1", &[&format!("Authorization: {token}")]).status;
    assert_eq!((api("any"), entry(TOKEN), entry("open-barley")), (200, 200, 401));
    subject.scratch.write("operators", "open-barley\n");
    let readers = subject.scratch.write("readers", "letmein").display().to_string();
    let said = subject.reload(&format!("ATELIER_API_TOKEN_FILE={readers}\n"));
    assert_eq!(
        said.changed(),
        format!("ATELIER_API_TOKEN_FILE – → {readers}; ATELIER_ADMIN_TOKEN_FILE holds another token")
    );
    assert_eq!((api("any"), api("letmein"), entry(TOKEN), entry("open-barley")), (401, 200, 401, 200));
    // A token that is being written is no token, and no reason to let everybody in.
    subject.scratch.write("readers", "");
    assert!(subject.read_again().problems()[0].ends_with("holds no token"));
    assert_eq!((api("any"), api("letmein")), (401, 200));
    for secret in [TOKEN, "open-barley", "letmein"] {
        assert!(!subject.node.log().contains(secret));
    }
}

#[test]
fn requests_go_on_while_settings_are_read_again_and_again() {
    let mut subject = Subject::start("", &[], &[]);
    /// However the test ends, so does the reading.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut client = subject.node.client();
            let mut answered = 0_u64;
            while !done.load(Ordering::Relaxed) {
                let response = client.get(&format!("/products/{}", answered % 12 + 1), &[]);
                assert_eq!(response.status, 200);
                assert_ne!(response.header("connection"), Some("close"));
                answered += 1;
            }
            answered
        });
        let end = Done(&done);
        for round in 0..20 {
            let said =
                subject.reload(&format!("ATELIER_TTL_PRODUCT={}s\nATELIER_MAX_CONNS={}\n", 400 + round, 2 + round));
            assert!(said.changed().starts_with("ATELIER_TTL_PRODUCT "), "{said:#?}");
        }
        drop(end);
        assert!(reading.join().unwrap() > 100);
    });
    // Signals that come faster than files can be read are as good as one.
    subject.scratch.write("edge.env", "");
    for _ in 0..50 {
        subject.node.process().signal("HUP");
    }
    wait_until("the last file is in force", PATIENCE, || {
        subject.node.log().contains("ATELIER_TTL_PRODUCT 419s → 300s").then_some(())
    });
    assert_eq!(subject.node.get("/products/1").status, 200);
}

#[test]
fn a_hangup_ends_no_process_that_has_no_file() {
    let node = Node::start(SERVER, &[]);
    assert_eq!(Said::read(&node.reload()).changed(), "nothing");
    assert_eq!(node.get("/products/1").status, 200);
}

#[test]
fn the_file_of_the_page_does_what_it_says() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = page.split_once("\n## Live settings\n").unwrap().1.split_once("\n## ").unwrap().0;
    let block =
        |language: &str| section.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0;
    let subject = Subject::start("", &[], &[]);
    let logged = block("sh").lines().find_map(|line| line.strip_prefix("# logged: ")).unwrap();
    assert_eq!(subject.reload(block("ini")).at("INFO"), [logged]);
}
