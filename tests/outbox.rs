//! The statements by which nodes read and prune the outbox (`poll.sql`, `resync.sql`, `prune.sql`), against a real PostgreSQL:
//! the delta is exact in whatever order transactions commit, and what is pruned is known to be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]
#![allow(clippy::wildcard_enum_match_arm)]

#[path = "outbox/polls.rs"]
mod polls;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use atelier_rig::{Postgres, wait_until};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use self::polls::{Node, Polled, connect, parts, prune, stamp};

async fn ask(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned()).collect::<Vec<_>>().join("|"))
        }
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

fn schema() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql")
}

fn shop(postgres: &Postgres) -> String {
    let address = postgres.create("shop");
    postgres.psql_file("shop", &schema());
    address
}

fn note(tag: &str) -> String {
    format!("INSERT INTO edge.outbox (tag) VALUES ('{tag}')")
}

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn both_statements_have_the_same_columns() {
    let postgres = Postgres::start();
    let node = Node::begin(&shop(&postgres)).await;
    let columns = [
        ("system", Type::INT8),
        ("timeline", Type::TEXT),
        ("started", Type::INT8),
        ("gen", Type::INT8),
        ("incarnation", Type::UUID),
        ("snapshot", Type::TEXT),
        ("horizon", Type::TEXT),
        ("future", Type::BOOL),
        ("strictest", Type::INT2),
        ("tags", Type::TEXT_ARRAY),
        ("kinds", Type::INT2_ARRAY),
    ];
    let of = |statement: &Statement| -> Vec<_> {
        statement.columns().iter().map(|column| (column.name().to_owned(), column.type_().clone())).collect()
    };
    let columns: Vec<_> = columns.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
    assert_eq!(of(&node.poll), columns);
    let more = [("latest".to_owned(), Type::INT8_ARRAY), ("marks".to_owned(), Type::TEXT_ARRAY)];
    assert_eq!(of(&node.resync), [columns, more.to_vec()].concat());
    let polled = node.since(&node.position, 10).await;
    assert_eq!((polled.timeline.as_str(), polled.generation, polled.incarnation), ("00000001", 0, None));
    assert_eq!((polled.horizon.as_deref(), polled.future, polled.strictest), (None, false, None));
    assert_eq!(polled.names(), NOTHING);
    let expected = "SELECT system_identifier, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint FROM pg_control_system()";
    assert_eq!(ask(&node.client, expected).await, [format!("{}|{}", polled.system, polled.started)]);
}

/// Ways to read the outbox that look right, each with what it makes of the schedule below.
const WRONG: [(&str, &str); 3] = [
    ("id > $1::bigint", "lost"),
    ("xid >= pg_snapshot_xmax($1::text::pg_snapshot)", "lost"),
    ("xid >= pg_snapshot_xmin($1::text::pg_snapshot)", "repeated"),
];

/// A reader by one of these ways.
struct Wrong {
    condition: &'static str,
    cursor: String,
    seen: Vec<String>,
}

impl Wrong {
    async fn poll(&mut self, client: &Client) {
        let (kind, cursor) = if self.condition.starts_with("id") {
            ("bigint", "coalesce(max(id), 0)::text FROM edge.outbox")
        } else {
            ("text", "pg_current_snapshot()::text")
        };
        let cursor = ask(client, &format!("SELECT {cursor}")).await.remove(0);
        if !self.cursor.is_empty() {
            let condition = self.condition.replace("$1", &format!("'{}'::{kind}", self.cursor));
            self.seen.extend(ask(client, &format!("SELECT tag FROM edge.outbox WHERE {condition}")).await);
        }
        self.cursor = cursor;
    }
}

