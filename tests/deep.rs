//! Deep pages: the row at an offset is found by counts, and is the one that walking there finds, whatever writers do; and
//! finding it reads few rows, wherever it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "deep/changes.rs"]
mod changes;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use atelier_edge::key::{Key, Page, Sort};
use atelier_edge::model::Extras;
use atelier_edge::origin::postgres::{Limits, PollLimits, Postgres as Origin, WriteLimits};
use atelier_edge::origin::{Origin as _, Rules};
use atelier_rig::Postgres;
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use self::changes::{add, change, change_of_reviews, review};

/// A list that is paged through.
#[derive(Clone, Copy, Debug)]
struct List {
    /// The statement of a page far down, with the names of its offset and of its rows.
    deep: (&'static str, &'static str, &'static str),
    /// All ids that it shows, in order.
    live: &'static str,
}

const PRODUCTS: List = List {
    deep: (include_str!("../src/origin/postgres/products_deep.sql"), "$1", "$2"),
    live: "SELECT id FROM products ORDER BY id",
};
/// The reviews of product 1.
const REVIEWS: [List; 2] = [
    List {
        deep: (include_str!("../src/origin/postgres/reviews_helpful_deep.sql"), "$2", "$3"),
        live: "SELECT id FROM reviews WHERE product_id = 1 AND NOT reported ORDER BY helpfulness DESC, date DESC, id DESC",
    },
    List {
        deep: (include_str!("../src/origin/postgres/reviews_newest_deep.sql"), "$2", "$3"),
        live: "SELECT id FROM reviews WHERE product_id = 1 AND NOT reported ORDER BY date DESC, id DESC",
    },
];

/// How many rows a page adds up and walks past at most, besides those it shows: a bucket of the highest level for each 2^24 ids, and
/// 256 of what is below each; one row more of each is looked at.
const BOUND: u64 = 128 + 3 * 256 + 4;

async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// An empty catalogue.
fn empty(postgres: &Postgres, database: &str) -> String {
    let address = postgres.create(database);
    postgres.psql_file(database, &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
    address
}

/// Those of some offsets, among them every edge, at which the statement's page is not the window over all live ids. It is one statement, so
/// both are of one snapshot.
async fn wrong(client: &Client, list: List, seed: i32) -> Result<Vec<i64>, tokio_postgres::Error> {
    let List { deep: (deep, offset, rows), live } = list;
    let deep = deep.replace(offset, "o.o").replace(rows, "7").replace("$1", "1");
    let compare = format!(
        "WITH live AS MATERIALIZED (SELECT ARRAY({live}) AS ids), \
         o AS MATERIALIZED ( \
             SELECT o FROM live CROSS JOIN LATERAL ( \
                 SELECT ((hashint8(n + {seed}) & 2147483647) % (cardinality(ids) + 9))::bigint AS o FROM generate_series(1, 16) AS n \
                 UNION SELECT 0 UNION SELECT greatest(cardinality(ids) - 1, 0) UNION SELECT cardinality(ids) \
                 UNION SELECT 2147483640) AS each_of) \
         SELECT o.o FROM o, live WHERE ARRAY(SELECT d.id FROM (\n{deep}\n) AS d) <> live.ids[o.o + 1 : o.o + 7]"
    );
    Ok(client.query(&compare, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Whether every bucket has one row, with what a count of the products finds.
const FITS: &str = "SELECT count(*) FROM (
    (TABLE edge.product_counts EXCEPT ALL SELECT * FROM edge.tally(ARRAY(SELECT id FROM products)))
    UNION ALL
    (SELECT * FROM edge.tally(ARRAY(SELECT id FROM products)) EXCEPT ALL TABLE edge.product_counts)) AS differing";

#[tokio::test]
async fn a_page_is_the_window_over_the_live_rows_after_any_changes() {
    let postgres = Postgres::start();
    let address = empty(&postgres, "shop");
    let client = connect(&address).await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    assert_eq!(wrong(&client, PRODUCTS, 0).await.unwrap(), [0; 0], "an empty list");
    let mut most = 0;
    for round in 0..40 {
        let isolation = if random.bool() { "REPEATABLE READ" } else { "READ COMMITTED" };
        let changes: Vec<_> = (0..random.u32(1..4)).map(|_| change(&mut random, round % 4)).collect();
        let end = if random.u32(0..8) == 0 { "ROLLBACK" } else { "COMMIT" };
        let sql = format!("BEGIN ISOLATION LEVEL {isolation}; {}; {end}", changes.join("; "));
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        if random.u32(0..5) == 0 {
            client.batch_execute("SELECT edge.merge_counts()").await.unwrap();
        }
        assert_eq!(wrong(&client, PRODUCTS, round).await.unwrap(), [0; 0], "round {round}, seed {seed}, after {sql}");
        let count: i64 = client.query_one("SELECT count(*) FROM products", &[]).await.unwrap().get(0);
        most = most.max(count);
    }
    assert!(most > 1000, "only {most} products");
    client.batch_execute("SELECT edge.merge_counts()").await.unwrap();
    let differing: i64 = client.query_one(FITS, &[]).await.unwrap().get(0);
    assert_eq!(differing, 0);

    let (old, new) = (connect(&address).await, add("SELECT generate_series(1001, 3000)"));
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM products").await.unwrap();
    client.batch_execute(&format!("{} ON CONFLICT DO NOTHING", add("SELECT generate_series(1, 1000)"))).await.unwrap();
    // Its snapshot does not see all that it removes.
    old.batch_execute("TRUNCATE products CASCADE; COMMIT").await.unwrap();
    client.batch_execute(&new).await.unwrap();
    assert_eq!(wrong(&client, PRODUCTS, 1).await.unwrap(), [0; 0]);

    // What the triggers cannot see makes pages wrong, and the new epoch that is begun for it makes them right at once; by counts again
    // when a node has seen to it.
    let unseen = "SET session_replication_role = replica; ALTER TABLE products DISABLE TRIGGER edge_delete; \
         DELETE FROM products WHERE id < 1700; ALTER TABLE products ENABLE ALWAYS TRIGGER edge_delete; RESET session_replication_role";
    client.batch_execute(unseen).await.unwrap();
    assert_ne!(wrong(&client, PRODUCTS, 1).await.unwrap(), [0; 0], "this test sees when a page is wrong");
    client.batch_execute("UPDATE edge.epoch SET gen = gen + 1").await.unwrap();
    assert_eq!(wrong(&client, PRODUCTS, 1).await.unwrap(), [0; 0]);
    assert_ne!(client.query_one(FITS, &[]).await.unwrap().get::<_, i64>(0), 0);
    client.batch_execute(&format!("SELECT edge.merge_counts(); {}", add("VALUES (1), (2)"))).await.unwrap();
    assert_eq!(wrong(&client, PRODUCTS, 1).await.unwrap(), [0; 0]);
    client.batch_execute("SELECT edge.merge_counts()").await.unwrap();
    assert_eq!(client.query_one(FITS, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// A catalogue with products and reviews that writers can begin with.
async fn filled(address: &str) -> Client {
    let client = connect(address).await;
    let products = add("SELECT generate_series(1, 16000, 3) UNION SELECT 2");
    client.batch_execute(&format!("{products}; {}", review("SELECT generate_series(4, 5000)"))).await.unwrap();
    client
}

#[tokio::test]
async fn a_page_of_reviews_is_the_window_over_those_that_are_shown_after_any_changes() {
    let postgres = Postgres::start();
    let address = empty(&postgres, "shop");
    let client = filled(&address).await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut with_steps, mut with_moves) = (0, 0);
    for round in 0..40 {
        if round % 10 == 0 {
            let more = review("SELECT generate_series(4, 4000)");
            client.batch_execute(&format!("{more} ON CONFLICT DO NOTHING; SELECT edge.step_reviews(1)")).await.unwrap();
        }
        let isolation = if random.bool() { "REPEATABLE READ" } else { "READ COMMITTED" };
        let changes: Vec<_> = (0..random.u32(1..4)).map(|_| change_of_reviews(&mut random, round % 4)).collect();
        let end = if random.u32(0..8) == 0 { "ROLLBACK" } else { "COMMIT" };
        let sql = format!("BEGIN ISOLATION LEVEL {isolation}; {}; {end}", changes.join("; "));
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        for list in REVIEWS {
            assert_eq!(wrong(&client, list, round).await.unwrap(), [0; 0], "round {round}, seed {seed}, after {sql}");
        }
        let found = "SELECT (SELECT count(*) FROM edge.review_steps), (SELECT count(*) FROM edge.review_moves WHERE product_id = 1)";
        let found = client.query_one(found, &[]).await.unwrap();
        with_steps += i32::from(found.get::<_, i64>(0) > 10);
        with_moves += i32::from(found.get::<_, i64>(1) > 0);
    }
    assert!(with_steps > 15 && with_moves > 10, "steps in {with_steps} rounds, moves in {with_moves}");

    // A statement with rows of very many products.
    let bulk = review("SELECT generate_series(20001, 23000)")
        .replace("CASE WHEN n % 7 = 0 THEN 2 ELSE 1 END", "1 + 3 * (n % 1700)");
    let again = review("SELECT generate_series(4, 5000)");
    client
        .batch_execute(&format!("{again} ON CONFLICT DO NOTHING; SELECT edge.step_reviews(1); {bulk}"))
        .await
        .unwrap();
    let others = "SELECT count(*) FROM edge.review_moves WHERE product_id > 2";
    assert_eq!(
        client.query_one(others, &[]).await.unwrap().get::<_, i64>(0),
        0,
        "products without steps have no moves"
    );
    for list in REVIEWS {
        assert_eq!(wrong(&client, list, 1).await.unwrap(), [0; 0]);
    }

    // What the triggers cannot see makes pages wrong, and the new epoch that is begun for it makes them right.
    let unseen = "ALTER TABLE reviews DISABLE TRIGGER edge_update; \
                  UPDATE reviews SET helpfulness = helpfulness + 9, date = date + 99 WHERE id % 2 = 0; \
                  ALTER TABLE reviews ENABLE ALWAYS TRIGGER edge_update";
    client.batch_execute(unseen).await.unwrap();
    for list in REVIEWS {
        assert_ne!(wrong(&client, list, 1).await.unwrap(), [0; 0], "this test sees when a page is wrong");
    }
    for heal in ["UPDATE edge.epoch SET gen = gen + 1", "SELECT edge.step_reviews(NULL)"] {
        client.batch_execute(heal).await.unwrap();
        for list in REVIEWS {
            assert_eq!(wrong(&client, list, 1).await.unwrap(), [0; 0], "{heal}");
        }
    }
    client.batch_execute("DELETE FROM edge.review_steps").await.unwrap();

    // Steps are not made while somebody is at work who cannot know of them; who reads from before notes moves in any case.
    let writer = connect(&address).await;
    let vote = "UPDATE reviews SET helpfulness = helpfulness + 99 WHERE id % 3 = 0";
    writer.batch_execute(&format!("BEGIN; {vote}")).await.unwrap();
    let refused = client.batch_execute("SELECT edge.step_reviews(1)").await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::LOCK_NOT_AVAILABLE));
    writer.batch_execute("COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM edge.epoch").await.unwrap();
    client.batch_execute("SELECT edge.step_reviews(1)").await.unwrap();
    writer.batch_execute(&format!("{vote}; COMMIT")).await.unwrap();
    for list in REVIEWS {
        assert_eq!(wrong(&client, list, 1).await.unwrap(), [0; 0]);
    }
    client.batch_execute("DELETE FROM edge.review_steps").await.unwrap();

    // A product with few reviews has no steps, nor does one that is gone.
    client.batch_execute("SELECT edge.step_reviews(2), edge.step_reviews(3), edge.step_reviews(4)").await.unwrap();
    let steps = "SELECT count(*) FROM edge.review_steps";
    assert_eq!(client.query_one(steps, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Changes of four writers at once, each in transactions of two, while `keep` is done over and over; every page that is looked at
/// meanwhile is right.
async fn play(
    address: &str,
    first: &Client,
    lists: &[List],
    keep: &[&'static str],
    change: fn(&mut fastrand::Rng, i32) -> String,
) {
    const CHANGES: usize = 25;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    // What TRUNCATE beside others is known for, and a wait for a lock that is given up.
    let known = |error: &tokio_postgres::Error| {
        let codes =
            [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::LOCK_NOT_AVAILABLE];
        error.code().is_some_and(|code| codes.contains(&code))
    };
    let (done, at_work) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(4)));
    // However slow this machine is, writers go on until enough was looked at.
    let enough = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for own in 0..4_i32 {
        let client = connect(address).await;
        let (done, at_work, enough) = (Arc::clone(&done), Arc::clone(&at_work), Arc::clone(&enough));
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(u64::from(own.unsigned_abs())));
        writers.push(tokio::spawn(async move {
            let mut conflicts = 0;
            let mut made = 0;
            while made < CHANGES || !enough.load(Ordering::Relaxed) {
                made += 1;
                let isolation = if random.bool() { "REPEATABLE READ" } else { "READ COMMITTED" };
                let (one, two) = (change(&mut random, own), change(&mut random, own));
                let end = if random.u32(0..8) == 0 { "ROLLBACK" } else { "COMMIT" };
                let sql = format!("BEGIN ISOLATION LEVEL {isolation}; SELECT FROM edge.epoch; {one}; {two}; {end}");
                if let Err(error) = client.batch_execute(&sql).await {
                    assert!(known(&error), "{sql}: {error:?}");
                    conflicts += 1;
                    client.batch_execute("ROLLBACK").await.unwrap();
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
            at_work.fetch_sub(1, Ordering::Relaxed);
            conflicts
        }));
    }
    let mut keepers = Vec::new();
    for &keep in keep {
        let (client, at_work) = (connect(address).await, Arc::clone(&at_work));
        keepers.push(tokio::spawn(async move {
            let mut kept = 0;
            while at_work.load(Ordering::Relaxed) > 0 {
                match client.batch_execute(keep).await {
                    Ok(()) => kept += 1,
                    Err(error) => assert!(known(&error), "{keep}: {error:?}"),
                }
            }
            kept
        }));
    }
    let mut compared: Vec<usize> = Vec::new();
    while at_work.load(Ordering::Relaxed) > 0 {
        for list in lists {
            let before = done.load(Ordering::Relaxed);
            match wrong(first, *list, i32::try_from(before).unwrap()).await {
                Ok(offsets) => {
                    assert_eq!(offsets, [0; 0], "seed {seed}, after about {before} changes");
                    compared.push(before);
                    compared.dedup();
                    enough.store(compared.len() > 12, Ordering::Relaxed);
                }
                Err(error) => assert!(known(&error), "{error:?}"),
            }
        }
    }
    let mut conflicts = 0;
    for writer in writers {
        conflicts += writer.await.unwrap();
    }
    let mut kept = Vec::new();
    for keeper in keepers {
        kept.push(keeper.await.unwrap());
    }
    println!("compared in {} states, {keep:?} {kept:?} times, {conflicts} conflicts", compared.len());
    assert!(kept.iter().all(|kept| *kept > 3) && conflicts < done.load(Ordering::Relaxed) / 2, "{kept:?}, {conflicts}");
    for list in lists {
        assert_eq!(wrong(first, *list, 0).await.unwrap(), [0; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_once_make_no_page_wrong() {
    let postgres = Postgres::start();
    let address = empty(&postgres, "shop");
    let first = filled(&address).await;
    let keep = ["SELECT edge.merge_counts()", "UPDATE edge.epoch SET gen = gen + 1"];
    play(&address, &first, &[PRODUCTS], &keep, change).await;
    first.batch_execute("SELECT edge.merge_counts()").await.unwrap();
    let differing: i64 = first.query_one(FITS, &[]).await.unwrap().get(0);
    assert_eq!(differing, 0);

    // Steps are made and forgotten all the time.
    first.batch_execute("TRUNCATE products CASCADE").await.unwrap();
    let first = filled(&address).await;
    let forget = "DO $$ BEGIN PERFORM pg_sleep(0.05); UPDATE edge.epoch SET gen = gen + 1; \
                  LOCK TABLE edge.review_steps IN SHARE UPDATE EXCLUSIVE MODE; DELETE FROM edge.review_steps; END $$";
    let keep = ["SELECT edge.step_reviews(1)", forget];
    play(&address, &first, &REVIEWS, &keep, change_of_reviews).await;
}

/// How many rows the nodes of a plan read from tables and indexes, and how many pages.
fn read(plan: &Value) -> (u64, u64) {
    let number = |key: &str| plan[key].as_u64().unwrap_or(0);
    let mut rows = 0;
    if plan["Node Type"].as_str().unwrap().contains("Scan") && plan["Relation Name"].is_string() {
        rows = (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        rows += read(child).0;
    }
    (rows, number("Shared Hit Blocks") + number("Shared Read Blocks"))
}

#[tokio::test]
async fn a_page_reads_about_as_many_rows_wherever_it_is() {
    const MANY: i64 = 60_000;
    let postgres = Postgres::start();
    let client = connect(&empty(&postgres, "shop")).await;
    let prepare = format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE products (bigint, bigint) AS {}; PREPARE naive (bigint, bigint) AS {}; \
         PREPARE helpful (integer, bigint, bigint) AS {}; PREPARE newest (integer, bigint, bigint) AS {}",
        PRODUCTS.deep.0,
        include_str!("../src/origin/postgres/products.sql"),
        REVIEWS[0].deep.0,
        REVIEWS[1].deep.0
    );
    client.batch_execute(&prepare).await.unwrap();
    let explain = async |statement: String| {
        let sql = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT JSON) EXECUTE {statement}");
        let plan = client.simple_query(&sql).await.unwrap();
        let plan = plan.iter().find_map(|row| if let SimpleQueryMessage::Row(row) = row { row.get(0) } else { None });
        let plan: Value = serde_json::from_str(plan.unwrap()).unwrap();
        read(&plan[0]["Plan"])
    };
    // Without gaps, and as far apart as they can be.
    for ids in [
        format!("SELECT generate_series(1, {MANY})"),
        format!("SELECT generate_series(1, 2147483647, 2147483647 / {MANY})"),
    ] {
        client.batch_execute(&format!("TRUNCATE products CASCADE; {}", add(&ids))).await.unwrap();
        // The plan is the same before there are statistics, and after rows were deleted one by one.
        for analyse in [false, true] {
            if analyse {
                let one_by_one = "DO $$ BEGIN FOR n IN 1..150 LOOP
                                      DELETE FROM products WHERE id = (SELECT id FROM products ORDER BY id LIMIT 1 OFFSET 10);
                                  END LOOP; END $$; SELECT edge.merge_counts(); ANALYZE products; ANALYZE edge.product_counts";
                client.batch_execute(one_by_one).await.unwrap();
            }
            for offset in [1_000, MANY / 3, MANY * 9 / 10, MANY - 200] {
                let (rows, pages) = explain(format!("products({offset}, 30)")).await;
                assert!(rows <= BOUND + 31, "{rows} rows at {offset} of {ids}");
                // Before a vacuum a page is looked at for each row.
                assert!(pages <= BOUND + 100, "{pages} pages at {offset} of {ids}");
            }
        }
        let (walked, _) = explain(format!("naive({}, 30)", MANY * 9 / 10)).await;
        assert!(walked > 50_000, "{walked} rows: this test does not see what is walked past");
    }

    // Of reviews: a step and what was moved since, and one in nine is not shown.
    let reviews = format!(
        "TRUNCATE products CASCADE; {}; {}",
        add("VALUES (1), (2)"),
        review("SELECT generate_series(1, 20000)")
    );
    client.batch_execute(&reviews).await.unwrap();
    for statement in ["helpful(1, 12000, 5)", "newest(1, 12000, 5)"] {
        let (walked, _) = explain(statement.to_owned()).await;
        assert!(walked > 12_000, "{statement} walks past {walked} rows");
    }
    client
        .batch_execute("SELECT edge.step_reviews(1); UPDATE reviews SET helpfulness = helpfulness + 1 WHERE id <= 70")
        .await
        .unwrap();
    for analyse in [false, true] {
        if analyse {
            client.batch_execute("ANALYZE").await.unwrap();
        }
        for offset in [1_000, 7_000, 12_000, 15_000] {
            for statement in [format!("helpful(1, {offset}, 5)"), format!("newest(1, {offset}, 5)")] {
                // What is walked past, and twice the moves, of which there are up to 140.
                let (rows, pages) = explain(statement.clone()).await;
                assert!(rows < 800, "{statement}: {rows} rows");
                assert!(pages < 1_200, "{statement}: {pages} pages");
            }
        }
    }
}

/// A node that was asked for a page far down gives the product steps when it prunes, and its answers stay the same.
#[tokio::test]
async fn a_product_that_is_paged_through_gets_steps() {
    let postgres = Postgres::start();
    let address = empty(&postgres, "shop");
    let client = filled(&address).await;
    let patience = Duration::from_secs(20);
    let limits = Limits {
        readers: 1,
        statement: patience,
        connect: patience,
        poll: PollLimits { statement: patience, resync: patience, age: patience },
        write: WriteLimits {
            permits: 1,
            wait: patience,
            budget: patience,
            statement: patience,
            lock: patience,
            age: patience,
        },
    };
    let origin = Origin::start(address.parse().unwrap(), limits, Rules { rows_max: 100, extras: Extras::default() });
    assert!(origin.wait_until_up(patience).await);
    let steps =
        async || client.query_one("SELECT count(*) FROM edge.review_steps", &[]).await.unwrap().get::<_, i64>(0);
    let keys =
        [Sort::Helpful, Sort::Newest].map(|sort| Key::Reviews { product: 1, sort, page: Page::new(400, 7).unwrap() });
    let first = Key::Reviews { product: 1, sort: Sort::Newest, page: Page::new(100, 7).unwrap() };
    let past = Key::Reviews { product: 2, sort: Sort::Newest, page: Page::new(400, 7).unwrap() };
    for key in [first, past] {
        origin.fetch(key).await.unwrap();
    }
    origin.prune(patience).await.unwrap();
    assert_eq!(steps().await, 0, "nobody has seen a review far down");
    let mut before = Vec::new();
    for key in keys {
        let (fetched, _) = origin.fetch(key).await.unwrap();
        assert!(!fetched.empty, "{key}");
        before.push(fetched);
    }
    origin.prune(patience).await.unwrap();
    assert!(steps().await > 20);
    for (key, before) in keys.into_iter().zip(before) {
        assert_eq!(origin.fetch(key).await.unwrap().0, before, "{key}");
    }
}
