//! Deep pages: the row at an offset is found by counts, and is the one that walking there finds, whatever writers do; and
//! finding it reads few rows, wherever it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atelier_rig::Postgres;
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

const DEEP: &str = include_str!("../src/origin/postgres/products_deep.sql");

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

/// The statement that adds the products with these ids, given as a query of one column.
fn add(ids: &str) -> String {
    format!(
        "INSERT INTO products (id, name, slogan, description, category, default_price) \
         SELECT DISTINCT n::integer, '', '', '', '', 1 FROM ({ids}) AS i (n)"
    )
}

/// Those of some offsets, among them every edge, at which the statement's page is not the window over all live ids. It is one statement, so
/// both are of one snapshot.
async fn wrong(client: &Client, seed: i32) -> Result<Vec<i64>, tokio_postgres::Error> {
    let deep = DEEP.replace("$1", "o.o").replace("$2", "7");
    let compare = format!(
        "WITH live AS MATERIALIZED (SELECT coalesce(array_agg(id ORDER BY id), '{{}}') AS ids FROM products), \
         o AS MATERIALIZED ( \
             SELECT o FROM live CROSS JOIN LATERAL ( \
                 SELECT ((hashint8(n + {seed}) & 2147483647) % (cardinality(ids) + 9))::bigint AS o FROM generate_series(1, 40) AS n \
                 UNION SELECT 0 UNION SELECT greatest(cardinality(ids) - 1, 0) UNION SELECT cardinality(ids) UNION SELECT 2147483640) AS each_of) \
         SELECT o.o FROM o, live \
         WHERE ARRAY(SELECT d.id FROM ({deep}) AS d ORDER BY d.id) <> live.ids[o.o + 1 : o.o + 7]"
    );
    Ok(client.query(&compare, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// One change of the catalogue by somebody whose ids leave the rest `own` when divided by 4, with what makes it unlike the others.
fn change(random: &mut fastrand::Rng, own: i32) -> String {
    let first = random.i32(0..4000) * 4 + own + 4;
    let some = random.i32(1..900);
    match random.u32(0..100) {
        0..20 => format!("{} ON CONFLICT DO NOTHING", add(&format!("SELECT {first} + 4 * generate_series(0, {some})"))),
        20..40 => {
            format!("{} ON CONFLICT (id) DO UPDATE SET name = 'x'", add(&format!("VALUES ({first}), ({first} + 4)")))
        }
        // Anywhere among all the ids there are.
        40..50 => {
            let far = format!(
                "SELECT (hashint8(n * {first}) & 536870911)::bigint * 4 + {own} FROM generate_series(1, {some}) AS n"
            );
            format!("{} WHERE n > 0 ON CONFLICT DO NOTHING", add(&far))
        }
        50..65 => format!("DELETE FROM products WHERE id % 4 = {own} AND id BETWEEN {first} AND {first} + {some} * 4"),
        65..75 => format!("DELETE FROM products WHERE id = {first}"),
        75..80 => format!("DELETE FROM products WHERE id % 4 = {own} AND id > 100000 AND hashint4(id) % 3 = 0"),
        80..85 => format!("UPDATE products SET name = 'y' WHERE id % 4 = {own} AND id < {first}"),
        85..93 => format!(
            "MERGE INTO products AS p USING (SELECT ({first} + 4 * n)::integer AS id FROM generate_series(0, {some}) AS n) AS n ON p.id = n.id \
             WHEN MATCHED AND p.id % 8 = {own} THEN DELETE WHEN MATCHED THEN UPDATE SET name = 'z' \
             WHEN NOT MATCHED THEN INSERT (id, name, slogan, description, category, default_price) VALUES (n.id, '', '', '', '', 1)"
        ),
        // A part that is undone.
        93..99 => format!(
            "SAVEPOINT one; DELETE FROM products WHERE id % 4 = {own}; ROLLBACK TO SAVEPOINT one; DELETE FROM products WHERE id = {first}"
        ),
        _ => "TRUNCATE products CASCADE".to_owned(),
    }
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
    assert_eq!(wrong(&client, 0).await.unwrap(), [0; 0], "an empty list");
    let mut most = 0;
    for round in 0..80 {
        let isolation = if random.bool() { "REPEATABLE READ" } else { "READ COMMITTED" };
        let changes: Vec<_> = (0..random.u32(1..4)).map(|_| change(&mut random, round % 4)).collect();
        let end = if random.u32(0..8) == 0 { "ROLLBACK" } else { "COMMIT" };
        let sql = format!("BEGIN ISOLATION LEVEL {isolation}; {}; {end}", changes.join("; "));
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        if random.u32(0..5) == 0 {
            client.batch_execute("SELECT edge.merge_counts()").await.unwrap();
        }
        assert_eq!(wrong(&client, round).await.unwrap(), [0; 0], "round {round}, seed {seed}, after {sql}");
        let count: i64 = client.query_one("SELECT count(*) FROM products", &[]).await.unwrap().get(0);
        most = most.max(count);
    }
    assert!(most > 2000, "only {most} products");
    client.batch_execute("SELECT edge.merge_counts()").await.unwrap();
    let differing: i64 = client.query_one(FITS, &[]).await.unwrap().get(0);
    assert_eq!(differing, 0);

    let (old, new) = (connect(&address).await, add("SELECT generate_series(1001, 3000)"));
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM products").await.unwrap();
    client
        .batch_execute(&format!("{} ON CONFLICT DO NOTHING", add("SELECT generate_series(1, 1000)")))
        .await
        .unwrap();
    // Its snapshot does not see all that it removes.
    old.batch_execute("TRUNCATE products CASCADE; COMMIT").await.unwrap();
    client.batch_execute(&new).await.unwrap();
    assert_eq!(wrong(&client, 1).await.unwrap(), [0; 0]);

    // What the triggers cannot see makes pages wrong, and the new epoch that is begun for it makes them right.
    let unseen = "SET session_replication_role = replica; ALTER TABLE products DISABLE TRIGGER edge_delete; \
         DELETE FROM products WHERE id < 1700; ALTER TABLE products ENABLE ALWAYS TRIGGER edge_delete; RESET session_replication_role";
    client.batch_execute(unseen).await.unwrap();
    assert_ne!(wrong(&client, 1).await.unwrap(), [0; 0], "this test sees when a page is wrong");
    client.batch_execute("UPDATE edge.epoch SET gen = gen + 1").await.unwrap();
    assert_eq!(wrong(&client, 1).await.unwrap(), [0; 0]);
    // As the command and the page for operators begin one.
    client.batch_execute("INSERT INTO edge.product_counts VALUES (0, 5, 1), (0, 5, 2), (0, 5, 3)").await.unwrap();
    assert_ne!(wrong(&client, 1).await.unwrap(), [0; 0]);
    client.query_one(include_str!("../src/origin/postgres/write/epoch.sql"), &[&"a", &"b", &"c"]).await.unwrap();
    assert_eq!(wrong(&client, 1).await.unwrap(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_once_make_no_page_wrong() {
    const CHANGES: usize = 60;
    let postgres = Postgres::start();
    let address = empty(&postgres, "shop");
    let first = connect(&address).await;
    first.batch_execute(&add("SELECT generate_series(1, 16000, 3)")).await.unwrap();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let (done, at_work) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(4)));
    let mut writers = Vec::new();
    for own in 0..4 {
        let client = connect(&address).await;
        let (done, at_work) = (Arc::clone(&done), Arc::clone(&at_work));
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(own));
        writers.push(tokio::spawn(async move {
            let mut conflicts = 0;
            for _ in 0..CHANGES {
                let isolation = if random.bool() { "REPEATABLE READ" } else { "READ COMMITTED" };
                let own = i32::try_from(own).unwrap();
                let (one, two) = (change(&mut random, own), change(&mut random, own));
                let end = if random.u32(0..8) == 0 { "ROLLBACK" } else { "COMMIT" };
                let sql = format!("BEGIN ISOLATION LEVEL {isolation}; {one}; {two}; {end}");
                if let Err(error) = client.batch_execute(&sql).await {
                    let code = error.code().unwrap_or_else(|| panic!("{sql}: {error:?}"));
                    // Those that TRUNCATE beside others is known for.
                    let known = [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE];
                    assert!(known.contains(&code), "{sql}: {error:?}");
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
    for keep in ["SELECT edge.merge_counts()", "UPDATE edge.epoch SET gen = gen + 1"] {
        let (client, at_work) = (connect(&address).await, Arc::clone(&at_work));
        keepers.push(tokio::spawn(async move {
            let mut kept = 0;
            while at_work.load(Ordering::Relaxed) > 0 {
                match client.batch_execute(keep).await {
                    Ok(()) => kept += 1,
                    Err(error) => assert_eq!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED), "{error:?}"),
                }
            }
            kept
        }));
    }
    let mut compared: Vec<usize> = Vec::new();
    while at_work.load(Ordering::Relaxed) > 0 {
        let before = done.load(Ordering::Relaxed);
        match wrong(&first, i32::try_from(before).unwrap()).await {
            Ok(offsets) => assert_eq!(offsets, [0; 0], "seed {seed}, after about {before} changes"),
            Err(error) => {
                assert_eq!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED), "{error:?}");
                continue;
            }
        }
        compared.push(before);
    }
    let mut conflicts = 0;
    for writer in writers {
        conflicts += writer.await.unwrap();
    }
    let mut kept = Vec::new();
    for keeper in keepers {
        kept.push(keeper.await.unwrap());
    }
    compared.dedup();
    println!("compared in {} states, merged and recounted {kept:?} times, {conflicts} conflicts", compared.len());
    assert!(compared.len() > 10 && kept.iter().all(|kept| *kept > 10) && conflicts < CHANGES);
    assert_eq!(wrong(&first, 0).await.unwrap(), [0; 0]);
    first.batch_execute("SELECT edge.merge_counts()").await.unwrap();
    let differing: i64 = first.query_one(FITS, &[]).await.unwrap().get(0);
    assert_eq!(differing, 0);
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
    const PRODUCTS: i64 = 60_000;
    let postgres = Postgres::start();
    let client = connect(&empty(&postgres, "shop")).await;
    let naive = include_str!("../src/origin/postgres/products.sql");
    let prepare = format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE deep (bigint, bigint) AS {DEEP}; PREPARE naive (bigint, bigint) AS {naive}"
    );
    client.batch_execute(&prepare).await.unwrap();
    let explain = async |statement: &str, offset: i64| {
        let sql = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT JSON) EXECUTE {statement}({offset}, 30)");
        let plan = client.simple_query(&sql).await.unwrap();
        let plan = plan.iter().find_map(|row| if let SimpleQueryMessage::Row(row) = row { row.get(0) } else { None });
        let plan: Value = serde_json::from_str(plan.unwrap()).unwrap();
        read(&plan[0]["Plan"])
    };
    // Without gaps, and as far apart as they can be.
    for ids in [
        format!("SELECT generate_series(1, {PRODUCTS})"),
        format!("SELECT generate_series(1, 2147483647, 2147483647 / {PRODUCTS})"),
    ] {
        client.batch_execute(&format!("TRUNCATE products CASCADE; {}", add(&ids))).await.unwrap();
        // The plan is the same before there are statistics, and after rows were added one by one.
        for analyse in [false, true] {
            if analyse {
                let one_by_one = "DO $$ BEGIN FOR n IN 1..150 LOOP
                                      DELETE FROM products WHERE id = (SELECT id FROM products ORDER BY id LIMIT 1 OFFSET 10);
                                  END LOOP; END $$; SELECT edge.merge_counts(); ANALYZE products; ANALYZE edge.product_counts";
                client.batch_execute(one_by_one).await.unwrap();
            }
            for offset in [1_000, PRODUCTS / 3, PRODUCTS * 9 / 10, PRODUCTS - 200] {
                let (rows, pages) = explain("deep", offset).await;
                assert!(rows <= BOUND + 31, "{rows} rows at {offset} of {ids}");
                assert!(pages <= BOUND + 100, "{pages} pages at {offset} of {ids}");
            }
        }
        let (walked, _) = explain("naive", PRODUCTS * 9 / 10).await;
        assert!(walked > 50_000, "{walked} rows: this test does not see what is walked past");
    }
}