#[tokio::test]
async fn a_poll_says_exactly_what_became_visible_in_whatever_order() {
    let postgres = Postgres::start_with(&["max_prepared_transactions=5"]);
    let address = shop(&postgres);
    let mut node = Node::begin(&address).await;
    let first = node.position.clone();
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(connect(&address).await);
    }
    let [early, late, quick, other] = &sessions[..] else { unreachable!() };
    let mut wrong = WRONG.map(|(condition, _)| Wrong { condition, cursor: String::new(), seen: Vec::new() });
    let mut seen: Vec<String> = Vec::new();
    macro_rules! poll {
        ($expected:expr) => {
            for wrong in &mut wrong {
                wrong.poll(other).await;
            }
            let polled = node.poll().await;
            assert_eq!(polled.names(), $expected);
            seen.extend(polled.names().into_iter().map(str::to_owned));
        };
    }
    poll!(NOTHING);

    // The first to begin is the last to commit.
    early.batch_execute(&format!("BEGIN; {}", note("early"))).await.unwrap();
    late.batch_execute(&format!("BEGIN; {}", note("late"))).await.unwrap();
    quick.batch_execute(&note("quick")).await.unwrap();
    poll!(["quick"]);
    poll!(NOTHING);
    late.batch_execute("COMMIT").await.unwrap();
    poll!(["late"]);
    quick.batch_execute(&note("quick again")).await.unwrap();
    // Inside savepoints it is the same transaction, and what is undone was never there.
    let inner = [
        "SAVEPOINT one",
        &note("inner"),
        "SAVEPOINT two",
        &note("innermost"),
        "RELEASE SAVEPOINT two",
        "SAVEPOINT three",
        &note("undone"),
        "ROLLBACK TO SAVEPOINT three",
    ];
    early.batch_execute(&inner.join("; ")).await.unwrap();
    poll!(["quick again"]);
    early.batch_execute("COMMIT").await.unwrap();
    poll!(["early", "inner", "innermost"]);

    // A transaction that is undone, one that wrote nothing, one that was begun long before it wrote.
    late.batch_execute(&format!("BEGIN; {}; ROLLBACK; BEGIN; SELECT pg_current_xact_id(); COMMIT", note("never")))
        .await
        .unwrap();
    early.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    poll!(NOTHING);
    quick.batch_execute(&note("between")).await.unwrap();
    poll!(["between"]);
    early.batch_execute(&format!("{}; COMMIT", note("after all"))).await.unwrap();
    poll!(["after all"]);

    // Prepared, the transaction goes on without its session.
    late.batch_execute(&format!("BEGIN; {}; PREPARE TRANSACTION 'p'", note("prepared"))).await.unwrap();
    quick.batch_execute(&note("meanwhile")).await.unwrap();
    poll!(["meanwhile"]);
    quick.batch_execute("COMMIT PREPARED 'p'").await.unwrap();
    poll!(["prepared"]);
    poll!(NOTHING);

    // All of it, at any later time, from the first position.
    let all: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(seen.len(), all.len(), "nothing twice");
    assert_eq!(node.since(&first, 100).await.names(), all.iter().copied().collect::<Vec<_>>());
    assert_eq!(node.resync(100).await.names(), all.iter().copied().collect::<Vec<_>>());

    // The schedule finds each of the ways that look right.
    for (wrong, (condition, how)) in wrong.iter().zip(WRONG) {
        let seen: BTreeSet<&str> = wrong.seen.iter().map(String::as_str).collect();
        let found = if seen != all { "lost" } else { "repeated" };
        assert!(seen != all || wrong.seen.len() > all.len(), "{condition}: {:?}", wrong.seen);
        assert_eq!(found, how, "{condition}: {:?}", wrong.seen);
    }
}

#[tokio::test]
async fn a_tag_stands_once_with_its_strictest_kind_and_too_many_are_said_to_be() {
    let postgres = Postgres::start();
    let address = shop(&postgres);
    let mut node = Node::begin(&address).await;
    let begin = node.position.clone();
    let writer = connect(&address).await;
    writer
        .batch_execute(
            "INSERT INTO edge.outbox (tag, kind) VALUES ('a', 0), ('b', 1), ('a', 1), ('a', 0), ('c', 0), ('b', 1), ('z', 2), ('z', 0)",
        )
        .await
        .unwrap();
    let expected = [("a", 1), ("b", 1), ("c", 0), ("z", 2)].map(|(tag, kind)| (tag.to_owned(), kind));
    for most in [4, 5, 10_000] {
        for polled in [node.since(&begin, most).await, node.resync(most).await] {
            assert_eq!((polled.tags.as_deref(), polled.strictest), (Some(&expected[..]), Some(2)));
        }
    }
    // However few are asked for, the strictest kind is that of all.
    for most in [0, 1, 3] {
        for polled in [node.since(&begin, most).await, node.resync(most).await] {
            assert_eq!((polled.tags, polled.strictest), (None, Some(2)));
        }
    }
    node.poll().await;
    let nothing = node.since(&node.position, 0).await;
    assert_eq!((nothing.tags, nothing.strictest), (Some(Vec::new()), None));
}

const PRODUCTS: u32 = 6_000;

/// Votes for reviews of products that nobody else votes for. Returns the products of the transactions that were committed.
async fn vote(client: Client, next: Arc<AtomicU32>, mut random: u32) -> Vec<u32> {
    let mut committed = Vec::new();
    let mut any = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    loop {
        let reviews = 1 + any(3);
        let first = next.fetch_add(reviews, Ordering::Relaxed) + 1;
        if first + reviews > PRODUCTS {
            return committed;
        }
        client.batch_execute("BEGIN").await.unwrap();
        let mut voted = Vec::new();
        for product in first..first + reviews {
            let vote = format!("UPDATE reviews SET helpfulness = helpfulness + 1 WHERE product_id = {product}");
            match any(4) {
                0 => {
                    client.batch_execute(&format!("SAVEPOINT one; {vote}; ROLLBACK TO SAVEPOINT one")).await.unwrap();
                    continue;
                }
                1 => client.batch_execute(&format!("SAVEPOINT one; {vote}; RELEASE SAVEPOINT one")).await.unwrap(),
                _ => client.batch_execute(&vote).await.unwrap(),
            }
            voted.push(product);
        }
        // Some stay open, so that others which began later commit before.
        if any(8) == 0 {
            tokio::time::sleep(Duration::from_millis(any(60).into())).await;
        }
        if any(10) == 0 {
            client.batch_execute("ROLLBACK").await.unwrap();
        } else {
            client.batch_execute("COMMIT").await.unwrap();
            committed.extend(voted);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_many_writers_nothing_is_lost_and_nothing_is_repeated() {
    let postgres = Postgres::start();
    let address = shop(&postgres);
    let client = connect(&address).await;
    let rows = format!(
        "INSERT INTO products (id, name, slogan, description, category, default_price)
         SELECT n, '', '', '', '', 1 FROM generate_series(1, {PRODUCTS}) AS n;
         INSERT INTO reviews (product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
         SELECT n, 1, 1, true, '', '', '', '' FROM generate_series(1, {PRODUCTS}) AS n; ANALYZE"
    );
    client.batch_execute(&rows).await.unwrap();
    let mut node = Node::begin(&address).await;
    let next = Arc::new(AtomicU32::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..8 {
        writers.push(tokio::spawn(vote(connect(&address).await, Arc::clone(&next), writer)));
    }
    let polling = tokio::spawn({
        let done = Arc::clone(&done);
        async move {
            let mut times: BTreeMap<String, u32> = BTreeMap::new();
            let (mut polls, mut last) = (0, stamp(&node.position));
            loop {
                let was_done = done.load(Ordering::Acquire);
                let polled = node.poll().await;
                polls += 1;
                let now = stamp(&polled.snapshot);
                assert!(now >= last, "a later snapshot never sees less");
                last = now;
                for tag in polled.names() {
                    *times.entry(tag.to_owned()).or_default() += 1;
                }
                if was_done {
                    return (times, polls);
                }
            }
        }
    });
    let mut committed = Vec::new();
    for writer in writers {
        committed.extend(writer.await.unwrap());
    }
    done.store(true, Ordering::Release);
    let (times, polls) = polling.await.unwrap();
    let transactions =
        ask(&client, "SELECT count(DISTINCT xid) FROM edge.outbox WHERE tag LIKE 'reviews:%'").await.remove(0);
    println!("{transactions} transactions with {} votes, {polls} polls", committed.len());
    let expected: BTreeMap<String, u32> = committed.iter().map(|product| (format!("reviews:{product}"), 1)).collect();
    assert_eq!(times, expected);
    assert!(committed.len() > 2_000, "{}", committed.len());
}

#[tokio::test]
async fn what_is_pruned_lies_below_the_horizon() {
    let postgres = Postgres::start();
    let address = shop(&postgres);
    let mut node = Node::begin(&address).await;
    let writer = connect(&address).await;
    let begin = node.position.clone();
    let kept = |client| ask(client, "SELECT tag FROM edge.outbox ORDER BY id");

    // Without a mark nothing was pruned, and the first run has none to go by.
    writer.batch_execute(&note("one")).await.unwrap();
    assert_eq!(prune(&writer, "0 s", 100).await, (true, true, 0));
    let one = node.poll().await;
    assert_eq!(one.names(), ["one"]);
    assert_eq!(kept(&writer).await, ["one"]);
    // The next finds it, and makes no other so soon.
    writer.batch_execute(&note("two")).await.unwrap();
    assert_eq!(prune(&writer, "0 s", 100).await, (true, false, 1));
    assert_eq!(kept(&writer).await, ["two"]);
    let two = node.poll().await;
    let horizon = parts(two.horizon.as_deref().unwrap()).0;
    // A node that has seen "one" may go on; one that has not is told by the horizon.
    assert!(horizon <= parts(&one.snapshot).0, "{two:?}");
    assert!(horizon > parts(&begin).0, "{two:?}");
    assert_eq!(node.since(&begin, 100).await.horizon, two.horizon);
    assert_eq!(node.resync(100).await.horizon, two.horizon);

    // The retention counts: the mark is too young for an hour.
    writer.batch_execute(&note("three")).await.unwrap();
    assert_eq!(prune(&writer, "1 hour", 100).await, (true, false, 0));

    // As if time went by. A transaction that is open holds the horizon at its own id, however much comes later.
    let age = "UPDATE edge.mark SET at = at - interval '2 hours'";
    let open = connect(&address).await;
    open.batch_execute(&format!("BEGIN; {}", note("open"))).await.unwrap();
    let xid: u64 = ask(&open, "SELECT pg_current_xact_id()").await.remove(0).parse().unwrap();
    writer.batch_execute(&format!("{}; {age}", note("four"))).await.unwrap();
    assert_eq!(prune(&writer, "1 hour", 100).await, (true, true, 0), "the old mark has nothing more to say");
    writer.batch_execute(age).await.unwrap();
    assert_eq!(prune(&writer, "1 hour", 100).await, (true, true, 2), "two and three");
    let held = node.poll().await;
    assert_eq!(parts(held.horizon.as_deref().unwrap()).0, xid);
    assert_eq!(kept(&writer).await, ["four"]);
    open.batch_execute("COMMIT").await.unwrap();
    assert_eq!(node.poll().await.names(), ["open"]);
    writer.batch_execute(age).await.unwrap();
    assert_eq!(prune(&writer, "1 hour", 100).await, (true, true, 0), "the mark is from before that commit");
    writer.batch_execute(age).await.unwrap();
    assert_eq!(prune(&writer, "1 hour", 100).await, (true, true, 2));
    assert_eq!(kept(&writer).await, NOTHING);
    assert_eq!(ask(&writer, "SELECT count(*) <= 2 FROM edge.mark").await, ["t"]);
    let last = node.poll().await;
    assert!(parts(last.horizon.as_deref().unwrap()).0 <= parts(&last.snapshot).0);
    // Whoever sees what the mark sees has seen all that was pruned.
    assert!(stamp(last.horizon.as_deref().unwrap()) <= stamp(&last.snapshot));
}

#[tokio::test]
async fn so_many_rows_are_pruned_at_once_and_by_one_node() {
    let postgres = Postgres::start();
    let address = shop(&postgres);
    let (one, two) = (connect(&address).await, connect(&address).await);
    for number in 0..5 {
        one.batch_execute(&note(&format!("{number}"))).await.unwrap();
    }
    assert_eq!(prune(&one, "0 s", 2).await, (true, true, 0));
    assert_eq!(prune(&one, "0 s", 2).await, (true, false, 2));
    let node = Node::begin(&address).await;
    let horizon = node.resync(10).await.horizon.unwrap();
    assert_eq!(node.resync(10).await.names(), ["2", "3", "4"], "the oldest go first");
    assert!(parts(&horizon).0 <= parts(&node.position).0, "and all that may still go lie below the horizon already");

    // While one is at it, another does nothing and does not wait.
    one.batch_execute("BEGIN").await.unwrap();
    assert_eq!(prune(&one, "0 s", 2).await, (true, false, 2));
    assert_eq!(prune(&two, "0 s", 2).await, (false, false, 0));
    one.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(prune(&two, "0 s", 100).await, (true, false, 3));
    // An import is not held up by it.
    assert_eq!(ask(&one, "BEGIN; SELECT pg_try_advisory_lock(27431051700299122); ROLLBACK").await, ["t"]);
}

#[tokio::test]
async fn a_clock_that_jumps_moves_no_horizon_back() {
    let postgres = Postgres::start();
    let address = shop(&postgres);
    let mut node = Node::begin(&address).await;
    let writer = connect(&address).await;
    let mark = async |at: &str| {
        writer.batch_execute(&note("x")).await.unwrap();
        writer.batch_execute(&format!("INSERT INTO edge.mark (at) VALUES (now() - interval '{at}')")).await.unwrap();
    };
    // The second mark is later, and believes that it is earlier.
    mark("5 hours").await;
    mark("9 hours").await;
    mark("3 hours").await;
    mark("1 hour").await;
    let horizon = |polled: &Polled| parts(polled.horizon.as_deref().unwrap()).0;
    let mut before = horizon(&node.poll().await);
    for (retention, left) in [("7 hours", 2), ("4 hours", 2), ("2 hours", 1), ("0 s", 0)] {
        prune(&writer, retention, 100).await;
        let kept = ask(&writer, "SELECT count(*) FROM edge.outbox").await.remove(0);
        assert_eq!(kept, left.to_string(), "{retention}");
        let now = horizon(&node.poll().await);
        assert!(now >= before, "{retention}: {now} after {before}");
        // Every row that is gone lies below the horizon, and so every row at or above it is there.
        let below = format!("SELECT count(*) FROM edge.outbox WHERE xid < '{now}'::xid8");
        assert_eq!(ask(&writer, &below).await, ["0"], "{retention}");
        before = now;
    }
}

#[tokio::test]
async fn notes_of_another_cluster_are_recognised_and_can_be_cut_off() {
    let postgres = Postgres::start();
    let address = shop(&postgres);
    let mut node = Node::begin(&address).await;
    let writer = connect(&address).await;
    // Own notes are not, however many transactions run.
    let open = connect(&address).await;
    open.batch_execute(&format!("BEGIN; {}", note("open"))).await.unwrap();
    writer.batch_execute(&note("own")).await.unwrap();
    prune(&writer, "1 hour", 10).await;
    assert!(!node.poll().await.future);
    open.batch_execute("COMMIT").await.unwrap();
    assert!(!node.poll().await.future);

    for foreign in [
        "INSERT INTO edge.outbox (tag, xid) VALUES ('x', (pg_current_xact_id()::text::bigint + 100000)::text::xid8)",
        "INSERT INTO edge.mark (at, snap) SELECT now() - interval '1 day', format('%s:%s:', x, x)::pg_snapshot
         FROM (SELECT pg_current_xact_id()::text::bigint + 100000) AS t (x)",
    ] {
        writer.batch_execute(foreign).await.unwrap();
        let polled = node.poll().await;
        assert!(polled.future && node.resync(10).await.future, "{foreign}");
        writer.batch_execute("TRUNCATE edge.outbox, edge.mark").await.unwrap();
        let cut = node.poll().await;
        assert!(!cut.future && cut.horizon.is_none());
        // What was cut off may have been unread: everything that is stored is of another epoch now.
        assert!(cut.generation > polled.generation, "{cut:?}");
    }
}

fn program(name: &str) -> Command {
    let there = format!("/usr/lib/postgresql/15/bin/{name}");
    Command::new(if Path::new(&there).exists() { there } else { name.to_owned() })
}

#[tokio::test]
async fn a_dump_without_the_notes_can_be_restored_elsewhere_and_one_with_them_is_recognised() {
    let (from, to) = (Postgres::start(), Postgres::start());
    let address = shop(&from);
    let writer = connect(&address).await;
    writer.batch_execute("UPDATE edge.epoch SET gen = 4; INSERT INTO edge.incarnation DEFAULT VALUES").await.unwrap();
    let burn = "DO $$ BEGIN FOR n IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$";
    writer.batch_execute(burn).await.unwrap();
    writer.batch_execute(&note("x")).await.unwrap();
    prune(&writer, "1 hour", 10).await;
    for (database, without, future) in
        [("whole", "edge.nothing", true), ("bare", "edge.(outbox|mark|incarnation)", false)]
    {
        let restored = to.create(database);
        let dump = program("pg_dump").args(["--exclude-table-data", without, "-d", &address]).output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        let file = to.data().join("../dump.sql");
        std::fs::write(&file, &dump.stdout).unwrap();
        to.psql_file(database, &file);
        let polled = Node::begin(&restored).await.resync(10).await;
        assert_eq!((polled.future, polled.generation), (future, 4), "{database}");
        assert_eq!(polled.horizon.is_some(), future, "{database}");
        assert_eq!(to.psql(database, "SELECT version FROM edge.schema_version"), "3");
        let client = connect(&restored).await;
        let vote = "INSERT INTO products (id, name, slogan, description, category, default_price) VALUES (1, '', '', '', '', 1)";
        client.batch_execute(vote).await.unwrap();
        assert_eq!(
            ask(&client, "SELECT tag FROM edge.outbox WHERE tag <> 'x' ORDER BY id").await,
            ["product:1", "list:*"]
        );
        // The one that was added, and none of those that came with the dump twice.
        let counted =
            "SELECT (SELECT sum(n) FROM edge.product_counts WHERE level = 1) = (SELECT count(*) FROM products)";
        assert_eq!(ask(&client, counted).await, ["t"]);
    }
}

#[tokio::test]
async fn a_crash_ends_the_incarnation_and_a_note_outlives_it() {
    let postgres = Postgres::start();
    let address = shop(&postgres);
    let node = Node::begin(&address).await;
    let writer = connect(&address).await;
    writer.batch_execute("INSERT INTO edge.incarnation DEFAULT VALUES ON CONFLICT DO NOTHING").await.unwrap();
    let first = node.resync(10).await;
    writer.batch_execute("INSERT INTO edge.incarnation DEFAULT VALUES ON CONFLICT DO NOTHING").await.unwrap();
    assert_eq!(
        node.resync(10).await.incarnation,
        first.incarnation,
        "the second node that finds it empty changes nothing"
    );
    writer.batch_execute(&note("kept")).await.unwrap();
    // Commits here do not wait for the disk; what was written so far is to be there again.
    writer.batch_execute("CHECKPOINT").await.unwrap();

    // One process of the server is killed; the postmaster stays, and with it the time of its start.
    let pid = ask(&writer, "SELECT pg_backend_pid()").await.remove(0);
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    wait_until("the server has recovered", Duration::from_secs(20), || postgres.try_psql("shop", "SELECT 1").ok());
    let again = Node::begin(&address).await.resync(10).await;
    assert_eq!((again.started, again.system, &again.timeline), (first.started, first.system, &first.timeline));
    assert_eq!(again.incarnation, None);
    assert_eq!(again.names(), ["kept"]);
    postgres.psql("shop", "INSERT INTO edge.incarnation DEFAULT VALUES ON CONFLICT DO NOTHING");
    let new = Node::begin(&address).await.resync(10).await.incarnation;
    assert!(new.is_some() && new != first.incarnation);
}
